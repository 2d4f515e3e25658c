"""A signature is genuine or not, to us and to openssl alike; and no changed byte passes."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from filmbadge import cli
from filmbadge.cli.console import json_bytes
from filmbadge.model import Refusal
from filmbadge.tell.proof import signature
from support import proofs
from support.archives import program

DOCS = Path(__file__).parents[3] / "docs" / "verify.md"


def openssl(*arguments: str, folder: Path, code: int = 0) -> bytes:
    done = subprocess.run([program("openssl"), *arguments], cwd=folder, capture_output=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A proof, signed with a key that openssl made, and the keys of somebody else."""
    made = tmp_path_factory.mktemp("signed")
    for key, public in (("KEY", "PUB"), ("other.pem", "other.pub")):
        openssl("genpkey", "-algorithm", "ed25519", "-out", key, folder=made)
        openssl("pkey", "-in", key, "-pubout", "-out", public, folder=made)
    told = json_bytes(proofs.proof(made))
    (made / "PROOF.json").write_bytes(signature.signed(told, signature.private_key(made / "KEY")))
    return made


@pytest.fixture(scope="module")
def raw(folder: Path) -> bytes:
    return (folder / "PROOF.json").read_bytes()


def check(folder: Path, raw: bytes, key: str = "PUB") -> int:
    (folder / "shown.json").write_bytes(raw)
    return cli.run(["verify", "--signature", str(folder / "shown.json"), "--key", str(folder / key)])


def test_a_genuine_one_is_genuine_and_says_what_was_signed(
    folder: Path, raw: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(folder, raw) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "192.0.2.7: closed. Every way in that was open gives nothing to strangers now." in said
    assert "shown.json: genuine" in said
    assert signature.fingerprint(signature.public_key(folder / "PUB")) in said


def test_what_docs_say_to_do_with_openssl_alone_works(folder: Path, raw: bytes) -> None:
    (commands,) = re.findall(r"<!-- by openssl -->\n```sh\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    done = subprocess.run(["sh", "-ec", commands], cwd=folder, capture_output=True, text=True, check=True)
    assert "Signature Verified Successfully" in done.stdout
    assert json.loads(raw)["signature"]["fingerprint"] in done.stdout
    (folder / "PROOF.json").write_bytes(raw.replace(b'"closed"', b'"open"', 1))
    changed = subprocess.run(["sh", "-ec", commands], cwd=folder, capture_output=True, text=True, check=False)
    (folder / "PROOF.json").write_bytes(raw)
    assert changed.returncode != 0


def edited(change: Callable[[dict[str, object]], object]) -> Callable[[bytes], bytes]:
    def work(raw: bytes) -> bytes:
        held = json.loads(raw)
        change(held)
        return json.dumps(held, indent=2, ensure_ascii=False).encode() + b"\n"

    return work


def swapped(raw: bytes, field: bytes) -> bytes:
    """Two signs of it the other way round."""
    return re.sub(
        rb'("%b": ".{10})(.)(.*?)((?!\2).)' % field,
        lambda found: found[1] + found[4] + found[3] + found[2],
        raw,
        count=1,
    )


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "a word": lambda raw: raw.replace(b"closed", b"closes", 1),
    "a field less": edited(lambda held: held.pop("limits")),
    "a field more": edited(lambda held: held.update(zebra=1)),
    "a key twice": lambda raw: raw.replace(b'{\n  "target"', b'{\n  "result": "closed",\n  "target"', 1),
    "a key twice, after the signature": lambda raw: raw.replace(b"  }\n}\n", b'  },\n  "result": "open"\n}\n'),
    "written anew": lambda raw: json.dumps(json.loads(raw)).encode(),
    "Windows' line ends": lambda raw: raw.replace(b"\n", b"\r\n"),
    "a line end less": lambda raw: raw[:-1],
    "more behind it": lambda raw: raw + b" ",
    "another fingerprint": lambda raw: swapped(raw, b"fingerprint"),
    "another public key": lambda raw: swapped(raw, b"public_key"),
    "another algorithm": lambda raw: raw.replace(b"Ed25519", b"Ed25518"),
    "another spelling of the same signature": lambda raw: re.sub(
        rb'(.)(==")', lambda end: bytes([end[1][0] + 1]) + end[2], raw
    ),
}


def test_nothing_is_changed_by_writing_the_same_once_more(raw: bytes) -> None:
    """So the changes above are found for what they change."""
    assert edited(lambda _: None)(raw) == raw


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_found(folder: Path, raw: bytes, change: str, capsys: pytest.CaptureFixture[str]) -> None:
    changed = CHANGES[change](raw)
    assert changed != raw
    assert check(folder, changed) == 1
    assert "NOT genuine" in capsys.readouterr().out


@given(data=some.data())
def test_no_changed_byte_passes(folder: Path, raw: bytes, data: some.DataObject) -> None:
    place = data.draw(some.integers(0, len(raw) - 1))
    byte = data.draw(some.integers(0, 255).filter(lambda one: one != raw[place]))
    changed = raw[:place] + bytes([byte]) + raw[place + 1 :]
    assert signature.genuine(changed, signature.public_key(folder / "PUB")) is None


def test_the_signature_of_somebody_else_is_not_genuine(folder: Path, raw: bytes) -> None:
    assert check(folder, raw, "other.pub") == 1
    unsigned = json_bytes(proofs.proof(folder))
    theirs = signature.signed(unsigned, signature.private_key(folder / "other.pem"))
    assert check(folder, theirs) == 1
    ours = json.loads(raw)["signature"]
    for field in ("fingerprint", "public_key"):  # they say that it is ours
        named = json.loads(theirs)["signature"][field]
        theirs = theirs.replace(named.encode(), ours[field].encode())
    assert check(folder, theirs) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON document of filmbadge verify"),
        ('{"schema": "filmbadge.check/1"}', "is another document than filmbadge.verify/1"),
        ('{"schema": "filmbadge.verify/1", "signature": null}', "has no signature"),
    ],
)
def test_what_is_no_signed_proof_cannot_be_checked(
    folder: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(folder, text.encode()) == 2
    assert said in capsys.readouterr().err


def keys(folder: Path) -> dict[str, str]:
    openssl("genpkey", "-algorithm", "x25519", "-out", "x25519", folder=folder)
    openssl("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", "sec1", folder=folder)
    openssl("pkey", "-in", "KEY", "-aes-256-cbc", "-passout", "pass:a", "-out", "encrypted", folder=folder)
    (folder / "noise").write_bytes(bytes(range(256)))
    return {"x25519": "another kind", "sec1": "another kind", "encrypted": "encrypted", "noise": "no private key", "PUB": "no private key"}  # fmt: skip


def test_another_key_is_refused_in_one_line(folder: Path) -> None:
    for name, said in keys(folder).items():
        with pytest.raises(Refusal, match=said) as refused:
            signature.private_key(folder / name)
        assert "\n" not in str(refused.value)
    for name in ("noise", "KEY"):
        with pytest.raises(Refusal, match="no public key"):
            signature.public_key(folder / name)
    openssl("pkey", "-in", "sec1", "-pubout", "-out", "sec1.pub", folder=folder)
    with pytest.raises(Refusal, match="another kind"):
        signature.public_key(folder / "sec1.pub")
