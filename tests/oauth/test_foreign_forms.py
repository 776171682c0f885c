"""No form of the pages is taken from another site, without what its page gave it, or with what it gave to another browser (CSRF).

Every route is in it that takes a form, those to come too.
"""

from __future__ import annotations

from typing import Any

import pytest
from in_process import House
from oauth_app import App, Browser, Page, make_account, own

from server.accounts.session import SESSIONS
from server.oauth.errors import PageError
from server.oauth.origin import check_origin, origin_of
from server.oauth.routes import OAUTH_ROUTES

FORMS = [route for route in OAUTH_ROUTES if route.method == "POST" and route.for_people]
OURS = [route for route in FORMS if route.own_pages_only]


def test_one_form_alone_may_come_from_elsewhere() -> None:
    """An app's page may post an authorization request (OpenID Connect Core 3.1.2.1); it does nothing but show a page."""
    assert [route.path for route in FORMS if route not in OURS] == ["/oauth/authorize"]
    assert len(OURS) >= 8


async def signed_in(house: House) -> tuple[Browser, Page]:
    """An administrator's browser, and the page it is at."""
    await make_account(house, "ada", "administrator")
    browser, app = Browser(house), App(house)
    page = await browser.go(f"{app.issuer}/oauth/authorize", **app.request())
    return browser, await browser.sign_in(page, "ada")


FOREIGN = [
    pytest.param({"Origin": "https://evil.example"}, id="another site"),
    pytest.param({"Origin": "null"}, id="a sandboxed frame"),
    pytest.param({"Origin": "http://127.0.0.1:8081"}, id="another port"),
    pytest.param({"Origin": "https://127.0.0.1:8080"}, id="another scheme"),
    pytest.param({"Origin": "http://127.0.0.1:8080.evil.example"}, id="a name that begins alike"),
    pytest.param({"Sec-Fetch-Site": "cross-site"}, id="fetch metadata: cross-site"),
    pytest.param({"Sec-Fetch-Site": "same-site"}, id="fetch metadata: same-site"),
]


@pytest.mark.parametrize("route", OURS, ids=lambda route: route.path)
async def test_every_form_refuses_other_sites_and_missing_and_foreign_tokens(town_house: House, route: Any) -> None:
    browser, page = await signed_in(town_house)
    other, _ = await signed_in(town_house)
    fields = page.forms[0].fields
    address = f"{town_house.root}{route.path}"
    sessions = [kept.value async for kept in SESSIONS.all(own(town_house))]
    for case in FOREIGN:
        answer = await browser.http.post(address, data=fields, headers=case.values[0])
        assert answer.status_code == 403, case.id
        assert "another site" in answer.text
        assert "set-cookie" not in answer.headers
    for given, client in (({}, browser), ({"flow": "x", "csrf": "x", "form": "x"}, browser), (fields, other)):
        answer = await client.http.post(address, data=given, headers={"Origin": town_house.root})
        assert answer.status_code >= 400 or answer.status_code == 303, given
        assert "set-cookie" not in answer.headers
    assert [kept.value async for kept in SESSIONS.all(own(town_house))] == sessions, "nobody was signed in or out"


async def test_our_own_pages_are_let_in_with_and_without_an_origin(town_house: House) -> None:
    for headers in ({}, {"Origin": town_house.root}, {"Origin": town_house.root, "Sec-Fetch-Site": "same-origin"}):
        browser, page = await signed_in(town_house)
        form = page.forms[0]
        answer = await browser.http.post(form.action, data={**form.fields, "patient": "p1"}, headers=headers)
        assert answer.status_code == 303


@pytest.mark.parametrize(
    ("base", "origin"),
    [
        ("https://EHR.example/assent", "https://ehr.example"),
        ("https://ehr.example:443", "https://ehr.example"),
        ("http://ehr.example:80/x", "http://ehr.example"),
        ("https://ehr.example:8443", "https://ehr.example:8443"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_origins(base: str, origin: str) -> None:
    assert origin_of(base) == origin
    check_origin(base, {"origin": origin, "sec-fetch-site": "same-origin"})
    check_origin(base, {"sec-fetch-site": "none"})
    with pytest.raises(PageError):
        check_origin(base, {"origin": f"{origin}.evil.example"})
