"""What a day brings that goes well: people who sign in, apps that get tokens, second factors, invitations, links. Every password that is
typed is marked, and what the server gives out (codes, tokens, keys, cookies) goes through a `Watch`, which remembers it."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from html import unescape
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
from live_server import LiveServer
from marked import PASSWORD, PHI, SECRET, Watch
from tokens import bearer

from server.accounts import totp
from server.scim.schema import CORE

BACK: Final = "https://app.example/back"
VERIFIER: Final = f"{SECRET}-verifier-that-is-forty-three-characters-long"


class Visitor:
    """A browser: keeps cookies, follows the server's own redirects, sends the forms of pages."""

    def __init__(self, server: LiveServer, watch: Watch) -> None:
        self.root = server.root
        self.watch = watch
        self.http = watch.client(server.root)

    async def go(self, address: str, **query: str) -> httpx.Response:
        return await self._follow(await self.http.get(address, params=query or None))

    async def _follow(self, answer: httpx.Response) -> httpx.Response:
        while answer.status_code == 303 and answer.headers["location"].startswith(f"{self.root}/"):
            answer = await self.http.get(answer.headers["location"])
        return answer

    async def send(self, page: httpx.Response, action: str, /, button: str = "", **fields: Any) -> httpx.Response:
        """The form of the page that goes there, with what it holds."""
        for target, held, buttons in forms(page.text):
            if urlsplit(target).path == action and (not button or ("do", button) in buttons):
                whole = {**held, **({"do": button} if button else {}), **fields}
                return await self._follow(await self.http.post(target, data=whole))
        raise AssertionError((action, button, page.status_code, page.text[-1500:]))

    async def sign_in(self, page: httpx.Response, name: str, password: str = PASSWORD) -> httpx.Response:
        return await self.send(page, "/oauth/sign-in", name=name, password=password)


Fields = dict[str, Any]


