"""What the documents of each collection look like, and their way to the contract's values and back.

Field names are one letter, for they are stored again in every document. At most three documents are written for a version
of a resource: the record itself, the version it replaces, and its share of an audit batch.

| collection | `_id` | fields |
| --- | --- | --- |
| `record` | row number | `k` key, `n` tenant, `v` version, `u` updated, `d` deleted, `o` order, `t` terms, `i` intervals, `b` body |
| `version` | `{r: row number, v: version}` | `u`, `d`, `b` |
| `unique_key` | key | `g` digest, `h` holder |
| `job` | number | `n`, `kind`, `due`, `lease`, `fence`, `tries`, `failed`, `b` |
| `audit` | sequence number | `n`, `count`, `chain`, `b`, `w` (the group of commits that wrote it) |
| `setting` | name | `value` |
| `counter` | name | `next` |
| `mark` | server | `w`, `at`: the last group without audit records |

Audit records that were made findable are records too: they have `o`, `t` and `i`, and neither key nor body.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from server.store.store import AuditBatch, Index, Job, Put, Record

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
    }


def index_fields(index: Index) -> Document:
    """The part of a record that searches look at; without repetitions, for each would be one more index key."""
    return {
        "o": index.order,
        "t": list(dict.fromkeys(index.terms)),
        "i": [{"c": column, "l": low, "h": high} for column, low, high in dict.fromkeys(index.intervals)],
    }


def version_document(record: Mapping[str, Any]) -> Document:
    """The earlier version that a record was."""
    identity = {"r": record["_id"], "v": record["v"]}
    return {"_id": identity, "u": record["u"], "d": record["d"], "b": record["b"]}


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


def to_job(document: Mapping[str, Any]) -> Job:
    return Job(
        int(document["_id"]),
        document["n"],
        document["kind"],
        document["tries"],
        int(document["fence"]),
        document["b"],
    )
