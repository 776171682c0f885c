"""What the documents of each collection look like, and their way to the contract's values and back.

Field names are one letter, for they are stored again in every document. At most three documents are written for a version
of a resource: the record itself, the version it replaces, and its share of an audit batch.

| collection | `_id` | fields |
| --- | --- | --- |
| `record` | row number | `k` key, `n` tenant, `v` version, `u` updated, `d` deleted, `o` order, `t` terms, `i` intervals, `p` points, `h` timeline, `b` body |
| `version` | `{r: row number, v: version}` | `u`, `d`, `h`, `b`, and `e`: when the next version was stored |
| `unique_key` | key | `g` digest, `h` holder |
| `job` | number | `n`, `kind`, `due`, `lease`, `fence`, `tries`, `failed` (closed in any way), `end`, `until`, `total`, `done`, `created`, `owner`, `handle`, `b`, `commits` |
| `job_part` | `{j: job, n: number}` | `b` |
| `audit` | sequence number | `n`, `count`, `chain`, `b`, `w` (the group of commits that wrote it) |
| `setting` | name | `value` |
| `counter` | name | `next` |
| `mark` | server | `w`, `at`: the last group without audit records |

Audit records that were made findable are records too: they have `o`, `t` and `i`, and neither key nor body.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from server.store.jobs import Job, JobStatus, NewJob
from server.store.store import AuditBatch, Index, Put, Record

Document = dict[str, Any]

FIRST_ROW: Final = 1 << 62
"""Resources are numbered from here on: below are the row numbers of audit records, which the audit log makes itself."""


def record_document(rid: int, tenant: int, put: Put) -> Document:
    return {
        "_id": rid,
        "k": put.key,
        "n": tenant,
        "v": put.version,
        "u": put.updated,
        "d": put.deleted,
        "b": put.body,
        **index_fields(put.index),
        **timeline_field(put.index.timeline),
    }


def index_fields(index: Index) -> Document:
    """The part of a record that searches look at; without repetitions, for each would be one more index key."""
    return {
        "o": index.order,
        "t": list(dict.fromkeys(index.terms)),
        "i": [{"c": column, "l": low, "h": high} for column, low, high in dict.fromkeys(index.intervals) if column >= 0],
        "p": [{"c": column, "l": low} for column, low, _ in dict.fromkeys(index.intervals) if column < 0],
    }


def intervals_of(document: Mapping[str, Any]) -> tuple[tuple[int, float, float], ...]:
    """As `Index.intervals` has them, points first; a document of an earlier server has none."""
    points = [(int(item["c"]), float(item["l"]), float(item["l"])) for item in document.get("p", ())]
    spans = [(int(item["c"]), float(item["l"]), float(item["h"])) for item in document["i"]]
    return (*points, *spans)


def timeline_field(terms: Sequence[int]) -> Document:
    """Left out where there are none, so that what is in no history has no key in its index."""
    return {"h": list(terms)} if terms else {}


def version_document(record: Mapping[str, Any], until: int) -> Document:
    """The earlier version that a record was until then."""
    identity = {"r": record["_id"], "v": record["v"]}
    document = {"_id": identity, "u": record["u"], "d": record["d"], "b": record["b"], "e": until}
    return {**document, **timeline_field(record.get("h", ()))}


def to_record(document: Mapping[str, Any]) -> Record:
    return Record(
        int(document["_id"]),
        document["k"],
        int(document["v"]),
        int(document["u"]),
        document["d"],
        document["b"],
        int(document["o"]),
    )


def to_old_version(key: bytes, document: Mapping[str, Any]) -> Record:
    identity = document["_id"]
    return Record(int(identity["r"]), key, int(identity["v"]), int(document["u"]), document["d"], document["b"])


def audit_document(batch: AuditBatch, written_by: bytes) -> Document:
    return {
        "_id": batch.seq,
        "n": batch.tenant,
        "count": batch.count,
        "chain": batch.chain,
        "b": batch.body,
        "w": written_by,
    }


def to_audit_batch(document: Mapping[str, Any]) -> AuditBatch:
    return AuditBatch(int(document["_id"]), document["n"], document["count"], document["chain"], document["b"])


def new_job_document(number: int, tenant: int, job: NewJob) -> Document:
    document: Document = {
        "_id": number,
        "n": tenant,
        "kind": job.kind,
        "due": job.due,
        "lease": 0,
        "fence": 0,
        "tries": 0,
        "failed": False,
        "total": job.total,
        "done": 0,
        "created": job.created,
        "owner": job.owner,
        "b": job.body,
    }
    return document if job.handle is None else {**document, "handle": job.handle}


def part_id(job: int, number: int) -> Document:
    return {"j": job, "n": number}


def to_job(document: Mapping[str, Any]) -> Job:
    """Jobs of the first release have neither counts nor an owner."""
    return Job(
        int(document["_id"]),
        document["n"],
        document["kind"],
        document["tries"],
        int(document["fence"]),
        document["b"],
        int(document.get("total", 1)),
        int(document.get("done", 0)),
    )


def to_job_status(document: Mapping[str, Any]) -> JobStatus:
    return JobStatus(
        int(document["_id"]),
        document["n"],
        document["kind"],
        document.get("end", "failed") if document["failed"] else None,
        int(document.get("total", 1)),
        int(document.get("done", 0)),
        document["tries"],
        int(document.get("created", 0)),
        int(document["due"]),
        int(document["lease"]),
        int(document.get("until", 0)),
        document.get("owner", b""),
    )