def forms(text: str) -> list[tuple[str, Fields, list[tuple[str, str]]]]:
    """(where it goes, its fields, its buttons) of each form of a page. What a person would type is empty; every box is ticked."""
    found = []
    for match in re.finditer(r'<form[^>]*?action="([^"]*)"[^>]*>(.*?)</form>', text, re.DOTALL):
        fields: Fields = {}
        buttons = []
        for tag in re.finditer(r"<(input|button|select|textarea)([^>]*)>", match[2]):
            given = {name: unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', tag[2])}
            name, value, kind = given.get("name"), given.get("value", ""), given.get("type", tag[1])
            if name is None:
                continue
            if kind in {"submit", "button"}:
                buttons.append((name, value))
            elif kind == "checkbox":
                fields.setdefault(name, []).append(value)
            else:
                fields[name] = value
        found.append((unescape(match[1]), fields, buttons))
    return found


async def account(server: LiveServer, watch: Watch, name: str, role: str = "administrator") -> str:
    """Somebody who may sign in with `PASSWORD`; the id of the account."""
    token = server.token("administrator", scope="assent/users")
    body = {"schemas": [CORE], "userName": name, "password": PASSWORD, "displayName": PHI, "roles": [{"value": role}]}
    async with watch.client(server.root, **bearer(token), **{"Content-Type": "application/scim+json"}) as client:
        answer = await client.post("/scim/v2/Users", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def an_app_gets_tokens(server: LiveServer, watch: Watch) -> None:
    """With a wrong password before, a code that comes twice, a refresh, an introspection and a revocation behind."""
    name = f"doc-{PHI}".lower()
    await account(server, watch, name, "doctor")
    client = watch.client(server.root)
    asked = {
        "client_name": f"App {PHI}",
        "redirect_uris": [BACK],
        "token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "launch/patient openid fhirUser offline_access patient/*.rs",
    }
    app = (await client.post("/oauth/register", json=asked)).json()
    secret = {"client_id": app["client_id"], "client_secret": app["client_secret"]}
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    visitor = Visitor(server, watch)
    request = {
        "response_type": "code", "client_id": app["client_id"], "redirect_uri": BACK, "scope": asked["scope"], "state": f"state-{PHI}",
        "aud": server.base, "code_challenge": challenge, "code_challenge_method": "S256", "login_hint": PHI,
    }  # fmt: skip
    page = await visitor.go("/oauth/authorize", **request)
    page = await visitor.sign_in(page, name, f"{SECRET} wrong password of mine")
    page = await visitor.sign_in(page, name)
    page = await visitor.send(page, "/oauth/patient", family=PHI)
    page = await visitor.send(page, "/oauth/patient", patient="p01")
    answer = await visitor.send(page, "/oauth/consent", "allow")
    assert answer.status_code == 303, answer.text
    code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
    redeem = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER, **secret}
    tokens = (await client.post("/oauth/token", data=redeem)).json()
    assert (await client.get("/fhir/Patient/p01", headers=bearer(tokens["access_token"]))).status_code == 200
    fresh = (await client.post("/oauth/token", data={"grant_type": "refresh_token", **secret, **_refresh(tokens)})).json()
    for path in ("/oauth/introspect", "/oauth/revoke"):
        assert (await client.post(path, data={"token": fresh["access_token"], **secret})).status_code == 200
    launch = server.token("doctor", scope="launch user/*.rs", subject=name)
    await client.post("/oauth/launch", json={"patient": "p01"}, headers=bearer(launch))
    for again in (
        {"grant_type": "refresh_token", **secret, **_refresh(tokens)},
        redeem,
    ):  # both come a second time: it all ends
        assert (await client.post("/oauth/token", data=again)).status_code == 400
    assert (await client.get("/fhir/Patient/p01", headers=bearer(fresh["access_token"]))).status_code == 401


def _refresh(tokens: dict[str, str]) -> dict[str, str]:
    return {"refresh_token": tokens["refresh_token"]}


async def somebody_has_a_second_factor(server: LiveServer, watch: Watch) -> None:
    """Adds one, signs in with a wrong code and a recovery code, and gets another password."""
    name = f"two-{PHI}".lower()
    await account(server, watch, name)
    visitor = Visitor(server, watch)
    page = await visitor.sign_in(await visitor.go("/account/second-factor"), name)
    secret = _key_of(page.text)
    code = totp.code_at(secret, int(time.time()) // totp.STEP)
    page = await visitor.send(page, "/account/second-factor", "add", password=PASSWORD, code=code)
    recovery = re.findall(r"<li>([^<]+)</li>", page.text)
    assert len(recovery) > 5, page.text
    watch.given.update({secret, *recovery})
    other = Visitor(server, watch)
    page = await other.sign_in(await other.go("/account"), name)
    page = await other.send(page, "/oauth/second-step", code=f"{SECRET[:4]}00")
    page = await other.send(page, "/oauth/second-step", code=recovery[0])
    page = await other.send(
        await other.go("/account"),
        "/account/password",
        current=PASSWORD,
        password=f"{PASSWORD} anew",
        again=f"{PASSWORD} anew",
    )
    assert page.status_code == 200, page.text


def _key_of(text: str) -> str:
    """As the page shows it: in groups of four."""
    match = re.search(r"((?:[A-Z2-7]{4}(?:<[^>]*>|\s|&nbsp;)+){7}[A-Z2-7]{4})", text)
    assert match is not None, text
    return re.sub(r"<[^>]*>|\s|&nbsp;", "", match[1])


async def somebody_is_invited(server: LiveServer, watch: Watch) -> None:
    name = f"root-{PHI}".lower()
    await account(server, watch, name)
    visitor = Visitor(server, watch)
    page = await visitor.sign_in(await visitor.go("/accounts/invite"), name)
    who = {"name": f"new-{PHI}".lower(), "display": f"{PHI} Müllér", "role": "staff", "email": f"{PHI}@example.org"}
    page = await visitor.send(page, "/accounts/invite", **who)
    match = re.search(r"(/invitation\?link=[\w.-]+)", page.text)
    assert match is not None, page.text
    watch.given.add(match[1].partition("=")[2])
    invited = Visitor(server, watch)
    await invited.send(await invited.go(match[1]), "/invitation", password=SECRET, again="another")
    page = await invited.send(await invited.go(match[1]), "/invitation", password=PASSWORD, again=PASSWORD)
    assert page.status_code < 400, page.text


async def a_document_is_linked(server: LiveServer, watch: Watch) -> None:
    async with watch.client(server.base, **bearer(server.token("staff", subject=f"user-{PHI}"))) as client:
        made = await client.post(
            "/Binary",
            content=f"a note on {PHI}".encode(),
            headers={"Content-Type": "text/plain", "X-Security-Context": "Patient/p01"},
        )
        path = made.headers["location"].partition("/_history")[0]
        link = (await client.get(f"{path}/$signed-link")).json()
        url = next(part["valueUrl"] for part in link["parameter"] if part["name"] == "url")
        assert (await client.get(url)).status_code == 200
        assert (await client.get(f"{url}A")).status_code == 403
