"""The server's own workers by the kind of their jobs: a new kind of long work is one line here."""

from __future__ import annotations

from collections.abc import Mapping

from server.jobs.asked import KIND
from server.jobs.request_job import do_request
from server.jobs.step import Worker


def own_workers() -> Mapping[str, Worker]:
    return {KIND: do_request}
