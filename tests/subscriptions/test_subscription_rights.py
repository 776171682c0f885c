"""What becomes of a subscription when the rights behind it go: account, client, grant, scope, consent, between subscribing and notifying."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
import pytest
from in_process import House
from rest_help import observation
from subscription_help import INNER, AheadOfTime, Hook, status_of, subscribe, subscription, until, until_status
from two_engines import house_on

from server.accounts.account import ACCOUNTS, Account, NewAccount, add, with_password
from server.auth.access_token import Grant, issue_token
from server.auth.signing_key import load_or_create
from server.internal import Found, OwnRecords
from server.oauth import grant as grants
from server.oauth.administration import deactivate, reactivate, remove, remove_client
from server.oauth.client import CLIENTS, Client
from server.oauth.revoked import What, revoke

sys.path.append(str(Path(__file__).parents[1] / "access"))
from access_help import actors, consent  # the folder of another area

SCOPE: Final = "system/Subscription.cruds system/Observation.rs system/Basic.rs"
GRANT: Final = "a-grant-of-1-app"
"""Sixteen characters, as a grant's id."""


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_on("sqlite", tmp_path / "data", **INNER) as house:
        yield house


class Behind:
    """Whoever subscribes, and what stands behind them: an account, a client with a grant, or only a token."""

    def __init__(self, house: House) -> None:
        tenant = house.services.keyring.get("default")
        assert tenant is not None
        self.house = house
        self.own = OwnRecords(house.services.store, tenant, house.services.now)
        self.subject, self.client_id = "somebody", "cli"

    async def with_account(self, *roles: str) -> None:
        made = await add(self.own, NewAccount("somebody", list(roles) or ["staff"], password="a long enough word 17"))
        self.subject = made.id

    async def with_client(self, scope: str = SCOPE, *roles: str) -> None:
        self.client_id = "feed"
        made = Client("feed", "A feed", "private_key_jwt", scope=scope, roles=roles or ("staff",), created=self.own.now())
        await self.own.commit([CLIENTS.add(self.own, "feed", made)])

    async def with_grant(self) -> None:
        granted = grants.Granted(self.client_id, self.subject, SCOPE, "", self.own.now(), 0)
        await self.own.commit([grants.GRANTS.add(self.own, GRANT, grants.Grant(granted, "x"))])

    def http(self) -> httpx.AsyncClient:
        grant = Grant("default", self.subject, self.client_id, ["staff"], SCOPE, "Practitioner/who", token_id=f"{GRANT}.1")
        token = issue_token(load_or_create(self.house.data), grant, lifetime=3600, now=self.own.now() / 1_000_000)
        client = self.house.client(None)
        client.headers["Authorization"] = f"Bearer {token}"
        return client

    async def account(self) -> Found[Account]:
        found = await ACCOUNTS.read(self.own, self.subject)
        assert found is not None
        return found

    async def client(self) -> Found[Client]:
        found = await CLIENTS.read(self.own, self.client_id)
        assert found is not None
        return found

    async def change_client(self, **fields: Any) -> None:
        found = await self.client()
        await self.own.commit([CLIENTS.change(self.own, found, msgspec.structs.replace(found.value, **fields))])

    async def revoked(self, what: What, value: str) -> None:
        revocation, ends, keep = await revoke(self.own, what, value, for_good=False)
        await self.own.commit([keep])
        self.house.services.revoked.add("default", revocation, ends)


# -- nothing is left -----------------------------------------------------------------------------------------------------------


async def account_removed(behind: Behind) -> None:
    await remove(behind.own, await behind.account(), ())


async def account_back_again(behind: Behind) -> None:
    await deactivate(behind.own, await behind.account(), ())
    await reactivate(behind.own, await behind.account(), ())


async def other_password(behind: Behind) -> None:
    await behind.own.commit([await with_password(behind.own, await behind.account(), "another good word 18")])


async def other_roles(behind: Behind) -> None:
    found = await behind.account()
    await behind.own.commit([ACCOUNTS.change(behind.own, found, msgspec.structs.replace(found.value, roles=("payer",)))])


async def client_removed(behind: Behind) -> None:
    await remove_client(behind.own, await behind.client(), ())


async def client_with_the_same_id(behind: Behind) -> None:
    await remove_client(behind.own, await behind.client(), ())
    await behind.with_client()


async def client_of_other_roles(behind: Behind) -> None:
    await behind.change_client(roles=("payer",))


async def client_of_other_scopes(behind: Behind) -> None:
    await behind.change_client(scope="system/Patient.rs")


async def grant_ended(behind: Behind) -> None:
    found = await grants.GRANTS.read(behind.own, GRANT)
    assert found is not None
    await behind.own.commit([grants.GRANTS.change(behind.own, found, msgspec.structs.replace(found.value, ended=True))])


async def subject_revoked(behind: Behind) -> None:
    await behind.revoked("subject", behind.subject)


async def token_revoked(behind: Behind) -> None:
    await behind.revoked("token", f"{GRANT}.1")


Taken = Callable[[Behind], Awaitable[None]]
OF_ACCOUNTS: Final[tuple[Taken, ...]] = (account_removed, account_back_again, other_password, other_roles)
OF_CLIENTS: Final[tuple[Taken, ...]] = (
    *(client_removed, client_with_the_same_id, client_of_other_roles, client_of_other_scopes),
)
OF_TOKENS: Final[tuple[Taken, ...]] = (subject_revoked, token_revoked)
ALL: Final = (*OF_ACCOUNTS, *OF_CLIENTS, grant_ended, *OF_TOKENS)


