"""PDF: what is missing is said in one line, and nothing that a page names is fetched."""

from __future__ import annotations

import builtins
import logging
import socket
from pathlib import Path
from typing import Any

import pytest

from filmbadge.tell.pdf import NoPdf, pdf

PAGE = '<!doctype html><html lang="en"><title>A page</title><h1>A page</h1><p>{}</p></html>'


@pytest.mark.parametrize(
    ("missing", "advice"),
    [
        (ImportError("no module"), "pip install 'filmbadge[pdf]'"),
        (OSError("cannot load library"), "apt install libpango"),
    ],
)
def test_what_is_missing_is_said_in_one_line(missing: Exception, advice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def fails(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "weasyprint":
            raise missing
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", fails)
    with pytest.raises(NoPdf) as refusal:
        pdf(PAGE)
    assert advice in str(refusal.value) and "\n" not in str(refusal.value)


def test_nothing_that_a_page_names_is_fetched(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    drawn = tmp_path / "drawn.svg"
    drawn.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>')
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        asks = f"http://127.0.0.1:{listener.getsockname()[1]}"
        tempting = (
            f'<img alt="a" src="{asks}/a.png"><link rel="stylesheet" href="{asks}/a.css"><img alt="b" src="{drawn.as_uri()}">'
            f'<style>@import "{asks}/b.css"; @font-face {{ font-family: F; src: url({asks}/f.woff) }} p {{ font-family: F }}</style>'
        )
        with caplog.at_level(logging.WARNING):
            made = pdf(PAGE.format(tempting))
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert made.startswith(b"%PDF-")
    assert not caplog.records  # a log would quote the page


def test_the_listener_would_have_seen_it() -> None:
    import weasyprint

    with socket.create_server(("127.0.0.1", 0)) as listener:
        page = PAGE.format(f'<img alt="a" src="http://127.0.0.1:{listener.getsockname()[1]}/a.png">')
        weasyprint.HTML(string=page, url_fetcher=weasyprint.urls.URLFetcher(timeout=0.05)).write_pdf()
        listener.settimeout(1)
        listener.accept()[0].close()
