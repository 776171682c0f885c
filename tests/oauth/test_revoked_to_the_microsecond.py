"""What is revoked ends what was given before it, and nothing that is given after, though it be in the same second."""

from __future__ import annotations

import time
from itertools import count
from typing import Any

import pytest
from in_process import House
from oauth_app import App, Browser, own

from server.accounts.account import find_by_name
from server.auth.access_token import Grant, TokenError, TokenVerifier, issue_token
from server.auth.signing_key import SigningKey, load_or_create
from server.oauth.administration import change_password

NEW = "eight loud herons wade"
SECOND = 1_700_000_000


async def test_a_new_password_ends_the_tokens_before_it_and_not_those_after(
    town_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = count(int(time.time()) * 1_000_000)  # all that follows happens in one second, one thing after another
    monkeypatch.setattr(type(town_house.services), "now", lambda self: next(ticks))
    app, browser = App(town_house), Browser(town_house)
    before = await app.tokens()
    found = await find_by_name(own(town_house), "dora")
    assert found is not None
    await change_password(own(town_house), found, NEW, [])
    await town_house.services.revoked.look()
    page = await browser.go(f"{app.issuer}/oauth/authorize", **app.request())
    await browser.sign_in(page, password=NEW)
    after = (await app.redeem(await app.code(browser=browser))).json()
    assert issued(town_house, before).issued_at == issued(town_house, after).issued_at
    assert (await app.get("/Patient/p1", before["access_token"])).status_code == 401
    assert (await app.refresh(before["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await app.get("/Patient/p1", after["access_token"])).status_code == 200


def issued(house: House, tokens: dict[str, Any]) -> Any:
    _, principal = house.services.verifier.claims(tokens["access_token"])
    return principal


@pytest.mark.parametrize("moment", [None, (SECOND + 1) * 1_000_000, SECOND * 1_000_000 - 1, "soon", True, -1], ids=str)
def test_the_moment_lies_within_the_second_that_the_token_says(town_key: SigningKey, moment: Any) -> None:
    more = {} if moment is None else {"moment": moment}
    token = issue_token(
        town_key, Grant("default", "ann", "app", ["staff"], "user/*.rs", more=more), lifetime=60, now=SECOND + 0.25
    )
    verifier = TokenVerifier(town_key, "http://127.0.0.1:8080", clock=lambda: SECOND + 1.0)
    if moment is None:
        assert verifier.verify(token).moment == SECOND * 1_000_000 + 250_000
    else:
        with pytest.raises(TokenError, match="moment"):
            verifier.verify(token)


@pytest.fixture(scope="module")
def town_key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    data = tmp_path_factory.mktemp("key")
    data.chmod(0o700)
    return load_or_create(data)
