"""The way from documents to portable rows (server/store/portable.py) and back, section by section.

Two things are kept at another place here than in rows: the terms of the timeline are inside the documents of versions, and an
earlier version knows when the next one was stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final

from pymongo import UpdateOne

from server.store.internal import Keep
from server.store.mongo.documents import FIRST_ROW, Document, index_fields, intervals_of, part_id
from server.store.mongo.internals import to_document, to_internal
from server.store.mongo.schema import Database
from server.store.packing import pack_intervals, pack_terms, unpack_intervals, unpack_terms
from server.store.store import Index

Fields = dict[str, Any]

_ABOVE: Final = FIRST_ROW - 1
"""Row numbers are by so much above those of portable rows, which begin at 1."""


def _setting(document: Document) -> Fields:
    return {"name": document["_id"], "value": document["value"]}


def _resource(document: Document) -> Fields:
    intervals = intervals_of(document)
    return {
        "rid": int(document["_id"]) - _ABOVE,
        "key": document["k"],
        "tenant": document["n"],
        "version": int(document["v"]),
        "updated": int(document["u"]),
        "deleted": int(document["d"]),
        "ord": int(document["o"]),
        "terms": pack_terms(tuple(int(term) for term in document["t"])),
        "intervals": pack_intervals(Index(intervals=intervals)),
        "body": document["b"],
    }


def _to_record(row: Fields) -> Document:
    return {
        "_id": row["rid"] + _ABOVE,
        "k": row["key"],
        "n": row["tenant"],
        "v": row["version"],
        "u": row["updated"],
        "d": bool(row["deleted"]),
        "b": row["body"],
        **index_fields(Index(row["ord"], unpack_terms(row["terms"]), tuple(unpack_intervals(row["intervals"])))),
    }


def _version(document: Document) -> Fields:
    return {
        "rid": int(document["_id"]["r"]) - _ABOVE,
        "version": int(document["_id"]["v"]),
        "updated": int(document["u"]),
        "deleted": int(document["d"]),
        "body": document["b"],
    }


def _to_version(row: Fields) -> Document:
    identity = {"r": row["rid"] + _ABOVE, "v": row["version"]}
    return {"_id": identity, "u": row["updated"], "d": bool(row["deleted"]), "b": row["body"]}


def _listed(document: Document) -> list[Fields]:
    """One row for each term that a version is listed under."""
    identity = document["_id"]
    rid, version = (identity["r"], identity["v"]) if isinstance(identity, Mapping) else (identity, document["v"])
    place = {"updated": int(document["u"]), "rid": int(rid) - _ABOVE, "version": int(version)}
    return [{"term": int(term), **place} for term in document.get("h", ())]


def with_timelines(rows: Sequence[Fields]) -> tuple[list[UpdateOne], list[UpdateOne]]:
    """The changes that list versions: those of `record`, where most are, and those of `version`."""
    current, earlier = [], []
    for row in rows:
        rid, listed = row["rid"] + _ABOVE, {"$addToSet": {"h": row["term"]}}
        current.append(UpdateOne({"_id": rid, "v": row["version"]}, listed))
        earlier.append(UpdateOne({"_id": {"r": rid, "v": row["version"]}}, listed))
    return current, earlier


async def with_ends(database: Database, documents: Sequence[Document]) -> None:
    """Note in versions, which are in order, when the next one was stored. Raises PyMongoError."""
    rids = sorted({document["_id"]["r"] for document in documents})
    found = await database["record"].find({"_id": {"$in": rids}}, {"u": 1}).to_list()
    ends = {record["_id"]: record["u"] for record in found}
    for document, following in zip_longest(documents, documents[1:]):
        rid = document["_id"]["r"]
        same = following is not None and following["_id"]["r"] == rid
        document["e"] = following["u"] if same else ends.get(rid, document["u"])
    first = documents[0]  # the version before it may have come with the rows before these
    before = {"r": first["_id"]["r"], "v": first["_id"]["v"] - 1}
    await database["version"].update_one({"_id": before}, {"$set": {"e": first["u"]}})


def _unique_key(document: Document) -> Fields:
    return {"key": document["_id"], "digest": document["g"], "holder": document["h"]}


def _to_unique_key(row: Fields) -> Document:
    return {"_id": row["key"], "g": row["digest"], "h": row["holder"]}


def _job(document: Document) -> Fields:
    return {
        "id": int(document["_id"]),
        "tenant": document["n"],
        "kind": document["kind"],
        "due": int(document["due"]),
        "fence": int(document["fence"]),
        "attempts": int(document["tries"]),
        "closed": document.get("end", "failed") if document["failed"] else None,
        "total": int(document.get("total", 1)),
        "done": int(document.get("done", 0)),
        "created": int(document.get("created", 0)),
        "until": int(document.get("until", 0)),
        "owner": document.get("owner", b""),
        "handle": document.get("handle"),
        "body": document["b"],
    }


def _to_job(row: Fields) -> Document:
    document: Document = {
        "_id": row["id"],
        "n": row["tenant"],
        "kind": row["kind"],
        "due": row["due"],
        "lease": 0,
        "fence": row["fence"],
        "tries": row["attempts"],
        "failed": row["closed"] is not None,
        "total": row["total"],
        "done": row["done"],
        "created": row["created"],
        "owner": row["owner"],
        "b": row["body"],
    }
    only_sometimes = {"end": row["closed"], "until": row["until"] or None, "handle": row["handle"]}
    return document | {name: value for name, value in only_sometimes.items() if value is not None}


def _job_part(document: Document) -> Fields:
    identity = document["_id"]
    return {"job": int(identity["j"]), "number": int(identity["n"]), "body": document["b"]}


def _to_job_part(row: Fields) -> Document:
    return {"_id": part_id(row["job"], row["number"]), "b": row["body"]}


def _blob(document: Document) -> Fields:
    return {"id": document["_id"], "tenant": document["n"], "chunks": document["c"], "size": int(document["s"])}


def _to_blob(row: Fields) -> Document:
    return {"_id": row["id"], "n": row["tenant"], "c": row["chunks"], "s": row["size"]}


def _chunk(document: Document) -> Fields:
    return {"blob": document["_id"]["b"], "number": int(document["_id"]["i"]), "body": document["d"]}


def _to_chunk(row: Fields) -> Document:
    return {"_id": {"b": row["blob"], "i": row["number"]}, "d": row["body"]}


def _audit(document: Document) -> Fields:
    return {
        "seq": int(document["_id"]),
        "tenant": document["n"],
        "count": document["count"],
        "chain": document["chain"],
        "body": document["b"],
    }


def _to_audit(row: Fields) -> Document:
    return {
        "_id": row["seq"],
        "n": row["tenant"],
        "count": row["count"],
        "chain": row["chain"],
        "b": row["body"],
        "w": b"restored",
    }


def _internal(document: Document) -> Fields:
    found = to_internal(document)
    return {name: getattr(found, name) for name in ("key", "tenant", "kind", "version", "updated", "until", "body")}


def _to_internal(row: Fields) -> Document:
    own = {name: value for name, value in row.items() if name != "tenant"}
    return to_document(row["tenant"], Keep(**own))


def _one(read: Callable[[Document], Fields]) -> Callable[[Document], Iterable[Fields]]:
    return lambda document: (read(document),)


READ: Final[Mapping[str, Sequence[tuple[str, Callable[[Document], Iterable[Fields]]]]]] = {
    "setting": [("setting", _one(_setting))],
    "resource": [("record", _one(_resource))],
    "version": [("version", _one(_version))],
    "timeline": [("record", _listed), ("version", _listed)],
    "unique_key": [("unique_key", _one(_unique_key))],
    "job": [("job", _one(_job))],
    "job_part": [("job_part", _one(_job_part))],
    "blob": [("blob", _one(_blob))],
    "chunk": [("chunk", _one(_chunk))],
    "audit": [("audit", _one(_audit))],
    "internal": [("internal", _one(_internal))],
}
"""By section: the collections to read, and what each document becomes."""

WRITE: Final[Mapping[str, tuple[str, Callable[[Fields], Document]]]] = {
    "setting": ("setting", lambda row: {"_id": row["name"], "value": row["value"]}),
    "resource": ("record", _to_record),
    "version": ("version", _to_version),
    "unique_key": ("unique_key", _to_unique_key),
    "job": ("job", _to_job),
    "job_part": ("job_part", _to_job_part),
    "blob": ("blob", _to_blob),
    "chunk": ("chunk", _to_chunk),
    "audit": ("audit", _to_audit),
    "internal": ("internal", _to_internal),
}
"""By section: the collection, and the document that a row becomes. The timeline has no documents (`with_timelines`)."""
