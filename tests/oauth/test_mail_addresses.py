"""Nobody but whom an address names is sent mail: what is taken as an address (server/accounts/person.py) is one recipient, and no header more."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.accounts.person import EMAIL

PIECES = st.lists(
    st.sampled_from(
        ["a", "b.example", "@", ",", ";", ":", "<", ">", '"', "(", ")", "\\", " ", "\r", "\n", "Bcc: x", "é", "="]
    )
)


@given(PIECES.map("".join))
def test_what_is_an_address_is_one_recipient(text: str) -> None:
    if EMAIL.fullmatch(text) is None:
        return
    message = EmailMessage()
    message["To"] = text
    message.set_content("x")
    assert len(message["To"].addresses) == 1
    assert [name for name in message_from_bytes(message.as_bytes()) if name in {"To", "Cc", "Bcc"}] == ["To"]


@pytest.mark.parametrize(
    "text",
    [
        "a@b.example\r\nBcc: x@y.example",
        "a@b.example,c@d.example",
        "a@b.example c@d.example",
        "all:a@b.example,c@d.example;",
        "<a@b.example>",
        '"a, b"@c.example',
        "a@b.example\n",
        "a@b@c.example",
    ],
    ids=["a header more", "two", "two with a space", "a group", "brackets", "quotes", "the end of a line", "two signs"],
)
def test_what_could_be_more_is_none(text: str) -> None:
    assert EMAIL.fullmatch(text) is None


def test_what_people_have_is_one() -> None:
    assert all(EMAIL.fullmatch(text) for text in ("ann@example.org", "ann.b+c@mail.example.org", "o_neil-x@example.org"))
