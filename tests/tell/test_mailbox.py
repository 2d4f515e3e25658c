"""What is taken for a mailbox: a message can be written from it and to it, and it is no piece of what is none."""

from __future__ import annotations

from email.headerregistry import Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmbadge.model import Refusal
from filmbadge.tell.mailbox import is_mailbox, is_public, mailbox_in
from filmbadge.tell.notices.letters import sender

ODD = (
    "a..b@x.test",
    ".a@x.test",
    "a.@x.test",
    "a@x..test",
    "a@.x.test",
    "a@-x.test",
    "a@x-.test",
    "a@@x.test",
    "a@b@x.test",
    "@x.test",
    "a@",
    "a",
    "",
    "müller@x.test",
    "a@münchen.test",
    '"a b"@x.test',
    "a@[192.0.2.1]",
    "a@192.0.2.1",
    f"{'a' * 65}@x.test",
    f"a@{'b' * 64}.test",
    f"a@{'b.' * 130}test",
)
letters = st.text(alphabet="aB1.@-+'!<> \"(),;:[]\\/ü\n\x00", max_size=12)


@pytest.mark.parametrize("odd", ODD)
def test_no_piece_of_an_odd_one_is_taken(odd: str) -> None:
    assert not is_public(odd)
    assert mailbox_in(odd) == ""
    with pytest.raises(Refusal, match="--sender"):
        sender("A", "a@x.test", "", named=f"X <{odd}>")


@pytest.mark.parametrize("good", ["a@x.test", "o'brien@x.test", "a+b=c@sub.x.test", "a@x.xn--p1ai", "A_b@1.test"])
def test_an_unusual_one_is_taken_whole(good: str) -> None:
    for text in (
        good,
        f"Clinic <{good}>",
        f"'{good}'",
        f"mailto:{good}?subject=x",
        f"call 1/2 or {good}.",
        f"{good}/b@y.test",
    ):
        assert mailbox_in(text) == good
    made = sender("", "", "", named=f" X Y <{good}> ")
    assert (made.authority, made.mailbox) == ("X Y", good)


@pytest.mark.parametrize(
    "text", ["nobody", "a@x.test", "<a@x.test>", "X <a@x.test> Y", "X <a@x.test> <b@x.test>", "X <"]
)
def test_a_sender_has_a_name_and_a_mailbox(text: str) -> None:
    with pytest.raises(Refusal, match="'NAME <MAILBOX>'"):
        sender("A", "a@x.test", "", named=text)


@given(letters, letters)
def test_a_message_can_be_written_to_what_is_one(local: str, domain: str) -> None:
    text = f"{local}@{domain}"
    if is_mailbox(text):
        assert Address("X", addr_spec=text).addr_spec == text
    found = mailbox_in(text)
    assert found == "" or (is_mailbox(found) and found in text)
