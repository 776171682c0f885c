"""Invitations by e-mail: sent to the account's address where there is a mail server, and good without it."""

from __future__ import annotations

import email
import re
from email.policy import default
from pathlib import Path

import pytest
from account_help import at, press
from in_process import running_house
from mail_server import mail_server
from oauth_app import Browser, people

INVITE = "/accounts/invite"


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
