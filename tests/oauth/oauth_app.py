"""What an app, a person and a browser do with the authorization server, for its tests."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from in_process import House, running_house

from server.accounts.account import Account, NewAccount, add, find_by_name
from server.accounts.demo import demo_accounts
from server.internal import OwnRecords
from server.oauth import client as clients
from server.oauth.client import Client

APP = "https://app.example/callback"
SCOPE = "launch/patient openid fhirUser offline_access patient/*.rs"
PASSWORD = "seven quiet herons wade"
VERIFIER = "v" * 43


def challenge(verifier: str = VERIFIER) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def own(house: House, tenant: str = "default") -> OwnRecords:
    found = house.services.keyring.get(tenant)
    assert found is not None
    return OwnRecords(house.services.store, found, house.services.now)


async def make_client(house: House, id_: str = "app", *, tenant: str = "default", **fields: Any) -> str | None:
    """Registers a client; its secret, where its method has one."""
    given: dict[str, Any] = {"name": "Test App", "method": "none", "redirect_uris": (APP,), **fields}
    client, secret = clients.with_new_secret(Client(id_, **given))
    await clients.add(own(house, tenant), client)
    return secret


async def make_account(
    house: House, name: str = "dora", role: str = "doctor", *, tenant: str = "default", **fields: Any
) -> Account:
    found = await find_by_name(own(house, tenant), name)
    if found is not None:
        return found.value
    new = NewAccount(name, [role], fhir_user=fields.pop("fhir_user", f"Practitioner/{role}"), password=PASSWORD, **fields)
    return await add(own(house, tenant), new)


async def demo_password(house: House, name: str) -> str:
    return {found.name: found.password for found in await demo_accounts(own(house))}[name]


@dataclass
class Form:
    """A form of a page: where it goes, its hidden fields and its buttons and boxes."""

    action: str
    fields: dict[str, str]
    boxes: list[str]
    buttons: list[tuple[str, str]]


@dataclass
class Page:
    answer: httpx.Response

    @property
    def text(self) -> str:
        return unescape(self.answer.text)

    @property
    def title(self) -> str:
        match = re.search("<title>(.*?)</title>", self.text, re.DOTALL)
        return match[1] if match else ""

    @property
    def forms(self) -> list[Form]:
        found = []
        for match in re.finditer(r'<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>', self.answer.text, re.DOTALL):
            fields, boxes, buttons = {}, [], []
            for tag in re.finditer(r"<(?:input|button)([^>]*)>", match[2]):
                given = {name: unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', tag[1])}
                if given.get("type") == "checkbox":
                    boxes.append(given["value"])
                elif given.get("type") == "submit" and "name" in given:
                    buttons.append((given["name"], given["value"]))
                elif given.get("type") == "hidden":
                    fields[given["name"]] = given["value"]
            found.append(Form(unescape(match[1]), fields, boxes, buttons))
        return found


class Browser:
    """Keeps cookies, follows redirects on the server, and stops where it is sent elsewhere."""

    def __init__(self, house: House, client: httpx.AsyncClient | None = None) -> None:
        self.root = house.root
        self.http = client or house.client(None)

    async def go(self, address: str, **parameters: str) -> Page:
        return await self._follow(await self.http.get(address, params=parameters or None))

    async def post(self, address: str, fields: dict[str, Any]) -> Page:
        return await self._follow(await self.http.post(address, data=fields))

    async def _follow(self, answer: httpx.Response) -> Page:
        while answer.status_code == 303 and answer.headers["location"].startswith(f"{self.root}/"):
            answer = await self.http.get(answer.headers["location"])
        return Page(answer)

    async def sign_in(self, page: Page, name: str = "dora", password: str = PASSWORD) -> Page:
        (form,) = page.forms
        return await self.post(form.action, {**form.fields, "name": name, "password": password})

    async def choose(self, page: Page, patient: str) -> Page:
        form = page.forms[0]
        return await self.post(form.action, {**form.fields, "patient": patient})

    async def allow(self, page: Page, *, only: list[str] | None = None, decision: str = "allow") -> Page:
        form = page.forms[0]
        scopes = form.boxes if only is None else only
        return await self.post(form.action, {**form.fields, "scope": scopes, "do": decision})


@dataclass(frozen=True)
class App:
    """A client that asks `house` for tokens."""

    house: House
    id: str = "app"
    redirect_uri: str = APP
    secret: str | None = None
    scope: str = SCOPE
    tenant: str = "default"
    more: dict[str, str] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        return self.house.root if self.tenant == "default" else f"{self.house.root}/t/{self.tenant}"

    @property
    def fhir(self) -> str:
        return f"{self.issuer}/fhir"

    def with_(self, **changes: Any) -> App:
        return replace(self, **changes)

    def request(self, **changes: str | None) -> dict[str, str]:
        """The parameters of an authorization request; None leaves one out."""
        whole = {
            "response_type": "code",
            "client_id": self.id,
            "redirect_uri": self.redirect_uri,
            "scope": self.scope,
            "state": "the-state",
            "aud": self.fhir,
            "code_challenge": challenge(),
            "code_challenge_method": "S256",
            **self.more,
            **changes,
        }
        return {name: value for name, value in whole.items() if value is not None}

    async def code(self, patient: str | None = "p1", *, browser: Browser | None = None, **changes: str | None) -> str:
        """Through all pages to a code."""
        answer = await self.answered(patient, browser=browser, **changes)
        assert "code" in answer, answer
        return answer["code"]

    async def answered(
        self, patient: str | None = "p1", *, browser: Browser | None = None, **changes: str | None
    ) -> dict[str, str]:
        browser = browser or Browser(self.house)
        page = await browser.go(f"{self.issuer}/oauth/authorize", **self.request(**changes))
        if "Sign in" in page.title:
            page = await browser.sign_in(page)
        if "Choose a patient" in page.title and patient:
            page = await browser.choose(page, patient)
        if "Allow access" in page.title:
            page = await browser.allow(page)
        return sent_to(page, self.redirect_uri)

    async def post(self, path: str, **fields: Any) -> httpx.Response:
        """To an endpoint of the authorization server, as this client."""
        auth = httpx.BasicAuth(self.id, self.secret) if self.secret else None
        own_id = {} if self.secret or "client_assertion" in fields else {"client_id": self.id}
        async with self.house.client(None) as client:
            data = {name: value for name, value in {**own_id, **fields}.items() if value is not None}
            return await client.post(f"{self.issuer}{path}", data=data, auth=auth or httpx.USE_CLIENT_DEFAULT)

    async def redeem(self, code: str, /, **changes: Any) -> httpx.Response:
        whole = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri, "code_verifier": VERIFIER, **changes,
        }  # fmt: skip
        return await self.post("/oauth/token", **whole)

    async def tokens(self, patient: str | None = "p1", **changes: str | None) -> dict[str, Any]:
        answer = await self.redeem(await self.code(patient, **changes))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def refresh(self, token: str, **changes: Any) -> httpx.Response:
        return await self.post("/oauth/token", grant_type="refresh_token", refresh_token=token, **changes)

    async def get(self, path: str, token: str) -> httpx.Response:
        async with self.house.client(None) as client:
            return await client.get(f"{self.fhir}{path}", headers={"Authorization": f"Bearer {token}"})


def sent_to(page: Page, redirect_uri: str = APP) -> dict[str, str]:
    """What the browser was sent to the app with."""
    assert page.answer.status_code == 303, (page.answer.status_code, page.answer.text[:2000])
    location = page.answer.headers["location"]
    assert location.partition("?")[0] == redirect_uri.partition("?")[0]
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query, keep_blank_values=True).items()}


@asynccontextmanager
async def town(data: Path, **environment: str) -> AsyncIterator[House]:
    """An application with a patient or two, a doctor who may sign in, and a public app."""
    async with running_house(data, **environment) as house:
        await people(house)
        yield house


async def people(house: House) -> None:
    async with house.client() as client:
        for id_, family in (("p1", "Alder"), ("p2", "Birch")):
            patient = {
                "resourceType": "Patient",
                "id": id_,
                "name": [{"family": family, "given": ["Ann"]}],
                "birthDate": "1980-01-31",
            }
            assert (await client.put(f"/Patient/{id_}", json=patient)).status_code in {200, 201}
        for role in ("doctor", "staff", "administrator"):
            await client.put(f"/Practitioner/{role}", json={"resourceType": "Practitioner", "id": role})
        for number in (1, 2):
            visit = {"resourceType": "Encounter", "id": f"e{number}", "status": "finished", "class": {"code": "AMB"}}
            await client.put(f"/Encounter/e{number}", json={**visit, "subject": {"reference": f"Patient/p{number}"}})
    await make_account(house)
    await make_client(house)


def random_verifier() -> str:
    return secrets.token_urlsafe(48)
