"""The jobs of a subscription. One at a time has the turn to deliver, whatever else was asked for meanwhile.

A job that finds another turn in the progress record ends at once; one without a turn (after the Subscription itself was stored) takes
it. So what is sent to one subscriber is sent in order.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from profiles.json import Resource
from server.store.jobs import NewJob

if TYPE_CHECKING:
    from server.repository import Repository

DELIVERY: Final = "subscription"
DELIVERY_AGAIN: Final = "subscription-again"
"""To an endpoint that did not take what was sent last."""

HEARTBEAT: Final = "subscription-heartbeat"
NO_TURN: Final = 0


def new_turn() -> int:
    """Like no other."""
    return secrets.randbelow(2**53 - 1) + 1


def delivery_job(repository: Repository, id_: str, turn: int = NO_TURN, due: int = 0, *, again: bool = False) -> NewJob:
    """`due` in microseconds: at once without it. `again`: what was sent last was not taken."""
    return _job(repository, DELIVERY_AGAIN if again else DELIVERY, {"subscription": id_, "turn": turn}, due)


def heartbeat_job(repository: Repository, id_: str, round_: int, due: int) -> NewJob:
    """Heartbeats end with the handshake that they began with."""
    return _job(repository, HEARTBEAT, {"subscription": id_, "round": round_}, due)


def _job(repository: Repository, kind: str, payload: Resource, due: int) -> NewJob:
    moment = datetime.fromtimestamp((due or repository.now()) / 1_000_000, UTC)
    return repository.seal_job(kind, moment, payload)
