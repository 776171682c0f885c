"""Invitations: a link that is good once and for some days, is kept as a hash, and can be taken back."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from account_help import SECOND, Time, account_of, alert, at, form, press, records
from in_process import House, running_house
from oauth_app import PASSWORD, Browser, Page, make_account, own, people

from server.account_pages.invitation_page import NOT_GOOD
from server.accounts.account import find_by_name
from server.accounts.invitation import INVITATIONS, pending
from server.accounts.sign_in import SignInRefusedError, sign_in

sys.path.append(str(Path(__file__).parents[1] / "rest"))
from two_engines import ENGINES, house_on  # the folder of another area

INVITE = "/accounts/invite"
ONE = "/accounts/one"


async def invited(house: House, name: str = "nell", **fields: object) -> tuple[Browser, Page, str]:
    """The administrator's browser, the page with the link, and the link."""
    browser, page = await at(house, INVITE)
    page = await press(
        browser,
        page,
        INVITE,
        name=name,
        **{"display": "Nell", "role": "doctor", "fhir_user": "Practitioner/doctor", **fields},
    )
    return browser, page, link_in(page)


def link_in(page: Page) -> str:
    match = re.search(r'id="link" value="([^"]*)"', page.text)
    assert match is not None, page.text[:3000]
    return match[1]


async def choose(house: House, link: str, password: str = PASSWORD, again: str = PASSWORD) -> Page:
    browser = Browser(house)
    page = await browser.go(link)
    if not page.forms:
        return page
    return await press(browser, page, "/invitation", password=password, again=again)


@pytest.mark.parametrize("engine", ENGINES)
async def test_somebody_is_invited_and_signs_in(engine: str, tmp_path: Path) -> None:
    async with house_on(engine, tmp_path / "data") as house:
        await people(house)
        browser, page, link = await invited(house, specialty="cardiology", email="nell@example.org")
        assert "shown only now" in page.text
        found = await find_by_name(own(house), "nell")
        assert found is not None
        nell = found.value
        assert (nell.invited, nell.password, nell.specialty, nell.email) == (True, "", "cardiology", "nell@example.org")
        for password in (PASSWORD, ""):
            with pytest.raises(SignInRefusedError):
                await sign_in(own(house), "nell", password)
        page = await browser.go(f"{house.root}{ONE}", account=nell.id)
        assert "good until" in page.text
        assert link.partition(".")[2] not in page.text
        for password, again, words in (("short", "short", "15 characters"), (PASSWORD, "x", "not the same")):
            assert words in alert(await choose(house, link, password, again))
        theirs = Browser(house)
        page = await press(theirs, await theirs.go(link), "/invitation", password=PASSWORD, again=PASSWORD)
        assert "Sign in" in page.title
        assert 'value="nell"' in page.text
        page = await theirs.sign_in(page, "nell")
        assert page.title == "Your account - Assent"
        assert not (await account_of(house, nell.id)).invited
        for used in (await theirs.go(link), await choose(house, link)):
            assert NOT_GOOD in used.text
            assert used.answer.status_code == 400


async def test_of_many_at_once_one_password_is_kept(town_house: House) -> None:
    _, _, link = await invited(town_house)
    browsers = [Browser(town_house) for _ in range(5)]
    pages = [await browser.go(link) for browser in browsers]
    passwords = [f"{PASSWORD} number {number}" for number in range(5)]
    posts = [
        press(browser, page, "/invitation", password=password, again=password)
        for browser, page, password in zip(browsers, pages, passwords, strict=True)
    ]
    done = [page.title.startswith("Sign in") for page in await asyncio.gather(*posts)]
    assert sorted(done) == [False] * 4 + [True]
    assert await sign_in(own(town_house), "nell", passwords[done.index(True)])


async def test_looking_uses_nothing_up(town_house: House) -> None:
    _, _, link = await invited(town_house)
    for _ in range(3):
        assert (await Browser(town_house).go(link)).title == "Choose a password - Assent"
        head = await Browser(town_house).http.head(link)
        assert head.status_code == 200


