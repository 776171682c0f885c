"""What the authorization server keeps: on both stores, out of reach of every FHIR route, sealed, backed up, sealed anew, audited."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from in_process import House, running_house
from key_client import JWKS, asking, signed
from key_client import claims as said
from oauth_app import PASSWORD, App, Browser, demo_password, make_client, own, people, sent_to

from profiles.base_validation import validate_resource
from profiles.structure import resource_types
from server.accounts import attempts
from server.accounts.sign_in import sign_in
from server.audit.log import audit_binding
from server.audit.record import decode_batch
from server.cli import main
from server.internal import AT_ONCE
from server.oauth.code import CODES
from server.seal.cipher import key_number
from server.seal.rotation import announcing, switching
from server.store.sqlite.sqlite_store import FILE_NAME
from server.upkeep.reseal import Reseal

sys.path += [str(Path(__file__).parents[1] / area) for area in ("rest", "store")]
from two_engines import ENGINES, mongodb_environment  # folders of other areas


async def whole_flow(house: House) -> dict[str, Any]:
    app = App(house)
    tokens = await app.tokens()
    following = (await app.refresh(tokens["refresh_token"])).json()
    return {"first": tokens, "second": following}


@asynccontextmanager
async def two_houses(engine: str, data: Path) -> AsyncIterator[tuple[House, House]]:
    """Two servers on one store, as far as the engine has such a thing: two on a database, or the same one twice."""
    if engine == "sqlite":
        async with running_house(data) as house:
            await people(house)
            yield house, house
        return
    with mongodb_environment() as environment:
        async with running_house(data, **environment) as one:
            await people(one)
            async with running_house(data, **environment) as other:
                yield one, other


@pytest.mark.parametrize("engine", ENGINES)
async def test_what_may_happen_once_happens_once_on_either_store(engine: str, tmp_path: Path) -> None:
    async with two_houses(engine, tmp_path / "data") as houses:
        apps = [App(house) for house in houses]
        code = await apps[0].code()
        answers = await asyncio.gather(*[apps[n % 2].redeem(code) for n in range(64)])
        assert sorted(answer.status_code for answer in answers) == [200] + [400] * 63
        tokens = await apps[1].tokens()
        answers = await asyncio.gather(*[apps[n % 2].refresh(tokens["refresh_token"]) for n in range(64)])
        assert sorted(answer.status_code for answer in answers) == [200] + [400] * 63
        await make_client(
            houses[0], "backend", method="private_key_jwt", redirect_uris=(), grant_types=("client_credentials",),
            scope="system/*.rs", roles=("staff",), jwks=JWKS,
        )  # fmt: skip
        form = asking(signed(said()))
        async with houses[0].client(None) as one, houses[1].client(None) as other:
            posts = [(one, other)[n % 2].post(f"{houses[0].root}/oauth/token", data=form) for n in range(64)]
            answers = await asyncio.gather(*posts)
            assert sorted(answer.status_code for answer in answers) == [200] + [401] * 63
            headers = {"Authorization": f"Bearer {houses[0].token('doctor')}"}
            made = (await one.post(f"{houses[0].root}/oauth/launch", json={"patient": "p1"}, headers=headers)).json()[
                "launch"
            ]
        request = apps[0].request(launch=made, scope="launch patient/*.rs")
        browsers = [Browser(houses[n % 2]) for n in range(16)]
        sent = await asyncio.gather(
            *[browser.http.get(f"{browser.root}/oauth/authorize", params=request) for browser in browsers]
        )
        assert sum("error=" not in answer.headers["location"] for answer in sent) == 1


@pytest.mark.parametrize("engine", ENGINES)
async def test_tries_to_sign_in_are_counted_together(engine: str, tmp_path: Path) -> None:
    async with two_houses(engine, tmp_path / "data") as houses:
        outcomes = await asyncio.gather(
            *[sign_in(own(houses[n % 2]), "dora", "wrong") for n in range(20)], return_exceptions=True
        )
        codes = [getattr(outcome, "code", repr(outcome)) for outcome in outcomes]
        assert codes.count("sign-in-refused") == attempts.FREE
        assert codes.count("sign-in-slowed-down") == 20 - attempts.FREE


@pytest.mark.slow
async def test_what_one_server_revokes_the_other_refuses_soon(tmp_path: Path) -> None:
    async with two_houses("mongodb", tmp_path / "data") as (one, other):
        app = App(one)
        tokens = await app.tokens()
        elsewhere = App(other)
        assert (await elsewhere.get("/Patient/p1", tokens["access_token"])).status_code == 200
        assert (await app.post("/oauth/revoke", token=tokens["refresh_token"])).status_code == 200
        assert (await app.get("/Patient/p1", tokens["access_token"])).status_code == 401
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while (await elsewhere.get("/Patient/p1", tokens["access_token"])).status_code == 200:
            assert loop.time() - begun < 60
            await asyncio.sleep(0.05)
        print(f"the other server knew after {loop.time() - begun:.2f} s")


async def test_no_route_search_history_or_list_of_types_shows_them(town_house: House) -> None:
    tokens = await whole_flow(town_house)
    kinds = {record.kind for record in await town_house.services.store.internals.all(b"", AT_ONCE)}
    assert {"account", "account-name", "client", "code", "grant", "session"} <= kinds
    secrets = [tokens["first"]["refresh_token"], tokens["second"]["access_token"], "argon2id", '"dora"', PASSWORD]
    async with town_house.client() as client:
        statement = (await client.get("/metadata")).json()
        assert {item["type"] for item in statement["rest"][0]["resource"]} == resource_types()
        for kind in sorted(kinds | {name.title().replace("-", "") for name in kinds}):
            for path in (f"/{kind}", f"/{kind}/1", f"/{kind}/_history", f"/{kind}?_id=1", f"/oauth/{kind}"):
                answer = await client.get(path)
                there = kind == "Account" and not path.endswith("/1")  # R4 has a type of that name
                assert answer.status_code == (200 if there and path.startswith("/Account") else 404), path
                assert not any(secret in answer.text for secret in secrets)
        for type_ in ("Patient", "Practitioner", "Person", "Basic", "Binary", "Parameters", "Device"):
            for path in (f"/{type_}?_count=100", f"/{type_}/_history?_count=100"):
                answer = await client.get(path)
                assert not any(secret in answer.text for secret in secrets)
        history = await client.get("/_history?_count=100")
        assert {
            entry["resource"]["resourceType"] for entry in history.json()["entry"] if "resource" in entry
        } <= resource_types()
        assert not any(secret in history.text for secret in secrets)
    rows = await town_house.services.store.upkeep.rows(0, 1000)
    names = {record.key for record in await town_house.services.store.internals.all(b"", AT_ONCE)}
    assert not names & {row.record.key for row in rows}


async def test_the_audit_trail_tells_what_happened_and_no_secret(town_house: House) -> None:
    app, browser = App(town_house), Browser(town_house)
    page = await browser.go(f"{app.issuer}/oauth/authorize", **app.request())
    page = await browser.sign_in(page, "dora", "a wrong password")
    page = await browser.sign_in(page)
    page = await browser.allow(await browser.choose(page, "p1"))
    code = sent_to(page)["code"]
    tokens = (await app.redeem(code)).json()
    following = (await app.refresh(tokens["refresh_token"])).json()
    await app.refresh(tokens["refresh_token"])
    await app.redeem(code)
    await app.post("/oauth/token", grant_type="password")
    await app.post("/oauth/revoke", token=following["access_token"])
    tenant = town_house.services.keyring.by_number(1)
    records = [
        record
        for batch in await town_house.services.store.audit_batches(0, 100_000)
        for record in decode_batch(tenant.cipher.open(batch.body, audit_binding(1, batch.seq)))
    ]
    told = [(record.interaction, record.status) for record in records if record.interaction.startswith("$")]
    assert told == [
        ("$sign-in", 401), ("$sign-in", 200), ("$patient-choose", 200), ("$consent", 200), ("$token-issue", 200), ("$token-issue", 200),
        ("$token-reuse", 400), ("$token-issue", 400), ("$token-reuse", 400), ("$token-issue", 400), ("$token-issue", 400),
    ]  # fmt: skip
    issued = [record for record in records if record.interaction == "$token-issue" and record.status == 200]
    assert {(record.client, record.patients, record.fhir_user) for record in issued} == {
        ("app", ("p1",), "Practitioner/doctor")
    }
    written = repr(records) + b"".join(town_house.log).decode()
    for secret in (
        PASSWORD,
        "a wrong password",
        code,
        tokens["refresh_token"],
        tokens["access_token"],
        tokens["id_token"],
        "v" * 43,
        "the-state",
    ):
        assert secret not in written


async def test_what_happened_can_be_read_as_audit_events(town_house: House) -> None:
    app = App(town_house)
    code = await app.code()
    assert (await app.redeem(code)).status_code == 200
    assert (await app.redeem(code)).status_code == 400
    await town_house.services.audit.catch_up()
    async with town_house.client() as client:
        events = [entry["resource"] for entry in (await client.get("/AuditEvent?_count=500")).json()["entry"]]
    told = {coding["code"] for event in events for coding in event["subtype"]}
    assert {"sign-in", "consent", "token-issue", "token-reuse"} <= told
    failed = [event for event in events if "token-reuse" in {coding["code"] for coding in event["subtype"]}]
    assert [event["outcome"] for event in failed] == ["4"]
    assert [problem for event in events for problem in validate_resource(event)] == []


async def test_a_record_that_somebody_changed_is_named_and_never_a_stack_trace(
    town_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    shutil.copytree(town_data, data)
    with closing(sqlite3.connect(data / FILE_NAME)) as connection, connection:
        connection.execute(
            "UPDATE internal SET body = (SELECT body FROM internal WHERE kind = 'account-name') WHERE kind = 'client'"
        )
    async with running_house(data) as house:
        app = App(house)
        page = await Browser(house).go(f"{app.issuer}/oauth/authorize", **app.request())
        assert page.answer.status_code == 500
        assert (await app.redeem("x")).json()["error"] == "server_error"
        assert b"Traceback" not in b"".join(house.log)
    monkeypatch.setenv("ASSENT_DATA", str(data))
    assert await asyncio.to_thread(main, ["fsck"]) == 1
    assert "client" in capsys.readouterr().out


async def test_a_copy_of_the_store_has_all_of_them(
    town_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSENT_DATA", str(town_data))
    assert await asyncio.to_thread(main, ["backup", str(tmp_path / "copy.assent")]) == 0
    there = tmp_path / "there"
    there.mkdir(mode=0o700)
    for name in ("master.key", "signing-key.pem"):
        shutil.copy(town_data / name, there)
    monkeypatch.setenv("ASSENT_DATA", str(there))
    assert await asyncio.to_thread(main, ["restore", str(tmp_path / "copy.assent")]) == 0
    async with running_house(there) as house:
        assert (await App(house).tokens())["patient"] == "p1"


async def test_they_are_sealed_anew_with_the_rest(town_house: House) -> None:
    tokens = await App(town_house).tokens()
    services = town_house.services
    at_once = type(town_house.application._opened.pace)(0, 0)
    await services.keyring.change(announcing(services.now()))
    await services.keyring.change(switching(services.now(), at_once))
    reseal = Reseal(services.store, services.keyring, at_once, "test", services.now)
    while await reseal.step():
        pass
    found = await services.store.internals.all(b"", AT_ONCE)
    assert {key_number(record.body) for record in found} == {2}
    assert (await App(town_house).refresh(tokens["refresh_token"])).status_code == 200


async def test_what_is_over_is_forgotten(town_house: House) -> None:
    code = await App(town_house).code()
    store, services = town_house.services.store, town_house.services
    assert await CODES.read(own(town_house), code) is not None
    await store.internals.forget(services.now() + 2 * 3600 * 1_000_000, 1000)
    assert await CODES.read(own(town_house), code) is None
    kinds = {record.kind for record in await store.internals.all(b"", AT_ONCE)}
    assert {"account", "client", "session"} <= kinds


def test_the_demo_password_is_the_stores_own(tmp_path: Path) -> None:
    async def of(data: Path) -> str:
        async with running_house(data) as house:
            return await demo_password(house, "doctor")

    assert asyncio.run(of(tmp_path / "a")) == asyncio.run(of(tmp_path / "a")) != asyncio.run(of(tmp_path / "b"))


@pytest.fixture(autouse=True)
def _no_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSENT_SAMPLE", "0")
