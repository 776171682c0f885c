"""Who gets a token for SCIM: a backend service or an app that was registered for it by name, and nobody else."""

from __future__ import annotations

from in_process import House
from key_client import JWKS, asking
from oauth_app import App, Browser, make_account, make_client, sent_to
from scim_help import SCOPE, Directory

from server.oauth.scopes_granted import grantable


async def test_a_backend_service_keeps_accounts(house: House) -> None:
    await make_client(
        house, "backend", method="private_key_jwt", jwks=JWKS, grant_types=("client_credentials",), scope=SCOPE,
        roles=("administrator",), redirect_uris=(),
    )  # fmt: skip
    async with house.client(None) as client:
        answer = await client.post(f"{house.root}/oauth/token", data=asking(scope=SCOPE))
    assert answer.status_code == 200, answer.text
    directory = Directory(house)
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert (await directory.ask("GET", "/Users", headers=headers)).status_code == 200
    patients = await directory.ask("GET", "/../../fhir/Patient", headers=headers)
    assert patients.status_code == 403, "and nothing else"


async def test_an_app_gets_it_only_by_name_and_from_an_administrator(house: House) -> None:
    await make_account(house, "boss", "administrator")
    await make_client(house, "any")
    await make_client(house, "tool", scope=f"openid user/*.cruds {SCOPE}")
    for app_id, words in (("any", False), ("tool", True)):
        app = App(house, app_id, scope=f"openid user/*.cruds {SCOPE}")
        browser = Browser(house)
        page = await browser.sign_in(await browser.go(f"{app.issuer}/oauth/authorize", **app.request()), "boss")
        assert ("Administer accounts" in page.text) is words
        tokens = (await app.redeem(sent_to(await browser.allow(page))["code"])).json()
        assert (SCOPE in tokens["scope"].split()) is words
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert (await Directory(house).ask("GET", "/Users", headers=headers)).status_code == (200 if words else 403)
    assert SCOPE not in grantable(SCOPE, SCOPE, ["doctor"], "person")
