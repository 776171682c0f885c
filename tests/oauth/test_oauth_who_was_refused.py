"""A refusal is an event that names who it was, or who somebody tried to be: an auditor asks just that of it."""

from __future__ import annotations

from typing import Any

import pytest
from account_help import at, records
from in_process import House
from key_client import JWKS, STRANGER, asking, claims, signed
from oauth_app import APP, App, Browser, make_account, make_client

from server.audit.record import AuditRecord


async def last(house: House) -> AuditRecord:
    return (await records(house))[-1]


async def test_of_a_client(town_house: House) -> None:
    secret = await make_client(town_house, "sec", method="client_secret_basic")
    assert secret is not None
    await make_client(
        town_house, "backend", method="private_key_jwt", jwks=JWKS, grant_types=("client_credentials",), roles=("staff",),
        scope="system/*.rs", redirect_uris=(),
    )  # fmt: skip
    wrong, right, keyed = (App(town_house, "sec", secret=one) for one in ("wrong", secret, None))
    asked: list[tuple[Any, str, int]] = [
        (wrong.redeem("x"), "sec", 401),
        (right.redeem("x"), "sec", 400),
        (wrong.post("/oauth/introspect", token="x"), "sec", 401),
        (App(town_house, "app").post("/oauth/introspect", token="x"), "app", 401),
        (wrong.post("/oauth/revoke", token="x"), "sec", 401),
        (keyed.post("/oauth/token", **asking(signed(claims("backend"), STRANGER))), "backend", 401),
        (keyed.post("/oauth/token", **asking(signed(claims("backend")), scope="user/*.rs")), "backend", 400),
        (App(town_house, "n0body-we-know").redeem("x"), "", 401),
    ]
    for answer, name, status in asked:
        assert (await answer).status_code == status
        record = await last(town_house)
        assert (record.subject, record.status) == (name, status), record


async def test_of_an_app_that_asks_a_person(town_house: House) -> None:
    app = App(town_house)
    await Browser(town_house).go(f"{app.issuer}/oauth/authorize", **app.request(aud="http://elsewhere.example/fhir"))
    record = await last(town_house)
    assert (record.interaction, record.subject, record.refusal) == ("$authorize", "app", "oauth-invalid_request")


@pytest.mark.parametrize(("path", "body"), [("launch", {"patient": "nobody"}), ("register", {"redirect_uris": [APP]})])
async def test_of_whoever_has_a_token(town_house: House, path: str, body: dict[str, Any]) -> None:
    async with town_house.client("staff", subject="sam") as client:
        answer = await client.post(f"{town_house.root}/oauth/{path}", json=body)
    record = await last(town_house)
    assert (answer.status_code, record.subject, record.roles) == (403, "sam", ("staff",))


async def test_of_whoever_is_signed_in(town_house: House) -> None:
    account = await make_account(town_house, "sam", "staff")
    _, page = await at(town_house, "/accounts", "sam", "staff")
    record = await last(town_house)
    assert (page.answer.status_code, record.interaction, record.subject, record.roles) == (
        403,
        "$user-list",
        account.id,
        ("staff",),
    )


async def test_looking_at_accounts_is_an_event(town_house: House) -> None:
    """As it is over SCIM."""
    looked_at = await make_account(town_house, "sam", "staff")
    browser, _ = await at(town_house, "/accounts")
    record = await last(town_house)
    assert (record.interaction, record.status, record.roles) == ("$user-list", 200, ("administrator",))
    await browser.go(f"{town_house.root}/accounts/one", account=looked_at.id)
    record = await last(town_house)
    assert (record.interaction, record.query, record.roles) == ("$user-read", "name=sam", ("administrator",))
