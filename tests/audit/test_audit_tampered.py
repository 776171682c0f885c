"""Whatever is done to the audit trail in the database, `AuditEvent/$verify` names the first link that does not hold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from audit_help import Audited, Row, audited_on
from two_engines import ENGINES

from server.audit.checkpoint import Notary, trusting
from server.audit.keeper import AuditKeeper
from server.auth.signing_key import generate
from server.store.audit_chain import chain_after

Change = Callable[[list[Row]], list[Row]]
OTHER = 2
"""The number of the tenant that is the second to be made."""


@pytest.fixture(params=ENGINES)
async def audited(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Audited]:
    """Ten records of the default tenant, each in a batch of its own, with those of another tenant in between."""
    async with audited_on(request.param, tmp_path / "data") as made:
        await made.house.services.keyring.make("other")
        async with made.house.client() as own, made.house.client(tenant="other") as other:
            for number in range(10):
                await own.get(f"/Patient/n{number}")
                if number % 3 == 0:
                    await other.get(f"{made.house.root}/t/other/fhir/Patient/n{number}")
        yield made


def own(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.tenant != OTHER]


def without(position: int) -> Change:
    """Without the record of that number (from 1)."""
    return lambda rows: [row for row in rows if row != own(rows)[position - 1]]


def put(position: int, **fields: Any) -> Change:
    def change(rows: list[Row]) -> list[Row]:
        old = own(rows)[position - 1]
        return [replace(row, **fields) if row == old else row for row in rows]

    return change


def edited(position: int) -> Change:
    def change(rows: list[Row]) -> list[Row]:
        old = own(rows)[position - 1]
        body = old.body[:-1] + bytes([old.body[-1] ^ 1])
        return [replace(row, body=body) if row == old else row for row in rows]

    return change


def linked_anew(change: Change) -> Change:
    """And then all hashes made to fit again, as whoever reads the program can."""

    def both(rows: list[Row]) -> list[Row]:
        chains: dict[int, bytes] = {}
        made = []
        for row in change(rows):
            chain = chain_after(chains.get(row.tenant, b""), row.seq, row.body)
            chains[row.tenant] = chain
            made.append(replace(row, chain=chain))
        return made

    return both


def swapped(first: int, second: int) -> Change:
    def change(rows: list[Row]) -> list[Row]:
        a, b = own(rows)[first - 1], own(rows)[second - 1]
        places = {a.seq: replace(b, seq=a.seq), b.seq: replace(a, seq=b.seq)}
        return [places.get(row.seq, row) for row in rows]

    return change


def replayed_from_another_tenant(rows: list[Row]) -> list[Row]:
    foreign = next(row for row in rows if row.tenant == OTHER)
    old = own(rows)[3]
    return [replace(old, count=foreign.count, body=foreign.body) if row == old else row for row in rows]


def repeated(position: int) -> Change:
    """A record once more at the end."""

    def change(rows: list[Row]) -> list[Row]:
        old, last = own(rows)[position - 1], rows[-1]
        return [*rows, replace(old, seq=last.seq + 1)]

    return change


CASES: dict[str, tuple[Change, str, int]] = {
    "one is deleted": (without(5), "missing", 5),
    "the first is deleted": (without(1), "missing", 1),
    "one is deleted and all linked anew": (linked_anew(without(5)), "missing", 5),
    "several are deleted": (lambda rows: without(4)(without(4)(rows)), "missing", 4),
    "one is changed": (edited(7), "edited", 7),
    "one is changed and all linked anew": (linked_anew(edited(7)), "edited", 7),
    "the hash of one is changed": (put(6, chain=bytes(32)), "edited", 6),
    "the number of records of one is changed": (put(6, count=3), "edited", 6),
    "two are swapped": (swapped(3, 8), "reordered", 3),
    "two neighbours are swapped and all linked anew": (linked_anew(swapped(3, 4)), "reordered", 3),
    "one comes from another tenant": (replayed_from_another_tenant, "edited", 4),
    "one comes from another tenant and all linked anew": (linked_anew(replayed_from_another_tenant), "edited", 4),
    "one is repeated at the end": (linked_anew(repeated(2)), "reordered", 11),
}


async def test_a_trail_that_nobody_touched_is_whole(audited: Audited) -> None:
    found = await audited.verify()
    assert found["result"] is True
    assert "broken" not in found
    assert found["records"] == 10
    assert (await audited.verify("administrator"))["records"] == 11


def onto(rows: list[Row], change: Change) -> Change:
    """The change made to these rows, whatever there is."""
    return lambda _: change(rows)


async def test_the_first_broken_link_is_named(audited: Audited) -> None:
    """One change after the other, each to the trail as it was."""
    rows = audited.rows.read()
    for name, (change, kind, position) in CASES.items():
        audited.change(onto(rows, change))
        found = await audited.verify()
        assert found["result"] is False, name
        broken = found["broken"]
        assert (broken["kind"], broken["position"]) == (kind, position), name
        assert broken["message"].endswith(".")
        await around(audited, broken, position)
        async with audited.house.client("auditor", tenant="other") as other:
            told = await other.get(f"{audited.house.root}/t/other/fhir/AuditEvent/$verify")
            assert told.json()["parameter"][0] == {"name": "result", "valueBoolean": True}, name


async def around(audited: Audited, broken: dict[str, Any], position: int) -> None:
    """The events on both sides can be read, and are what they are said to be."""
    async with audited.house.client() as client:
        for name, number in (("after", position - 1), ("before", None)):
            if name not in broken:
                continue
            answer = await client.get(f"/{broken[name]['reference']}")
            assert answer.status_code == 200
            if number is not None:
                what = [entity["what"]["reference"] for entity in answer.json()["entity"] if "reference" in entity["what"]]
                assert f"Patient/n{number - 1}" in what
    assert ("after" in broken) == (position > 1)


async def test_more_than_one_broken_link_is_counted(audited: Audited) -> None:
    audited.change(lambda rows: edited(8)(without(3)(rows)))
    broken = (await audited.verify())["broken"]
    assert (broken["kind"], broken["position"], broken["links"]) == ("missing", 3, 2)


# -- the end ---------------------------------------------------------------------------------------------------------------


def cut_off(count: int) -> Change:
    """Without the last records, and all that was stored since."""
    return lambda rows: [row for row in rows if row.seq < own(rows)[-count].seq]


async def test_an_end_that_was_cut_off_behind_the_last_checkpoint_does_not_show_by_itself(audited: Audited) -> None:
    """This is what nobody can tell from the store alone; a head that was noted outside tells it."""
    noted = (await audited.verify())["head"]
    audited.change(cut_off(3))
    assert (await audited.verify())["result"] is True
    broken = (await audited.verify(witness=noted))["broken"]
    assert broken["kind"] == "truncated"


async def test_an_end_that_was_cut_off_before_the_last_checkpoint_shows(audited: Audited) -> None:
    await audited.keeper().checkpoint()
    audited.change(cut_off(3))
    broken = (await audited.verify())["broken"]
    assert (broken["kind"], broken["position"]) == ("truncated", 8)
    assert "after 7 records" in broken["message"]
    assert "there were 10" in broken["message"]


async def test_it_still_shows_when_the_trail_has_grown_beyond_that_place(audited: Audited) -> None:
    keeper = audited.keeper()
    await keeper.checkpoint()
    audited.change(cut_off(3))
    async with audited.house.client() as client:
        for number in range(20):
            await client.get(f"/Patient/x{number}")
    assert (await audited.verify())["broken"]["kind"] == "truncated"
    await keeper.checkpoint()
    assert (await audited.verify())["broken"]["kind"] == "truncated"
    assert any(b"the audit trail is broken" in line for line in audited.house.log)


async def test_it_shows_when_the_stored_checkpoints_were_taken_away_as_well(audited: Audited) -> None:
    """The anchor is a file of the data folder, outside the store."""
    await audited.keeper().checkpoint()
    audited.change(cut_off(3))
    await audited.house.services.store.put_setting("audit-checkpoints/1", b"[]")
    assert (await audited.verify())["broken"]["kind"] == "truncated"
    (audited.house.data / "audit-anchor.json").unlink()
    assert (await audited.verify())["result"] is True


async def test_an_older_copy_of_the_store_shows(audited: Audited) -> None:
    before = audited.rows.read()
    async with audited.house.client() as client:
        await client.get("/Patient/later")
    await audited.keeper().checkpoint()
    audited.change(lambda rows: before)
    await audited.house.services.store.put_setting("audit-checkpoints/1", b"[]")
    assert (await audited.verify())["broken"]["kind"] == "truncated"


# -- witnesses -------------------------------------------------------------------------------------------------------------


async def test_a_noted_head_stays_good_while_the_trail_grows(audited: Audited) -> None:
    heads = [(await audited.verify())["head"] for _ in range(3)]
    assert len(set(heads)) == 3
    for head in heads:
        assert (await audited.verify(witness=head))["result"] is True
    wrong = heads[1][:-1] + ("0" if heads[1][-1] != "0" else "1")
    assert (await audited.verify(witness=wrong))["broken"]["kind"] == "truncated"
    ahead = f"99999:{heads[0].partition(':')[2]}"
    assert (await audited.verify(witness=ahead))["broken"]["kind"] == "truncated"


BAD_QUERIES = (
    "witness=x", "witness=1", "witness=1:zz", "scope=some", "scope=recent&witness=1:aa", "what=1", "checkpoints=perhaps",
    "witness=1:aa&witness=1:aa",
)  # fmt: skip


async def test_what_is_asked_wrongly_is_refused(audited: Audited) -> None:
    async with audited.house.client("auditor") as client:
        for query in BAD_QUERIES:
            assert (await client.get(f"/AuditEvent/$verify?{query}")).status_code == 400, query


# -- signatures ------------------------------------------------------------------------------------------------------------


async def test_a_statement_that_nobody_here_signed_is_named(audited: Audited) -> None:
    await audited.keeper().checkpoint()
    store, proof = audited.house.services.store, audited.house.services.proof
    (own_statement,) = (await audited.verify(checkpoints="true"))["checkpoint"].split()
    own_checkpoint = proof.notary.read(own_statement, 1)
    (audited.house.data / "audit-anchor.json").unlink()
    stranger = generate()
    forged = {
        "by another key": Notary(dict, stranger).sign(own_checkpoint),
        "of another tenant": proof.notary.sign(msgspec.structs.replace(own_checkpoint, tenant=OTHER)),
        "changed": own_statement[:-8] + "AAAAAAAA",
        "no statement": "x",
        "an access token": audited.house.token(),
    }
    for name, statement in forged.items():
        await store.put_setting("audit-checkpoints/1", msgspec.json.encode([statement]))
        assert (await audited.verify())["broken"]["kind"] == "forged-checkpoint", name
    await store.put_setting("audit-checkpoints/1", b"{")
    assert (await audited.verify())["broken"]["kind"] == "forged-checkpoint"
    await store.put_setting("audit-checkpoints/1", msgspec.json.encode([own_statement]))
    assert (await audited.verify())["result"] is True


async def test_a_signed_lie_about_what_was_pruned_is_named(audited: Audited) -> None:
    """Who may not sign cannot say that retention took the beginning away; who copies a checkpoint cannot, either."""
    await audited.keeper().checkpoint()
    (statement,) = (await audited.verify(checkpoints="true"))["checkpoint"].split()
    await audited.house.services.store.put_setting("audit-pruned/1", statement.encode())
    assert (await audited.verify())["broken"]["kind"] == "forged-checkpoint"
    audited.change(without(1))
    assert (await audited.verify())["broken"]["kind"] == "missing"


async def test_what_a_key_signed_stays_good_when_another_takes_its_place(audited: Audited) -> None:
    services = audited.house.services
    await audited.keeper().checkpoint()
    second = generate()
    await services.keyring.change(trusting(second))
    later = replace(services.proof, notary=replace(services.proof.notary, key=second))
    keeper = AuditKeeper(later, services.keyring, audited.retention(), services.now, services.log)
    async with audited.house.client() as client:
        await client.get("/Patient/later")
    await keeper.checkpoint()
    assert (await audited.verify())["result"] is True
    audited.change(cut_off(2))
    assert (await audited.verify())["broken"]["kind"] == "truncated"


# -- from the newest checkpoint --------------------------------------------------------------------------------------------


async def test_the_recent_part_is_looked_at_alone(audited: Audited) -> None:
    await audited.keeper().checkpoint()
    async with audited.house.client() as client:
        for number in range(5):
            await client.get(f"/Patient/m{number}")
    rows = audited.rows.read()
    audited.change(lambda _: edited(4)(rows))
    assert (await audited.verify())["broken"]["position"] == 4
    assert (await audited.verify(scope="recent"))["result"] is True
    audited.change(lambda _: edited(13)(rows))
    broken = (await audited.verify(scope="recent"))["broken"]
    assert (broken["kind"], broken["position"]) == ("edited", 13)


async def test_it_is_done_later_where_that_is_asked_for(audited: Audited) -> None:
    audited.change(without(5))
    async with audited.house.client("auditor") as client:
        accepted = await client.get("/AuditEvent/$verify", headers={"Prefer": "respond-async"})
        assert accepted.status_code == 202
        for _ in range(600):
            answer = await client.get(accepted.headers["content-location"])
            if answer.status_code != 202:
                break
            await asyncio.sleep(0.05)
        (entry,) = answer.json()["entry"]
    assert entry["resource"]["parameter"][0] == {"name": "result", "valueBoolean": False}


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_who_may_ask(engine: str, tmp_path: Path) -> None:
    async with audited_on(engine, tmp_path / "data") as audited:
        for role in ("doctor", "staff", "payer"):
            async with audited.house.client(role) as client:
                for headers in ({}, {"Prefer": "respond-async"}):
                    assert (await client.get("/AuditEvent/$verify", headers=headers)).status_code == 403, role
        async with audited.house.client(["auditor", "patient"], patient="p", scope="patient/*.rs") as client:
            assert (await client.get("/AuditEvent/$verify")).status_code == 403
        for role in ("administrator", "auditor"):
            async with audited.house.client(role) as client:
                empty = {"resourceType": "Parameters"}
                assert (await client.post("/AuditEvent/$verify", json=empty)).status_code == 200
