"""The real program as a process of its own, on a free port and a data folder that a test owns."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
from tokens import bearer, make_token

CHECKOUT = Path(__file__).parents[1]
START_SECONDS = 90.0


def free_port() -> int:
    """A port that nobody else is given while this process runs: it stays bound, and a server that reuses addresses may listen."""
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind(("127.0.0.1", 0))
    _RESERVED.append(probe)
    port: int = probe.getsockname()[1]
    return port


_RESERVED: list[socket.socket] = []


class LiveServer:
    """`start` before use. `root` is the server's address, `base` its FHIR base, `data` its folder."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.data = data
        self.port = free_port()
        self.root = f"http://127.0.0.1:{self.port}"
        self.base = f"{self.root}/fhir"
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: list[httpx.Client] = []

    def start(self) -> float:
        """Start the program and wait until it is ready; how many seconds that took."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSENT_")}
        environment = {
            **kept,
            "ASSENT_DATA": str(self.data),
            "ASSENT_PORT": str(self.port),
            "ASSENT_LOG_LEVEL": "info",
            **self._environment,
        }
        started = time.monotonic()
        self._process = process = self._spawn(environment)
        while time.monotonic() - started < START_SECONDS:
            if process.poll() is not None:
                raise RuntimeError(f"the server ended at once: {self.log.read_text()[-2000:]}")
            try:
                if httpx.get(f"{self.root}/ready", timeout=5).status_code == 200:
                    return time.monotonic() - started
            except httpx.TransportError:
                time.sleep(0.02)
        raise RuntimeError(f"the server is not ready after {START_SECONDS} s: {self.log.read_text()[-2000:]}")

    def _spawn(self, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "server.cli", "serve"],
                cwd=CHECKOUT,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    @property
    def log(self) -> Path:
        """What the server wrote to standard error."""
        return self.data.with_name(self.data.name + ".log")

    @property
    def is_running(self) -> bool:
        """Whether there is a process: it need not answer yet."""
        return self._process is not None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL: no chance to put anything in order."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM, then wait; the exit code."""
        for client in self._clients:
            client.close()
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(number)
        code = self._process.wait(timeout=60)
        self._process = None
        return code

    def token(self, role: str | list[str] = "administrator", **options: Any) -> str:
        return make_token(self.data, role, **options)

    def client(self, role: str | list[str] = "administrator", **options: Any) -> httpx.Client:
        """A client with a token's header and the FHIR base as its base; closed when the server stops."""
        client = httpx.Client(base_url=self.base, headers=bearer(self.token(role, **options)), timeout=60)
        self._clients.append(client)
        return client
