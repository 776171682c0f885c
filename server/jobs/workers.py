"""The server's own workers by the kind of their jobs: a new kind of long work is one line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from server.bulk.export import export
from server.bulk.import_asked import KIND as IMPORT
from server.bulk.import_job import import_files
from server.bulk.kick_off import KIND as EXPORT
from server.jobs.asked import KIND
from server.jobs.drop_contents import drop_contents
from server.jobs.request_job import do_request
from server.jobs.step import Worker
from server.rest.erasures import KIND as DROP_CONTENTS
from server.subscriptions.delivery import deliver
from server.subscriptions.heartbeat import beat
from server.subscriptions.turn import DELIVERY, DELIVERY_AGAIN, HEARTBEAT
from server.upkeep.own_index import KIND as OWN_INDEX
from server.upkeep.own_index import index_own
from server.upkeep.reindex_operation import KIND as REINDEX
from server.upkeep.reindex_operation import reindex_tenant

BOUNDS: Final = {
    frozenset({DELIVERY}): 16,
    frozenset({DELIVERY_AGAIN}): 8,
    frozenset({HEARTBEAT}): 8,
    frozenset({EXPORT, IMPORT}): 2,
}
"""How many of some kinds are done at once. Endpoints that failed before keep those that answer from nothing, however many there are."""


def own_workers() -> Mapping[str, Worker]:
    return {
        KIND: do_request,
        DROP_CONTENTS: drop_contents,
        REINDEX: reindex_tenant,
        OWN_INDEX: index_own,
        DELIVERY: deliver,
        DELIVERY_AGAIN: deliver,
        HEARTBEAT: beat,
        EXPORT: export,
        IMPORT: import_files,
    }
