"""Y1 and Y2: what the disk and the model library can do on this machine, now."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path
from typing import Any

import apsw
import msgspec


def raw_term_writes(terms: int, seconds: float = 3.0) -> float:
    """Y1: resources a second that raw apsw makes durable, 50 to a commit, each with a body and so many sorted term rows."""
    with tempfile.TemporaryDirectory() as folder:
        connection = apsw.Connection(str(Path(folder) / "y1.db"))
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "full")
        connection.pragma("cache_size", -65536)
        connection.execute("CREATE TABLE resource (rid INTEGER PRIMARY KEY, body BLOB)")
        connection.execute(
            "CREATE TABLE term (term INTEGER, ord INTEGER, rid INTEGER, PRIMARY KEY (term, ord, rid)) WITHOUT ROWID"
        )
        written, end, body, random_term = 0, time.perf_counter() + seconds, b"x" * 700, random.Random(1)
        begin = time.perf_counter()
        while time.perf_counter() < end:
            with connection:
                for _ in range(50):
                    written += 1
                    connection.execute("INSERT INTO resource VALUES (?, ?)", (written, body))
                    rows = [(random_term.getrandbits(62), written, written) for _ in range(terms)]
                    connection.executemany("INSERT INTO term VALUES (?, ?, ?)", rows)
        rate = written / (time.perf_counter() - begin)
        connection.close()
        return rate


def model_parse(bundle: dict[str, Any], repeats: int = 15) -> float:
    """Y2: median milliseconds in which `fhir.resources` parses the same PAS Bundle."""
    from fhir.resources.R4B.bundle import Bundle

    text = msgspec.json.encode(bundle)
    Bundle.model_validate_json(text)
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        Bundle.model_validate_json(text)
        times.append((time.perf_counter() - begin) * 1000)
    return sorted(times)[len(times) // 2]


def fsync_rate(seconds: float = 1.0) -> float:
    """4 kB appends made durable a second: what the disk allows."""
    import os

    with tempfile.TemporaryDirectory() as folder:
        descriptor = os.open(Path(folder) / "fsync", os.O_WRONLY | os.O_CREAT)
        count, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            os.write(descriptor, b"x" * 4096)
            os.fdatasync(descriptor)
            count += 1
        os.close(descriptor)
        return count / seconds
