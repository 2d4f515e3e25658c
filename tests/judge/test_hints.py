"""Hints of who runs an archive are names that it shows. They stand beside a verdict, and change nothing in it."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from filmbadge.judge.archives import judge
from filmbadge.model import Certificate, Hint, HintSource, KeyKind, TlsFacts
from support.factories import ADDRESS, AT, DISCLOSED, admitted, dimse, reported, web

HELD = Certificate(
    "pacs.example", "Klinik GmbH", "CA", "A trust", AT, AT + timedelta(9), False, KeyKind.RSA, 2048, True, "a" * 64,
    ("pacs.example", "www.klinik.example"),
)  # fmt: skip


def test_a_certificate_and_a_title_are_hints_once_with_the_first_endpoint() -> None:
    shown = web(reported(msgspec.structs.replace(reported(), aet="KLINIK1"), studies=3))
    over_tls = msgspec.structs.replace(shown, tls=TlsFacts("TLSv1.3", certificate=HELD))
    (archive,) = judge(ADDRESS, [over_tls]).archives
    url = over_tls.endpoint.url
    assert archive.hints == (
        Hint("Klinik GmbH", HintSource.ORGANISATION, url),
        Hint("pacs.example", HintSource.CERTIFICATE_NAME, url),
        Hint("www.klinik.example", HintSource.CERTIFICATE_NAME, url),
        Hint("KLINIK1", HintSource.AE_TITLE, url),
    )
    (plain,) = judge(ADDRESS, [shown]).archives
    assert (plain.rung, plain.grade_why[:1]) == (archive.rung, archive.grade_why[:1])


def test_what_the_scope_or_a_certificate_authority_is_called_is_no_hint() -> None:
    given = msgspec.structs.replace(admitted(DISCLOSED), called="OURS", called_from_scope=True)
    (archive,) = judge(ADDRESS, [dimse(given)]).archives
    assert archive.identity.names == ("OURS",)
    assert archive.hints == ()
    nameless = msgspec.structs.replace(HELD, subject_name="", subject_organisation="")
    seen = msgspec.structs.replace(web(reported(studies=3)), tls=TlsFacts("TLSv1.3", certificate=nameless))
    assert not {"CA", "A trust"} & {hint.what for hint in judge(ADDRESS, [seen]).archives[0].hints}


def test_the_title_that_a_product_has_as_it_comes_is_no_hint() -> None:
    shown = web(reported(msgspec.structs.replace(reported(), aet="ORTHANC"), studies=3))
    (archive,) = judge(ADDRESS, [shown]).archives
    assert archive.identity.names == ("ORTHANC",)
    assert archive.hints == ()


def test_the_name_of_its_address_is_a_hint() -> None:
    shown = msgspec.structs.replace(web(reported(studies=3)), reverse_name="pacs.klinik.example")
    (archive,) = judge(ADDRESS, [shown]).archives
    assert archive.hints[-1] == Hint("pacs.klinik.example", HintSource.REVERSE_NAME, shown.endpoint.url)
