"""What is not Python: the man page, completions, the container and the timer."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import manual
import pytest

from filmbadge.cli import app
from support.archives import program, scope_file
from support.hanging import HANGS

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "packaging"
PAGE = PACKAGING / "man/filmbadge.1"
BY_WORDS = dict(manual.commands(app))
COMMANDS = list(BY_WORDS)


def run(*command: str, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=HANGS, check=False)
    assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def test_the_man_page_is_drawn_without_a_warning() -> None:
    env = {**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80", "MAN_KEEP_FORMATTING": "", "MANROFFSEQ": ""}
    drawn = re.sub(".\b", "", run(program("man"), "--warnings=w", "-l", str(PAGE), env=env))
    assert "warning" not in drawn
    for words in COMMANDS:
        assert f"filmbadge {' '.join(words)}\n" in drawn
    assert "--fail-on-grade {B|C|D|E|F}" in drawn
    assert "EXIT STATUS" in drawn


def test_each_example_of_the_man_page_has_options_that_exist() -> None:
    for line, _ in manual.EXAMPLES:
        words = line.partition(" > ")[0].split()
        named = next(BY_WORDS[part] for part in (tuple(words[1:3]), tuple(words[1:2])) if part in BY_WORDS)
        known = {name for one in named.assemble_argument_collection() for name in one.names}
        assert {word for word in words if word.startswith("--")} <= known, line


def test_bash_completes_commands_and_options() -> None:
    ask = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _filmbadge; echo "${COMPREPLY[@]}"'

    def completed(*words: str) -> list[str]:
        return run("bash", "-c", ask, str(PACKAGING / "completions/bash/filmbadge"), *words).split()

    assert completed("filmbadge", "che") == ["check"]
    assert completed("filmbadge", "check", "--sco") == ["--scope"]
    assert {words[0] for words in COMMANDS} <= set(completed("filmbadge", ""))


def test_zsh_and_fish_read_theirs() -> None:
    run(program("zsh"), "-n", str(PACKAGING / "completions/zsh/_filmbadge"))
    fish = f"source {PACKAGING / 'completions/fish/filmbadge.fish'}; complete -C 'filmbadge che'"
    assert run(program("fish"), "-N", "-c", fish).startswith("check")


def instructions() -> list[tuple[str, str]]:
    lines = [line for line in (PACKAGING / "Containerfile").read_text().splitlines() if line and line[0] != "#"]
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines)]


def test_the_container_has_all_that_it_copies_and_is_not_run_as_root(tmp_path: Path) -> None:
    """Its last step, run on what it copies alone: so nothing is missing that the wheel needs."""
    names = [name for name, _ in instructions()]
    assert set(names) <= {"FROM", "RUN", "WORKDIR", "COPY", "USER", "ENTRYPOINT", "CMD"}
    assert [rest for name, rest in instructions() if name == "USER"] == ["filmbadge"]
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert json.loads(next(rest for name, rest in instructions() if name == "ENTRYPOINT")) == [
        "/opt/filmbadge/bin/filmbadge"
    ]
    for rest in (rest for name, rest in instructions() if name == "COPY" and "--from" not in rest):
        *sources, target = rest.split()
        for source in sources:
            there = tmp_path / "source" / target / (Path(source).name if target == "./" else "")
            there.parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
            copy(ROOT / source, there)
    *_, install = (rest for name, rest in instructions() if name == "RUN" and "--no-deps" in rest)
    assert "--no-build-isolation ." in install
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(tmp_path), ".", cwd=tmp_path / "source")  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    held = zipfile.ZipFile(wheel).namelist()
    for shared in ("man/man1/filmbadge.1", "bash-completion/completions/filmbadge", "zsh/site-functions/_filmbadge", "fish/vendor_completions.d/filmbadge.fish"):  # fmt: skip
        assert any(name.endswith(f"data/share/{shared}") for name in held), shared


@pytest.mark.parametrize("builder", ["podman", "docker"])
def test_the_container_is_built_and_run_where_a_builder_is(builder: str) -> None:
    """A client without its service builds nothing."""
    if shutil.which(builder) is None or subprocess.run([builder, "info"], capture_output=True, check=False).returncode:
        pytest.skip(f"{builder} cannot build here")
    run(builder, "build", "--tag", "filmbadge-test", "--file", "packaging/Containerfile", ".")
    assert "filmbadge" in run(builder, "run", "--rm", "filmbadge-test", "--version")


def test_systemd_takes_the_service_and_its_timer(tmp_path: Path) -> None:
    for name in ("filmbadge.service", "filmbadge.timer", "filmbadge-watch.service"):
        text = (PACKAGING / "systemd" / name).read_text()
        unit = configparser.ConfigParser(interpolation=None, strict=False)
        unit.optionxform = str  # type: ignore[assignment, method-assign]
        unit.read_string(text)
        if name.endswith("service"):
            assert unit["Service"]["NoNewPrivileges"] == "yes"
            assert unit["Service"].get("DynamicUser") == "yes" or unit["Service"]["User"] == "filmbadge-watch"
        # What it starts is put there by whoever installs it.
        (tmp_path / name).write_text(re.sub(r"/opt/filmbadge/(weekly|bin/filmbadge)", "/bin/true", text))
        assert (
            run(program("systemd-analyze"), "verify", "--man=no", "--recursive-errors=no", str(tmp_path / name)) == ""
        )


def test_the_dashboard_in_a_container_has_all_that_it_needs() -> None:
    """It stands on the other image, whose program and user it has, and adds what is locked for it."""
    text = (PACKAGING / "Containerfile.watch").read_text()
    lines = [line.partition(" ")[::2] for line in text.splitlines() if line and line[0] != "#"]
    assert lines[0] == ("FROM", "filmbadge")
    assert [rest for name, rest in lines if name == "USER"][-1] == "filmbadge"
    assert json.loads(dict(lines)["CMD"])[0] == "watch"
    locked = {name: set(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / f"requirements/{name}.txt").read_text(), re.MULTILINE)) for name in ("run", "watch", "dev")}  # fmt: skip
    assert locked["run"] <= locked["watch"] <= locked["dev"]
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["watch"]
    assert {one.partition(">")[0] for one in extra} <= dict(locked["watch"]).keys()


def test_each_week_has_a_survey_a_page_and_what_changed(tmp_path: Path) -> None:
    scope = scope_file(tmp_path, extra="[ports]\ndimse = []\ndimse_tls = []\nweb = [9]\nweb_tls = []\n")
    scope.write_text(scope.read_text().replace('"127.0.0.0/8", "::1/128"', '"127.0.0.8/31"'))
    kept = tmp_path / "-kept"  # a name that is no option
    for other in (kept, kept / "year-ab-cd", kept / "2026-11-07\nx"):  # and two folders that are no surveys
        other.mkdir()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    for day in ("2026-11-01", "2026-11-08", "2026-11-08"):
        run(str(PACKAGING / "weekly"), str(scope), "-kept", day, cwd=tmp_path, env={**os.environ, "PATH": path})
    assert sorted(one.name for one in kept.glob("2026-11-0[18]*")) == ["2026-11-01", "2026-11-01.html", "2026-11-08", "2026-11-08-compared.html", "2026-11-08.html"]  # fmt: skip