async def test_a_link_is_good_for_seven_days(town_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    time = Time(town_house, monkeypatch)
    _, _, link = await invited(town_house)
    time.ahead = (7 * 86_400 - 60) * SECOND
    assert (await Browser(town_house).go(link)).answer.status_code == 200
    page = await Browser(town_house).go(link)
    time.ahead = (7 * 86_400 + 60) * SECOND
    assert NOT_GOOD in (await Browser(town_house).go(link)).text
    browser = Browser(town_house)
    assert NOT_GOOD in (await press(browser, page, "/invitation", password=PASSWORD, again=PASSWORD)).text


async def test_links_that_were_never_made_are_told_alike(town_house: House) -> None:
    _, _, link = await invited(town_house)
    (text,) = parse_qs(urlsplit(link).query)["link"]
    account, _, secret = text.partition(".")
    dora = await make_account(town_house)
    texts = set()
    for bad in (
        "",
        "x",
        f"{account}.{secret[::-1]}",
        f"{dora.id}.{secret}",
        f"{account}.",
        f"{account}.{secret}x",
        "\0" * 50,
        "é" * 80,
    ):
        page = await Browser(town_house).go(f"{town_house.root}/invitation", link=bad)
        assert page.answer.status_code == 400
        texts.add(re.sub(r"this number: \w+", "", page.text))
    assert len(texts) == 1
    assert (await choose(town_house, link)).title.startswith("Sign in")


async def test_a_link_is_taken_back_or_replaced(town_house: House) -> None:
    browser, _, first = await invited(town_house)
    found = await find_by_name(own(town_house), "nell")
    assert found is not None
    page = await browser.go(f"{town_house.root}{ONE}", account=found.value.id)
    second = link_in(await press(browser, page, ONE, "link"))
    assert NOT_GOOD in (await choose(town_house, first)).text
    page = await press(browser, page, ONE, "uninvite")
    assert "good no more" in page.text
    assert "deactivated" in page.text
    assert NOT_GOOD in (await choose(town_house, second)).text
    assert await pending(own(town_house), found.value) is None
    page = await press(browser, page, ONE, "reactivate")
    assert NOT_GOOD in (await choose(town_house, second)).text
    third = link_in(await press(browser, page, ONE, "link"))
    assert (await choose(town_house, third)).title.startswith("Sign in")


async def test_who_forgot_the_password_gets_a_link_and_old_sessions_end(town_house: House) -> None:
    dora = await make_account(town_house)
    theirs, _ = await at(town_house, "/account", "dora", "doctor")
    browser, _ = await at(town_house, "/account")
    page = await browser.go(f"{town_house.root}{ONE}", account=dora.id)
    link = link_in(await press(browser, page, ONE, "link"))
    assert await sign_in(own(town_house), "dora", PASSWORD)  # a link by itself changes nothing
    other = "nine slow badgers hum"
    assert (await choose(town_house, link, other, other)).title.startswith("Sign in")
    assert "Sign in" in (await theirs.go(f"{town_house.root}/account")).title
    assert await sign_in(own(town_house), "dora", other)
    page = await browser.go(f"{town_house.root}{ONE}", account=dora.id)
    link = link_in(await press(browser, page, ONE, "link"))
    await press(browser, page, ONE, "deactivate")
    assert NOT_GOOD in (await choose(town_house, link)).text


async def test_a_name_is_taken_once_and_the_rules_hold(town_house: House) -> None:
    await make_account(town_house)
    browser, page = await at(town_house, INVITE)
    for fields, words in (
        ({"name": "DORA", "role": "staff"}, "already"),
        ({"name": "a b", "role": "staff"}, "letters, digits"),
        ({"name": "new"}, "roles"),
        ({"name": "new", "role": "patient"}, "whose"),
        ({"name": "new", "role": "staff", "fhir_user": "Practitioner/none"}, "that is there"),
        ({"name": "new", "role": "staff", "email": "x"}, "e-mail"),
    ):
        refused = await press(browser, page, INVITE, **fields)
        assert words in alert(refused)
        assert refused.text.count('aria-invalid="true"') == 1
        assert f'value="{fields["name"]}"' in refused.text
    assert await find_by_name(own(town_house), "new") is None


async def test_the_secret_of_a_link_is_nowhere_but_in_it(tmp_path: Path) -> None:
    async with running_house(tmp_path / "data") as house:
        await people(house)
        _, _, link = await invited(house)
        secret = link.partition(".0.0.1")[2].partition(".")[2]
        assert len(secret) == 43
        (kept,) = [found async for found in INVITATIONS.all(own(house))]
        assert secret not in repr(kept)
        await choose(house, link)
        assert secret not in repr(await records(house))
        assert secret.encode() not in b"".join(house.log)
        accepted = [record for record in await records(house) if record.interaction == "$user-invitation-accept"]
        assert [record.status for record in accepted] == [200]
    stored = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir() if path.is_file())
    assert secret.encode() not in stored


async def test_the_days_are_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_house(tmp_path / "data", ASSENT_INVITATION_DAYS="1") as house:
        await people(house)
        time = Time(house, monkeypatch)
        _, page, link = await invited(house)
        assert "for 1 day." in page.text
        time.ahead = 86_401 * SECOND
        assert NOT_GOOD in (await Browser(house).go(link)).text
        assert form(await Browser(house).go(f"{house.root}/account"), "/oauth/sign-in")
