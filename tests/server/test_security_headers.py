"""Headers against guessing, framing, caching and running, on every kind of answer; and what scripts of other sites may do (CORS)."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from in_process import House, running_house

from server.headers import transport_security
from server.oauth.routes import OAUTH_ROUTES, OAuthRoute

APP = {"Origin": "https://app.example"}


@pytest.fixture
async def home(tmp_path: Path) -> object:
    async with running_house(tmp_path / "data") as running:
        yield running


async def answers(house: House) -> dict[str, httpx.Response]:
    async with house.client() as client, house.client(None) as nobody:
        root = house.root
        return {
            "create": await client.post("/Patient", json={"resourceType": "Patient", "id": "x"}),
            "search": await client.get("/Patient"),
            "not found": await client.get("/Patient/none"),
            "metadata": await nobody.get("/metadata"),
            "no token": await nobody.get("/Patient"),
            "wrong method": await client.put("/metadata"),
            "not an address": await nobody.get(f"{root}/none"),
            "root": await nobody.get(f"{root}/"),
            "health": await nobody.get(f"{root}/health"),
            "bad link": await nobody.get(f"{root}/documents/none"),
            "discovery": await nobody.get("/.well-known/smart-configuration"),
            "keys": await nobody.get(f"{root}/oauth/jwks"),
            "token": await nobody.post(f"{root}/oauth/token", data={"grant_type": "x"}),
            "no such address": await nobody.get(f"{root}/oauth/none"),
            "page": await nobody.get(f"{root}/oauth/authorize"),
            "style": await nobody.get(f"{root}/oauth/style.css"),
        }


CACHEABLE = {"discovery", "keys", "style"}
"""What is the same for everybody."""


async def test_every_answer_is_taken_as_it_is_framed_nowhere_and_kept_by_nobody(home: House) -> None:
    for name, answer in (await answers(home)).items():
        assert answer.headers["x-content-type-options"] == "nosniff", name
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy, name
        assert "frame-ancestors 'none'" in policy or "sandbox" in policy, name
        assert "unsafe" not in policy, name
        if name not in CACHEABLE and name != "no such address":
            assert answer.headers["cache-control"] == "no-store", name
        assert "server" not in answer.headers, name
        assert "access-control-allow-credentials" not in answer.headers, name


def test_transport_security_is_asked_for_where_the_base_is_https() -> None:
    assert transport_security("http://127.0.0.1:8080") == []
    assert transport_security("https://ehr.example") == [(b"strict-transport-security", b"max-age=31536000")]


async def test_scripts_of_any_site_may_call_what_takes_a_token(home: House) -> None:
    async with home.client() as client:
        answer = await client.get("/Patient", headers=APP)
        assert answer.headers["access-control-allow-origin"] == "*"
        exposed = {name.strip() for name in answer.headers["access-control-expose-headers"].split(",")}
        assert {
            "ETag",
            "Location",
            "Content-Location",
            "Content-Range",
            "Retry-After",
            "RateLimit",
            "X-Request-Id",
        } <= exposed
        asked = {**APP, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization,if-match"}
        answer = await client.options("/Patient/x", headers=asked)
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "PUT" in answer.headers["access-control-allow-methods"]
        allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
        assert {
            "authorization",
            "content-type",
            "if-match",
            "prefer",
            "x-purpose-of-use",
            "x-assent-break-glass",
        } <= allowed


@pytest.mark.parametrize("route", OAUTH_ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_cors_of_every_route_of_the_authorization_server(home: House, route: OAuthRoute) -> None:
    """Programs' addresses are open to scripts, without cookies; pages are open to none."""
    method, path, any_origin = route.method, route.path, route.any_origin
    async with home.client(None) as nobody:
        answer = await nobody.request(method, f"{home.root}{path}", headers=APP)
        asked = {**APP, "Access-Control-Request-Method": method}
        preflight = await nobody.options(f"{home.root}{path}", headers=asked)
    for found in (answer, preflight):
        assert found.headers.get("access-control-allow-origin") == ("*" if any_origin else None), found.status_code
        assert "access-control-allow-credentials" not in found.headers
    if any_origin:
        assert preflight.status_code == 204
        assert method in preflight.headers["access-control-allow-methods"]
        assert "set-cookie" not in answer.headers
