"""Invitations by e-mail: sent to the account's address where there is a mail server, and good without it."""

from __future__ import annotations

import asyncio
import email
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.policy import default
from pathlib import Path

import pytest
from account_help import at, press
from in_process import running_house
from oauth_app import Browser, people

INVITE = "/accounts/invite"


@asynccontextmanager
async def mail_server(*, takes: bool = True) -> AsyncIterator[tuple[str, list[str]]]:
    """As much of RFC 5321 as a sender needs: its address, and what was sent."""
    taken: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := (await reader.readline()).upper():
            if line.startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
                taken.append((await reader.readuntil(b"\r\n.\r\n")).decode())
            if line.startswith(b"QUIT"):
                writer.write(b"221 bye\r\n")
                break
            writer.write(b"250 yes\r\n" if takes or not line.startswith(b"RCPT") else b"550 no\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}", taken


@pytest.mark.parametrize(("takes", "address", "words"), [
    (True, "nell@example.org", "It was sent to nell@example.org as well."),
    (False, "nell@example.org", "did not take it for nell@example.org"),
    (True, "", ""),
], ids=["taken", "refused", "no-address"])  # fmt: skip
async def test_a_link_is_sent_to_its_person_alone(tmp_path: Path, takes: bool, address: str, words: str) -> None:
    async with (
        mail_server(takes=takes) as (server, taken),
        running_house(tmp_path / "data", ASSENT_SMTP=server, ASSENT_SMTP_FROM="assent@practice.example") as house,
    ):
        await people(house)
        browser, page = await at(house, INVITE)
        page = await press(browser, page, INVITE, name="nell", role="doctor", email=address)
        found = re.search(r'id="link" value="([^"]*)"', page.text)
        assert found is not None
        assert words in page.text
        assert len(taken) == (1 if takes and address else 0)
        for sent in taken:
            message = email.message_from_string(sent.partition("\r\n.\r\n")[0], policy=default)
            assert (message["To"], message["From"]) == (address, "assent@practice.example")
            body = message.get_content()
            assert found[1] in body
            assert "doctor" not in body
        assert (await Browser(house).go(found[1])).title == "Choose a password - Assent"


async def test_without_a_setting_nothing_is_sent(tmp_path: Path) -> None:
    async with running_house(tmp_path / "data") as house:
        await people(house)
        browser, page = await at(house, INVITE)
        page = await press(browser, page, INVITE, name="nell", role="doctor", email="nell@example.org")
        assert "shown only now" in page.text
        assert "sent to" not in page.text
