"""Three members of a MongoDB replica set, from the wheel, that can be killed, stopped, and asked to step down."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from mongod import START_SECONDS, Mongod
from pymongo import MongoClient
from pymongo.errors import PyMongoError

NAME = "three"
MEMBERS = 3


class ReplicaSet:
    """Elections take about a second here, so that a fail-over lies inside the time for which a request waits."""

    def __init__(self, binary: Path) -> None:
        self._members = [Mongod(binary, NAME) for _ in range(MEMBERS)]
        self._stopped: set[Mongod] = set()
        for member in self._members:
            member.start(initiate=False)
        hosts = [{"_id": number, "host": f"127.0.0.1:{member.port}"} for number, member in enumerate(self._members)]
        settings = {"electionTimeoutMillis": 1000, "heartbeatIntervalMillis": 250, "catchUpTimeoutMillis": 1000}
        config = {"_id": NAME, "members": hosts, "settings": settings}
        with self._direct(self._members[0]) as client:
            client.admin.command("replSetInitiate", config)
        self.wait_for_health()

    def url(self, database: str) -> str:
        hosts = ",".join(f"127.0.0.1:{member.port}" for member in self._members)
        return f"mongodb://{hosts}/{database}?replicaSet={NAME}"

    def primary(self) -> Mongod:
        """The member that the majority follows."""
        return self._wait(lambda: next((member for member in self._members if self._state(member) == "primary"), None))

    def wait_for_health(self) -> None:
        """One primary, and everybody else follows it."""

        def healthy() -> bool:
            states = sorted(self._state(member) for member in self._members)
            return states == ["primary", "secondary", "secondary"]

        self._wait(healthy)

    def step_down(self) -> None:
        """The primary gives up, and another member is elected."""
        before = self.primary()
        with self._direct(before) as client, suppress(PyMongoError):  # it cuts off whoever asks
            client.admin.command({"replSetStepDown": 10, "secondaryCatchUpPeriodSecs": 5})
        self._wait(lambda: self.primary() is not before)

    def kill_primary(self) -> Mongod:
        """SIGKILL; the member, to be started again."""
        member = self.primary()
        member.kill()
        return member

    def stall_primary(self) -> Mongod:
        """Neither answers nor ends, as behind a network that lets nothing through."""
        member = self.primary()
        member.signal(signal.SIGSTOP)
        self._stopped.add(member)
        return member

    def wake(self, member: Mongod) -> None:
        self._stopped.discard(member)
        member.signal(signal.SIGCONT)

    def remove(self) -> None:
        for member in self._members:
            member.remove()

    def _state(self, member: Mongod) -> str:
        if member in self._stopped:
            return "away"
        with self._direct(member) as client:
            try:
                hello = client.admin.command("hello")
            except PyMongoError:
                return "away"
        if hello["isWritablePrimary"]:
            return "primary"
        return "secondary" if hello.get("secondary") else "other"

    def _direct(self, member: Mongod) -> MongoClient[dict[str, Any]]:
        return MongoClient(
            f"mongodb://127.0.0.1:{member.port}/?directConnection=true",
            serverSelectionTimeoutMS=500,
            socketTimeoutMS=10_000,
            connectTimeoutMS=500,
        )

    def _wait(self, look: Callable[[], Any]) -> Any:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if found := look():
                return found
            time.sleep(0.05)
        raise RuntimeError("the replica set does not come to rest")
