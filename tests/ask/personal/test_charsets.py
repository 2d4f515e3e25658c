"""Counting never fails on a character set: real ones are read, wrong ones are told, and nothing is raised."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.charset import python_encoding

from filmbadge.ask.personal import charsets

# PS3.5 Annexes H, I, J and K, and PS3.3 C.12.1.1.2.
EXAMPLES = [
    ("", b"Adams^John", "Adams^John"),
    ("ISO_IR 100", b"Buc^J\xe9r\xf4me", "Buc^Jérôme"),
    ("ISO_IR 126", b"\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", "Διονυσιος"),
    ("ISO_IR 127", b"\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1", "قباني^لنزار"),
    ("ISO_IR 144", b"\xbb\xee\xdace\xdc\xd1yp\xd3", "Люкceмбyp\u0433"),
    ("ISO_IR 138", b"\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4", "שרון^דבורה"),
    ("ISO_IR 192", "Wang^XiaoDong=王^小东".encode(), "Wang^XiaoDong=王^小东"),
    ("GB18030", b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab", "Wang^XiaoDong=王^小东"),
    ("\\ISO 2022 IR 87", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", "Yamada^Tarou=山田^太郎"),
    ("ISO 2022 IR 13\\ISO 2022 IR 87", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎"),
    ("\\ISO 2022 IR 149", b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7", "Hong^Gildong=洪^吉洞"),
    ("\\ISO 2022 IR 58", b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab", "Zhang^XiaoDong=张^小东"),
]  # fmt: skip


@pytest.mark.parametrize(("declared", "raw", "text"), EXAMPLES)
def test_examples_of_the_standard(declared: str, raw: bytes, text: str) -> None:
    assert charsets.text(raw, charsets.codecs(declared.split("\\"))) == text


@pytest.mark.parametrize(
    "declared", [name for name in python_encoding if name.startswith(("ISO_IR", "ISO 2022 IR", "GB"))]
)
def test_every_defined_term_is_known(declared: str) -> None:
    assert len(charsets.codecs([declared])) == 1


@pytest.mark.parametrize(
    ("declared", "raw"),
    [
        ("", "Buc^Jérôme".encode("latin-1")),  # not in the default repertoire
        ("ISO_IR 192", "Buc^Jérôme".encode("latin-1")),
        ("ISO_IR 999", b"Ad\xe4ms"),
        ("ISO_IR 192", b"\x1b$(Q12"),  # no escape sequence of the standard
        ("\\ISO 2022 IR 87", b"\x1b$B;3E"),  # half a sign
        ("GB18030", b"\xff\xff"),
    ],
)
def test_what_is_not_in_its_character_set_is_told(declared: str, raw: bytes) -> None:
    text = charsets.text(raw, charsets.codecs(declared.split("\\")))
    assert not charsets.readable(text)
    assert text.encode("ascii", "surrogateescape") == raw, "so equal values stay equal"


TERMS = st.sampled_from([*(d for d, _, _ in EXAMPLES), "ISO_IR 999", "\\\\", " iso_ir 100 ", "ISO 2022 IR 159", "utf8"])


@settings(deadline=None)
@given(TERMS | st.text(max_size=20), st.binary(max_size=80))
def test_any_bytes_under_any_declaration(declared: str, raw: bytes) -> None:
    got = charsets.text(raw, charsets.codecs(declared.split("\\")))
    assert charsets.readable(got) or got.encode("ascii", "surrogateescape") == raw


@settings(deadline=None)
@given(TERMS | st.text(max_size=20), st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40))
def test_ascii_is_readable_under_any_declaration(declared: str, written: str) -> None:
    assert charsets.text(written.encode(), charsets.codecs(declared.split("\\"))) == written


@pytest.mark.parametrize(
    ("declared", "written", "encoding"),
    [
        ("ISO IR 192", "Grünhölzl^Ödile", "utf-8"),
        ("UTF8", "Müßiggang^Ägidia", "utf-8"),
        ("\\ISO_IR 13", "ﾔﾏﾀﾞ^ﾀﾛｳ", "shift_jis"),  # in the second, without an escape sequence
        ("ISO_IR 149", "홍가람^은솔", "euc_kr"),
        ("ISO_IR 999\\ISO_IR 144", "Светлогорова^Инга", "iso8859_5"),
    ],
)
def test_terms_that_the_standard_does_not_define_are_read_as_meant(declared: str, written: str, encoding: str) -> None:
    assert charsets.text(written.encode(encoding), charsets.codecs(declared.split("\\"))) == written


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from([e + b"A\xe9 \x30\x42" for e in (b"\x1b", *(b"\x1b" + k for k in charsets._ESCAPES))]),
        max_size=6,
    )
)
def test_any_escape_sequences(pieces: list[bytes]) -> None:
    charsets.text(b"".join(pieces), ("ascii",))
