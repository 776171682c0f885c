"""The processes that are measured: Assent as users run it, Assent without sealing and audit, and a bare ASGI answer (Y0)."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import httpx

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Target:
    """A running server. `started` is how many seconds it took until it was ready."""

    host: str
    port: int
    token: str
    pid: int
    started: float
    data: Path

    @property
    def base(self) -> str:
        return f"http://{self.host}:{self.port}/fhir"

    def client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/fhir+json"}
        return httpx.Client(base_url=self.base, headers=headers, timeout=60)

    def memory_mb(self) -> float:
        """Resident memory of the server process, in MiB (Linux)."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def request(self, method: str, path: str, body: str = "") -> str:
        """A whole HTTP/1.1 request, as the load generator sends it. `{n}` in the body keeps its length when filled in."""
        length = len(body.encode()) + body.count("{n}") * (28 - 3)
        return (
            f"{method} /fhir/{path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: application/fhir+json\r\nContent-Length: {length}\r\n\r\n{body}"
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def assent(*, without: str = "", module: str = "", data: Path | None = None) -> Iterator[Target]:
    """Assent on a new data folder with the synthetic practice, counting requests and refusing none.

    `without`: see benchmarks/bare.py; `module`: another main program.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = data or Path(folder)
        port = _free_port()
        environment = {
            **os.environ,
            "ASSENT_DATA": str(place),
            "ASSENT_PORT": str(port),
            "ASSENT_LOG_LEVEL": "info",
            "ASSENT_SCENARIOS": "on",
            "ASSENT_RATE_LIMITS": "reads=100000000/1,writes=100000000/1,client=100000000/1",
            "BENCH_WITHOUT": without,
        }
        module = module or ("benchmarks.bare" if without else "server.cli")
        log = (place / "bench.log").open("wb")
        begin = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", module, "serve"], env=environment, cwd=ROOT, stdout=log, stderr=log
        )
        try:
            _wait(f"http://127.0.0.1:{port}/ready", process)
            started = time.perf_counter() - begin
            token = subprocess.run(
                [sys.executable, "-m", "server.cli", "token", "--role", "administrator"],
                env=environment,
                cwd=ROOT,
                check=True,
                capture_output=True,
                text=True,
            ).stdout.strip()
            yield Target("127.0.0.1", port, token, process.pid, started, place)
        finally:
            process.terminate()
            process.wait(20)
            log.close()


@contextmanager
def bare_asgi() -> Iterator[Target]:
    """Y0: uvicorn with a function that answers 2 kB of prepared JSON."""
    port = _free_port()
    command = [sys.executable, "-m", "uvicorn", "benchmarks.y0:app", "--port", str(port), "--no-access-log"]
    process = subprocess.Popen([*command, "--log-level", "warning"], cwd=ROOT)
    try:
        _wait(f"http://127.0.0.1:{port}/", process)
        yield Target("127.0.0.1", port, "none", process.pid, 0.0, ROOT)
    finally:
        process.terminate()
        process.wait(20)


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urlopen(address, timeout=1).read()
            return
        except OSError:
            time.sleep(0.01)
    raise RuntimeError("The server did not become ready.")
