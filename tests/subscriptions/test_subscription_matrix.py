"""What each caller of the authorization matrix would be told of: just what the oracle lets them read (tests/access/matrix_world.py)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from in_process import House

sys.path.append(str(Path(__file__).parents[1] / "access"))
from matrix_world import RECORDS, Caller, callers  # the folder of another area

from server.access.access import everything
from server.auth.access_token import Grant, issue_token
from server.auth.signing_key import load_or_create
from server.jobs.asked import asked_by
from server.repository import Repository
from server.store.store import Commit
from server.subscriptions.matching import Definition, Matcher, change_of
from server.subscriptions.names import CHANGED
from server.subscriptions.records import Subscribed, Wanted


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
    matcher = Matcher(services, tenant)
    for record in RECORDS:
        change = change_of(f"{record.name}/_history/1", ())
        assert change is not None
        assert await repository.read(everything(record.type), record.resource["id"]) is not None
        told = await matcher.concerned(change, 0, [definition])
        assert bool(told) == caller.reaches_by("r", record), f"{caller}: {record.name}"
    return len(RECORDS)


@pytest.mark.slow
async def test_every_caller_is_told_of_what_they_may_read(app: House) -> None:
    asked = 0
    for number, caller in enumerate(callers()):
        asked += await told_of(app, number, caller)
    assert asked > 1000
