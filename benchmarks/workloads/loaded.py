"""A server whose store was filled by `assent load` before: the way for many resources."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.targets import ROOT
from benchmarks.workloads.served import Served, StoreName, mongod, serving


@contextmanager
def load_file(store: StoreName, data: Path, file: Path) -> Iterator[tuple[Served, float]]:
    """The server with what is in the file, and how many seconds it took to load."""
    with ExitStack() as stack:
        pid = None
        if store == "mongodb":
            url, pid = stack.enter_context(mongod())
            os.environ["ASSENT_STORE"] = url
            stack.callback(os.environ.pop, "ASSENT_STORE", None)
        with serving(store, data):  # once, so that keys and indexes are there
            pass
        begin = time.perf_counter()
        environment = {**os.environ, "ASSENT_DATA": str(data)}
        command = [sys.executable, "-m", "server.cli", "load", str(file)]
        subprocess.run(command, env=environment, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - begin
        with serving(store, data) as served:
            yield Served(served.target, store, pid), seconds
