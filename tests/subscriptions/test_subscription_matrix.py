"""What each caller of the authorization matrix would be told of, what a notification would carry, and what $events says: just what the
oracle lets them read (tests/access/matrix_world.py)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from in_process import House

sys.path.append(str(Path(__file__).parents[1] / "access"))
from matrix_world import RECORDS, SCOPES, Caller, callers  # the folder of another area

from server.access.access import everything
from server.auth.access_token import Grant, issue_token
from server.auth.signing_key import load_or_create
from server.internal import OwnRecords
from server.jobs.asked import asked_by
from server.repository import Repository
from server.store.store import Commit
from server.subscriptions.matching import Definition, Matcher, change_of
from server.subscriptions.names import CHANGED
from server.subscriptions.owner import owner_of
from server.subscriptions.payload import shown
from server.subscriptions.records import EVENTS, PROGRESS, SUBSCRIBED, Event, Progress, Subscribed, Wanted, event_id
from server.subscriptions.subscriber import subscriber_of

SUBSCRIBERS = ("administrator", "doctor", "staff")


def token_of(house: House, tenant: str, caller: Caller) -> str:
    scope = " ".join(item.text for item in caller.scopes) or "openid"
    user = f"Patient/{caller.patient or 'p1'}" if caller.role == "patient" else "Practitioner/who"
    grant = Grant(tenant, "who", "matrix", [caller.role], scope, user, caller.patient)
    return issue_token(load_or_create(house.data), grant, lifetime=36_000)


async def told_of(house: House, number: int, caller: Caller) -> int:
    """How many records were held against the oracle."""
    services, name = house.services, f"s{number:03}"
    tenant = await services.keyring.make(name)
    base = f"{house.root}/t/{name}/fhir"
    repository = Repository(services.store, tenant, base, services.clock)
    resources = [*(record.resource for record in RECORDS), *caller.said.consents]
    puts = [repository.prepare(resource, resource["id"], None).put for resource in resources]
    await services.commit(Commit(tenant.number, puts))
    principal = services.verifier.verify(token_of(house, name, caller))
    wanted = Wanted(CHANGED, "rest-hook", "full-resource", "application/fhir+json")
    subscribed = Subscribed("s", wanted, asked_by(principal), base, "2.2.1", -1)
    definition = Definition(subscribed, {record.type: () for record in RECORDS})
    matcher, subscriber = Matcher(services, tenant), await subscriber_of(services, tenant, subscribed)
    for at, record in enumerate(RECORDS, start=1):
        change = change_of(f"{record.name}/_history/1", ())
        assert change is not None
        assert await repository.read(everything(record.type), record.resource["id"]) is not None
        told = await matcher.concerned(change, 0, [definition])
        assert bool(told) == caller.reaches_by("r", record), f"{caller}: {record.name}"
        event = Event(at, 0, record.type, record.resource["id"], 1, "create")
        items = (await shown(subscriber, event, "full-resource")).items if subscriber is not None else ()
        carried = [item.resource["id"] for item in items if item.resource is not None]
        assert carried == ([record.resource["id"]] if told else []), f"{caller}: {record.name}"
    return len(RECORDS) + await asked_again(house, name, caller)


async def asked_again(house: House, name: str, caller: Caller) -> int:
    """$events of a Subscription that the same user made with a wider token: it shows what is within reach of both."""
    services = house.services
    tenant = await services.keyring.make(name)
    base = f"{house.root}/t/{name}/fhir"
    wide = services.verifier.verify(token_of(house, name, Caller("administrator", SCOPES[0], None, caller.said)))
    repository = Repository(services.store, tenant, base, services.clock, owner_of(tenant.index, wide))
    put = repository.prepare({"resourceType": "Subscription", "id": "s", "status": "active"}, "s", None).put
    wanted = Wanted(CHANGED, "rest-hook", "full-resource", "application/fhir+json")
    own = OwnRecords(services.store, tenant, services.now)
    kept = [
        SUBSCRIBED.add(own, "s", Subscribed("s", wanted, asked_by(wide), base, "2.2.1", -1)),
        PROGRESS.add(own, "s", Progress("s", "active", len(RECORDS), len(RECORDS), round=1)),
    ]
    for at, record in enumerate(RECORDS, start=1):
        event = Event(at, 0, record.type, record.resource["id"], 1, "create")
        kept.append(EVENTS.add(own, event_id("s", at), event))
    await services.commit(Commit(tenant.number, [put], internals=kept))
    async with house.client(None) as client:
        headers = {"Authorization": f"Bearer {token_of(house, name, caller)}"}
        answer = await client.get(f"{base}/Subscription/s/$events", headers=headers)
    whole = any(scope.text in ("user/*.cruds", "system/*.read") for scope in caller.scopes)
    assert (answer.status_code == 200) == (whole and caller.role in SUBSCRIBERS), f"{caller}: {answer.text}"
    if answer.status_code != 200:
        assert answer.status_code in (403, 404), f"{caller}: {answer.text}"
        return 1
    found: list[dict[str, Any]] = [each["resource"] for each in answer.json()["entry"][1:]]
    expected = {record.name for record in RECORDS if caller.reaches_by("r", record) and not _is_hidden(caller, record.name)}
    assert {f"{each['resourceType']}/{each['id']}" for each in found} == expected, str(caller)
    return len(RECORDS)


def _is_hidden(caller: Caller, name: str) -> bool:
    """From the token that subscribed, by a consent that does not hide it from the patient who asks."""
    wide = Caller("administrator", SCOPES[0], None, caller.said)
    return not any(record.name == name and wide.reaches_by("r", record) for record in RECORDS)


@pytest.mark.slow
async def test_every_caller_is_told_of_what_they_may_read(app: House) -> None:
    asked = 0
    for number, caller in enumerate(callers()):
        asked += await told_of(app, number, caller)
    assert asked > 1000
