"""RFC 6455 frames: whatever pieces they come in, and whatever is wrong with them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from subscription_help import masked

from server.websocket.frames import (
    LARGEST_MESSAGE,
    Code,
    FrameError,
    Message,
    Opcode,
    Reader,
    accept_key,
    close_frame,
    frame,
)


def test_the_example_of_the_specification() -> None:
    assert accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert frame(Opcode.TEXT, b"Hello") == b"\x81\x05Hello"
    hello = bytes.fromhex("818537fa213d7f9f4d5158")
    assert list(Reader().feed(hello)) == [Message(Opcode.TEXT, b"Hello")]


@pytest.mark.parametrize("key", ["", "abc", "dGhlIHNhbXBsZQ==", "é"])
def test_what_is_no_key(key: str) -> None:
    assert accept_key(key) is None


@given(st.lists(st.text(max_size=300), max_size=5), st.data())
def test_messages_come_whole_in_whatever_pieces(texts: list[str], data: st.DataObject) -> None:
    wire = b""
    for text in texts:
        payload = text.encode()
        cut = data.draw(st.integers(0, len(payload)))
        if data.draw(st.booleans()):
            ping = masked(0x89, b"!") if data.draw(st.booleans()) else b""
            wire += masked(0x01, payload[:cut]) + ping + masked(0x80, payload[cut:])
        else:
            wire += masked(0x81, payload)
    reader, got = Reader(), []
    while wire:
        size = data.draw(st.integers(1, len(wire)))
        got += list(reader.feed(wire[:size]))
        wire = wire[size:]
    assert [message.text for message in got if message.opcode is Opcode.TEXT] == texts


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (b"\x81\x05Hello", Code.PROTOCOL),
        (masked(0xC1, b"x"), Code.PROTOCOL),
        (masked(0x83, b"x"), Code.PROTOCOL),
        (masked(0x80, b"x"), Code.PROTOCOL),
        (masked(0x01, b"x") + masked(0x81, b"y"), Code.PROTOCOL),
        (masked(0x09, b"x"), Code.PROTOCOL),
        (masked(0x89, b"x" * 126), Code.PROTOCOL),
        (masked(0x82, b"x"), Code.NOT_TEXT),
        (b"\x81\xff" + (LARGEST_MESSAGE + 1).to_bytes(8) + b"mask", Code.TOO_LARGE),
        (masked(0x01, b"x" * LARGEST_MESSAGE) + masked(0x80, b"x"), Code.TOO_LARGE),
    ],
    ids=[
        "unmasked",
        "reserved",
        "opcode",
        "nothing-to-go-on",
        "nested",
        "cut-ping",
        "long-ping",
        "binary",
        "large",
        "large-in-parts",
    ],
)
def test_what_is_wrong_ends_the_connection(wire: bytes, code: Code) -> None:
    with pytest.raises(FrameError) as caught:
        list(Reader().feed(wire))
    assert caught.value.code is code


def test_text_is_utf_8() -> None:
    (message,) = Reader().feed(masked(0x81, b"\xff"))
    with pytest.raises(FrameError) as caught:
        _ = message.text
    assert caught.value.code is Code.NOT_UTF8


def test_a_close_says_why() -> None:
    assert close_frame(Code.POLICY) == b"\x88\x02\x03\xf0"
