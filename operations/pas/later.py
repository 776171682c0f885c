"""The durable work that a pended answer leaves behind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from operations.payer.determination import Later
from operations.ports import JobRequest
from profiles.json import Resource

DECIDE: Final = "pas-decide"
FORWARD: Final = "pas-forward"


def decide_jobs(
    later: Sequence[Later], response_id: str, version: str, scenario: str | None, attempt: int = 1
) -> list[JobRequest]:
    """One job for each time at which pended items come back to the built-in payer."""
    return [
        JobRequest(
            DECIDE,
            each.due,
            {
                "claimResponse": response_id,
                "sequences": list(each.sequences),
                "waited": each.waited,
                "version": version,
                "scenario": scenario,
                "attempt": attempt + 1,
            },
        )
        for each in later
    ]


def forward_job(due: datetime, response_id: str, version: str, attempt: int, *, polls: bool = False) -> JobRequest:
    """Send the request to the remote payer again, or (`polls`) ask for the decision on one that it has pended."""
    payload: Resource = {"claimResponse": response_id, "version": version, "attempt": attempt, "polls": polls}
    return JobRequest(FORWARD, due, payload)
