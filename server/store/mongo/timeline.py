"""A page of the history of many records: current versions are in `record`, earlier ones in `version`, both in the same order.

`record` is read first: a version that is replaced between the two questions is found twice then, and never missed.
"""

from __future__ import annotations

from typing import Any, Final

from server.store.mongo.documents import Document
from server.store.mongo.find import LONGEST_MS
from server.store.mongo.match import Condition
from server.store.mongo.schema import TIMELINE, Database
from server.store.store import Record
from server.store.timeline import MAX_EXAMINED, Listed, Moment, Timeline, TimelinePage

_RECORD: Final = "record"
_VERSION: Final = "version"
_OWNER: Final[Condition] = {
    "$lookup": {
        "from": _RECORD,
        "localField": "_id.r",
        "foreignField": "_id",
        "pipeline": [{"$project": {"k": 1, "h": 1}}],
        "as": "c",
    }
}
"""An earlier version's record."""


async def page(database: Database, plan: Timeline) -> TimelinePage:
    """Raises PyMongoError."""
    found: dict[Moment, Document] = {}
    ends: list[Moment] = []
    for collection in (_RECORD, _VERSION):
        read = await _read(database, collection, plan)
        found |= read
        if len(read) <= plan.limit and _tests(collection, plan):
            ends += await _end(database, collection, plan)
    moments = sorted(found, reverse=plan.descending)
    end = (max if plan.descending else min)(ends, default=None)
    if end is not None:  # what lies behind the end of what was looked at is for another page
        moments = [moment for moment in moments if (moment >= end if plan.descending else moment <= end)]
    shown = moments[: plan.limit]
    revived = await _after_deletions(database, shown)
    listed = [_listed(moment, found[moment], plan, moment in revived) for moment in shown]
    return TimelinePage(listed, shown[-1] if len(moments) > plan.limit else end)


async def _read(database: Database, collection: str, plan: Timeline) -> dict[Moment, Document]:
    """Up to one more than the page takes."""
    earlier = collection == _VERSION
    tests = _tests(collection, plan)
    stages: list[Condition] = [{"$match": {"$and": _range(collection, plan)}}, {"$sort": _order(plan)}]
    if tests:
        stages.append({"$limit": MAX_EXAMINED})
    if earlier and plan.present_only:
        stages.append(_OWNER)
    stages += [*({"$match": test} for test in tests), {"$limit": plan.limit + 1}]
    if earlier and not plan.present_only:
        stages.append(_OWNER)
    stages.append({"$project": {"t": 0, "i": 0, "p": 0}})
    cursor = await database[collection].aggregate(stages, hint=TIMELINE, maxTimeMS=LONGEST_MS)
    return {_moment(collection, document): document async for document in cursor}


def _range(collection: str, plan: Timeline) -> list[Condition]:
    """What the index is asked for."""
    conditions: list[Condition] = [{"h": plan.terms[0] if len(plan.terms) == 1 else {"$in": list(plan.terms)}}]
    if plan.since is not None:
        conditions.append({"u": {"$gte": plan.since}})
    if plan.at is not None:
        conditions.append({"u": {"$lte": plan.at[1]}})
    if plan.after is not None:
        to, beyond = ("$lte", "$lt") if plan.descending else ("$gte", "$gt")
        after = plan.after
        place: Condition = {"_id": {beyond: {"r": after.rid, "v": after.version}}}
        if collection == _RECORD:
            place = {"$or": [{"_id": {beyond: after.rid}}, {"_id": after.rid, "v": {beyond: after.version}}]}
        conditions += [{"u": {to: after.updated}}, {"$or": [{"u": {beyond: after.updated}}, place]}]
    return conditions


def _tests(collection: str, plan: Timeline) -> list[Condition]:
    """What must be asked of each version in the range. A current one is in force still, and under its record's own terms."""
    earlier = collection == _VERSION
    tests: list[Condition] = []
    if plan.at is not None:
        lasting: Condition = {"d": False, "e": {"$gt": plan.at[0]}} if earlier else {"d": False}
        tests.append({"$or": [{"u": {"$gte": plan.at[0]}}, lasting]})
    if plan.present_only and earlier:
        under_both = {"$setIntersection": ["$h", list(plan.terms), {"$ifNull": [{"$first": "$c.h"}, []]}]}
        tests.append({"$expr": {"$ne": [under_both, []]}})
    return tests


def _order(plan: Timeline) -> dict[str, int]:
    direction = -1 if plan.descending else 1
    return {"u": direction, "_id": direction}


async def _end(database: Database, collection: str, plan: Timeline) -> list[Moment]:
    """The last version that a reading looked at which looked at as many as it may; none where it came to the end."""
    wanted: Condition = {"$and": _range(collection, plan)}
    cursor = database[collection].find(wanted, {"u": 1, "v": 1}, sort=list(_order(plan).items()), hint=TIMELINE)
    return [_moment(collection, document) async for document in cursor.skip(MAX_EXAMINED - 1).limit(1)]


async def _after_deletions(database: Database, moments: list[Moment]) -> set[Moment]:
    """Those whose version before was a deletion; asked for the rows of one page."""
    before = {(moment.rid, moment.version - 1): moment for moment in moments if moment.version > 1}
    if not before:
        return set()
    wanted: Condition = {"_id": {"$in": [{"r": rid, "v": version} for rid, version in before]}, "d": True}
    deletions = await database[_VERSION].find(wanted, {"_id": 1}).to_list()
    return {before[int(found["_id"]["r"]), int(found["_id"]["v"])] for found in deletions}


def _moment(collection: str, document: Document) -> Moment:
    identity: Any = document["_id"]
    rid, version = (identity["r"], identity["v"]) if collection == _VERSION else (identity, document["v"])
    return Moment(int(document["u"]), int(rid), int(version))


def _listed(moment: Moment, document: Document, plan: Timeline, revived: bool) -> Listed:
    key = document["k"] if "k" in document else document["c"][0]["k"]
    term = next(int(term) for term in document["h"] if term in plan.terms)
    record = Record(moment.rid, key, moment.version, moment.updated, document["d"], document["b"])
    return Listed(term, record, revived)
