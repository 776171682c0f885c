"""Every page that people see: readable by a keyboard and a screen reader, never framed, scripted or kept, with colours that can be read."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from account_help import Time, at, form, press, with_factor
from in_process import House
from oauth_app import PASSWORD, App, Browser, Page, make_account, own
from page_check import contrast, palettes, problems

from server.accounts.account import NewAccount, add
from server.oauth.routes import OAUTH_ROUTES
from server.pages.page import style

ONE = "/accounts/one"


async def every_page(house: House, time: Time) -> AsyncIterator[Page]:
    """Each template in each of its states, with what was wrong as well."""
    for number in range(30):
        await add(own(house), NewAccount(f"nurse{number}", ["staff"]))
    dora, _ = await with_factor(house, time)
    app, browser = App(house, scope="launch/patient launch/encounter patient/*.rs"), Browser(house)
    sign_in = await browser.go(f"{app.issuer}/oauth/authorize", **app.request())
    yield sign_in
    yield await browser.sign_in(sign_in, "", "")
    code = await browser.sign_in(sign_in)
    yield code
    yield await press(browser, code, "/oauth/second-step", code="000000")
    time.next_step()
    patients = await press(browser, code, "/oauth/second-step", code=time.code())
    yield patients
    yield await browser.post(patients.forms[0].action, {**patients.forms[0].fields, "do": "search", "name": "a"})
    visit = await browser.choose(patients, "p1")
    yield visit
    yield await browser.post(visit.forms[0].action, {**visit.forms[0].fields, "do": "none"})
    yield await browser.go(f"{house.root}/oauth/authorize")
    account = await browser.go(f"{house.root}/account")
    yield account
    yield await press(browser, account, "/account/password", current="x", password="x", again="x")
    yield await browser.go(f"{house.root}/account", said="password")
    factor = await browser.go(f"{house.root}/account/second-factor")
    yield factor
    yield await press(browser, factor, "/account/second-factor", "codes", password="x")
    yield await press(browser, factor, "/account/second-factor", "off", password="x", code="x")
    yield await press(browser, factor, "/account/second-factor", "codes", password=PASSWORD)
    root, page = await at(house, "/account/second-factor")
    yield page
    yield await press(root, page, "/account/second-factor", "add", code="x", password=PASSWORD)
    yield await root.go(f"{house.root}/accounts")
    yield await root.go(f"{house.root}/accounts", find="nobody at all")
    yield await root.go(f"{house.root}/accounts", page="2")
    invite = await root.go(f"{house.root}/accounts/invite")
    yield invite
    yield await press(root, invite, "/accounts/invite", name="a b")
    yield await press(root, invite, "/accounts/invite", name="new")
    link = await press(root, invite, "/accounts/invite", name="new", role="staff")
    yield link
    address = re.search(r'id="link" value="([^"]*)"', link.text)
    assert address is not None
    chosen = await Browser(house).go(address[1])
    yield chosen
    theirs = Browser(house)
    yield await press(theirs, await theirs.go(address[1]), "/invitation", password="x", again="x")
    yield await Browser(house).go(f"{house.root}/invitation")
    page = await root.go(f"{house.root}{ONE}", account=dora.id)
    yield page
    yield await press(root, page, ONE, "save", role=[])
    yield await press(root, page, ONE, "sessions")
    yield await press(root, page, ONE, "deactivate")
    yield await browser.go(f"{house.root}{ONE}", account=dora.id)


async def test_every_page_can_be_read_and_used_by_everybody(town_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    titles = set()
    async for page in every_page(town_house, Time(town_house, monkeypatch)):
        assert problems(page.answer.text) == [], page.title
        titles.add(page.title.removeprefix("Error: "))
        headers = page.answer.headers
        assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in headers
    assert {title.removesuffix(" - Assent") for title in titles} >= {
        "Sign in", "Second factor", "Choose a patient", "Choose a visit", "Allow access", "This did not work", "Your account",
        "Your recovery codes", "Add a second factor", "Accounts", "Invite somebody", "The link", "Choose a password", "dora",
    }  # fmt: skip


def test_the_checker_finds_what_is_wrong() -> None:
    bare = '<html lang="en"><head><title>A - Assent</title><meta name="viewport" content="width=device-width"></head><body><main>{}</main></body></html>'
    assert problems(bare.format("<h1>A</h1>")) == []
    for broken in (
        "",
        "<h1>A</h1><h3>B</h3>",
        "<h1>A</h1><h1>B</h1>",
        '<h1>A</h1><input type="text" autocomplete="off">',
        '<h1>A</h1><label for="a">A</label><input type="text" id="a">',
        "<h1>A</h1><button></button>",
        '<h1>A</h1><p id="a"></p><p id="a"></p>',
        '<h1>A</h1><p aria-describedby="b"></p>',
        "<h1>A</h1><fieldset></fieldset>",
        "<h1>A</h1><svg></svg>",
        "<h1>A</h1><nav></nav><nav></nav>",
        '<h1 style="color: red">A</h1>',
        "<h1>A</h1><script></script>",
    ):
        assert problems(bare.format(broken)) != [], broken
    assert round(contrast("#fff", "#000"), 2) == 21
    assert round(contrast("#777", "#fff"), 2) == 4.48


def test_colours_can_be_told_apart() -> None:
    """WCAG 2.2: 4.5 for text (1.4.3), 3 for the edges of fields and the ring around what has the focus (1.4.11)."""
    found = palettes(style().decode())
    assert len(found) == 2
    for colours in found:
        for ground in ("card", "ground"):
            for text in ("ink", "soft", "act", "wrong"):
                assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
            assert contrast(colours["line"], colours[ground]) >= 3, ground


async def test_a_page_for_people_answers_other_methods_in_words(town_house: House) -> None:
    """Each address, each method that is not its own: a refusal, never a 500, and nothing is done."""
    await make_account(town_house)
    browser, page = await at(town_house, "/account")
    sealed = form(page, "/account/sessions").fields
    paths = {route.path for route in OAUTH_ROUTES if route.path.startswith(("/account", "/invitation"))}
    assert len(paths) == 9
    for path in sorted(paths):
        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
            ends = path in {"/account/sessions", "/account/sign-out"}
            sent = sealed if method == "POST" and not ends else None
            answer = await browser.http.request(method, f"{town_house.root}{path}", data=sent)
            assert answer.status_code in {200, 303, 400, 404, 405}, (method, path, answer.status_code)
            if method not in {"GET", "POST"}:
                assert answer.status_code == 405