@pytest.mark.parametrize("taken", ALL, ids=[taken.__name__ for taken in ALL])
async def test_who_is_let_in_no_more_is_told_of_nothing_more(house: House, hook: Hook, taken: Taken) -> None:
    behind = Behind(house)
    if taken in OF_ACCOUNTS:
        await behind.with_account()
    if taken in OF_CLIENTS or taken is grant_ended:
        await behind.with_client()
        await behind.with_grant()
    async with house.client() as writer, behind.http() as subscriber:
        id_ = await subscribe(subscriber, subscription(hook.url, "Basic"))
        await writer.post("/Basic", json={"resourceType": "Basic", "code": {"text": "before"}})
        await hook.until(lambda: bool(hook.events))
        await taken(behind)
        await writer.post("/Basic", json={"resourceType": "Basic", "code": {"text": "after"}})
        resource = (await writer.get(f"/Subscription/{id_}")).json()
        assert (await writer.put(f"/Subscription/{id_}", json={**resource, "status": "requested"})).status_code == 200
        failed = await until_status(writer, id_, "error")
        told = (await writer.get(f"/Subscription/{id_}/$events?content=full-resource")).json()
    assert failed["error"] == "The subscriber is not let in any more."
    assert [call.status["type"] for call in hook.calls] == ["handshake", "event-notification"]
    assert status_of(told)["events-since-subscription-start"] == "1"
    assert told["entry"][1:] == []  # for the administrator who asks in their place, neither


async def test_an_event_that_waits_is_not_sent_to_who_left_meanwhile(house: House, hook: Hook) -> None:
    taking = False
    hook.answer = lambda call: 200 if taking or call.status["type"] != "event-notification" else 503
    behind = Behind(house)
    await behind.with_client()
    async with house.client() as writer, behind.http() as subscriber:
        id_ = await subscribe(subscriber, subscription(hook.url, "Basic"))
        await writer.post("/Basic", json={"resourceType": "Basic", "code": {"text": "x"}})
        await hook.until(lambda: bool(hook.events))
        await client_removed(behind)
        taking, seen = True, len(hook.calls)
        AheadOfTime(house).by(600)
        failed = await until_status(writer, id_, "error")
    assert failed["error"] == "The subscriber is not let in any more."
    assert len(hook.calls) == seen


# -- less is left --------------------------------------------------------------------------------------------------------------


async def test_a_scope_that_shrank_leaves_the_rest(house: House, hook: Hook) -> None:
    """What waits keeps its number alone; what comes gets none."""
    taking = False
    hook.answer = lambda call: 200 if taking or call.status["type"] != "event-notification" else 503
    behind = Behind(house)
    await behind.with_client()
    async with house.client() as writer, behind.http() as subscriber:
        id_ = await subscribe(subscriber, subscription(hook.url, "Observation", "Basic"))
        await writer.post("/Observation", json=observation())
        await hook.until(lambda: bool(hook.events))
        await behind.change_client(scope="system/Subscription.cruds system/Basic.rs")
        taking, seen = True, len(hook.calls)
        await writer.post("/Observation", json=observation())
        await writer.post("/Basic", json={"resourceType": "Basic", "code": {"text": "x"}})
        AheadOfTime(house).by(600)
        await hook.until(lambda: len(hook.calls) >= seen + 2)
        told = (await writer.get(f"/Subscription/{id_}/$events?content=full-resource")).json()
    later = hook.calls[seen:]
    numbers = [event["event-number"] for call in later for event in call.status["events"]]
    assert numbers == ["1", "2"]
    assert [[each["resource"]["resourceType"] for each in call.bundle["entry"][1:]] for call in later] == [[], ["Basic"]]
    assert [each["resource"]["resourceType"] for each in told["entry"][1:]] == ["Basic"]


def denying(*but_for: str) -> dict[str, Any]:
    """A patient's consent that denies all, but for some and who writes."""
    exception = {"type": "permit", "actor": actors("Practitioner/writer", *but_for)}
    return consent("said", "p1", type="deny", provision=[exception])


async def test_a_consent_that_is_withdrawn_hides_what_waits_and_what_comes_until_it_is_given_again(
    house: House, hook: Hook
) -> None:
    taking = False
    hook.answer = lambda call: 200 if taking or call.status["type"] != "event-notification" else 503
    behind = Behind(house)
    async with house.client(fhir_user="Practitioner/writer") as writer, behind.http() as subscriber:

        async def say(said: dict[str, Any]) -> None:
            assert (await writer.put("/Consent/said", json=said)).is_success

        await writer.put("/Patient/p1", json={"resourceType": "Patient", "id": "p1"})
        await say(denying("Practitioner/who"))
        id_ = await subscribe(subscriber, subscription(hook.url, "Observation"))
        events = f"/Subscription/{id_}/$events?content=full-resource"
        assert (await writer.put("/Observation/one", json=observation("one", "Patient/p1"))).status_code == 201
        await hook.until(lambda: bool(hook.events))
        await say(denying())
        taking, seen = True, len(hook.calls)
        AheadOfTime(house).by(600)
        await hook.until(lambda: len(hook.calls) > seen)
        assert hook.calls[-1].bundle["entry"][1:] == []
        assert "focus" not in hook.calls[-1].status["events"][0]
        assert (await subscriber.get(events)).json()["entry"][1:] == []
        await writer.put("/Observation/two", json=observation("two", "Patient/p1"))
        await say({**denying(), "status": "inactive"})
        await writer.put("/Observation/three", json=observation("three", "Patient/p1"))
        await hook.until(lambda: len(hook.events) >= 3)
        told = (await until(subscriber, events, lambda found: len(found["entry"]) > 2))["entry"][1:]
    assert hook.events[-1]["event-number"] == "2"
    assert [each["resource"]["id"] for each in told] == ["one", "three"]
