"""Dynamic client registration (RFC 7591) behind its switch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from in_process import House, running_house
from key_client import JWKS
from oauth_app import APP, App, Browser, people, town

from server.auth.scopes import USERS_SCOPE

ASKED: dict[str, Any] = {
    "client_name": "New App",
    "redirect_uris": [APP],
    "token_endpoint_auth_method": "none",
    "unknown": 1,
}


SERVICE: dict[str, Any] = {
    "grant_types": ["client_credentials"],
    "token_endpoint_auth_method": "private_key_jwt",
    "jwks": JWKS,
    "scope": "system/*.rs",
    "roles": ["staff"],
}


async def register(house: House, role: str | None, asked: Any, scope: str = USERS_SCOPE) -> httpx.Response:
    async with house.client(role, scope=scope) as client:
        return await client.post(f"{house.root}/oauth/register", json=asked)


async def test_it_is_off_unless_somebody_switches_it_on(town_house: House) -> None:
    answer = await register(town_house, "administrator", ASKED)
    assert (answer.status_code, answer.json()["error"]) == (403, "access_denied")


async def test_an_administrator_registers(tmp_path: Path) -> None:
    async with town(tmp_path / "data", ASSENT_CLIENT_REGISTRATION="administrator") as house:
        for role, status in ((None, 401), ("doctor", 403)):
            assert (await register(house, role, ASKED)).status_code == status
        made = await register(house, "administrator", ASKED)
        assert made.status_code == 201
        assert made.headers["cache-control"] == "no-store"
        told = made.json()
        assert (await App(house, told["client_id"]).tokens())["patient"] == "p1"
        assert "client_secret" not in told
        assert (await register(house, "administrator", SERVICE)).status_code == 201
        async with house.client(None) as client:
            found = (await client.get("/.well-known/smart-configuration")).json()
            assert found["registration_endpoint"] == f"{house.root}/oauth/register"


@pytest.mark.parametrize("switch", ["administrator", "open"])
@pytest.mark.parametrize("scope", ["user/Patient.rs", "user/*.cruds system/*.cruds"])
async def test_an_administrators_token_for_something_else_registers_nothing(
    tmp_path: Path, switch: str, scope: str
) -> None:
    """An app that an administrator lets read something would otherwise make itself a service that may do everything."""
    async with running_house(tmp_path / "data", ASSENT_CLIENT_REGISTRATION=switch) as house:
        for asked in (SERVICE, {**SERVICE, "roles": ["administrator"], "scope": "system/*.cruds"}, ASKED):
            answer = await register(house, "administrator", asked, scope)
            assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
            assert f'scope="{USERS_SCOPE}"' in answer.headers["www-authenticate"]


async def test_anybody_registers_apps_for_people_and_no_services(tmp_path: Path) -> None:
    async with running_house(tmp_path / "data", ASSENT_CLIENT_REGISTRATION="open") as house:
        await people(house)
        told = (
            await register(house, None, {"redirect_uris": [APP], "grant_types": ["authorization_code", "refresh_token"]})
        ).json()
        assert told["token_endpoint_auth_method"] == "client_secret_basic"
        assert told["client_secret_expires_at"] == 0
        app = App(house, told["client_id"], secret=told["client_secret"])
        assert "refresh_token" in await app.tokens()
        bad: list[tuple[Any, str]] = [
            ({"grant_types": ["client_credentials"], "token_endpoint_auth_method": "private_key_jwt", "jwks": JWKS, "scope": "system/*.rs", "roles": ["administrator"]}, "invalid_client_metadata"),
            ({**ASKED, "roles": ["administrator"]}, "invalid_client_metadata"),
            ({**ASKED, "scope": "system/*.cruds"}, "invalid_client_metadata"),
            ({**ASKED, "redirect_uris": ["http://evil.example/"]}, "invalid_redirect_uri"),
            ({**ASKED, "redirect_uris": []}, "invalid_redirect_uri"),
            ({**ASKED, "redirect_uris": "x"}, "invalid_client_metadata"),
            ({**ASKED, "redirect_uris": [1]}, "invalid_client_metadata"),
            ({**ASKED, "response_types": ["token"]}, "invalid_client_metadata"),
            ({**ASKED, "token_endpoint_auth_method": "magic"}, "invalid_client_metadata"),
            ({**ASKED, "client_name": "a\u0000b"}, "invalid_client_metadata"),
            ({**ASKED, "grant_types": ["password"]}, "invalid_client_metadata"),
            ({**ASKED, "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [*JWKS["keys"], {"kty": "RSA", "n": 1.5}]}}, "invalid_client_metadata"),
            ([], "invalid_client_metadata"),
        ]  # fmt: skip
        for asked, error in bad:
            answer = await register(house, None, asked)
            assert (answer.status_code, answer.json()["error"]) == (400, error), asked
        async with house.client(None) as client:
            for body in (b"{", b"\xff", b"[" * 5000, b'"' + b"x" * 70_000 + b'"'):
                answer = await client.post(f"{house.root}/oauth/register", content=body)
                assert answer.status_code in {400, 413}


@pytest.mark.parametrize("name", ["<b>Bank</b>", "Ünïcode App"])
async def test_an_apps_name_is_shown_as_text(tmp_path: Path, name: str) -> None:
    async with town(tmp_path / "data", ASSENT_CLIENT_REGISTRATION="open") as house:
        told = (await register(house, None, {**ASKED, "client_name": name})).json()
        app = App(house, told["client_id"])
        page = await Browser(house).go(f"{app.issuer}/oauth/authorize", **app.request())
        assert name in page.text
        assert "<b>" not in page.answer.text
