"""Fixtures for all areas: the real program (`live_server`, `empty_server`) and the application in process (`app`, `practice`)."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import hypothesis
import pytest
from in_process import House, running_house
from live_server import LiveServer

# A busy machine is slow: how long an example takes says nothing about the program.
# The suite asks the same questions every time, so that it tells of the change at hand; ASSENT_EXPLORE=1 looks for new ones.
hypothesis.settings.register_profile(
    "steady",
    deadline=None,
    derandomize="ASSENT_EXPLORE" not in os.environ,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("steady")

sys.path.append(str(Path(__file__).parent / "profiles"))
"""tests/profiles/shared_data.py is wanted by other areas too (tests/shared.py)."""

_SLOW_TEST = 500
"""A test that is marked slow takes about as long as so many others."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take long come first: begun last, one of them would keep one core busy while the others rest."""
    cost: Counter[Path] = Counter()
    for item in items:
        cost[item.path] += _SLOW_TEST if item.get_closest_marker("slow") else 1
    items.sort(key=lambda item: -cost[item.path])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Coverage is that of the other tests: slow ones go over the same lines again and again, at three times the cost when traced.

    (pytest-cov's own marker no_cover does nothing in the processes of xdist.)
    """
    trace = sys.gettrace()
    if trace is None or item.get_closest_marker("slow") is None:
        yield
        return
    of_threads = threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    yield
    threading.settrace(of_threads)
    sys.settrace(trace)


@pytest.fixture(scope="session")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The real program with the synthetic practice. It is shared: a test looks only at what it knows or has made."""
    server = LiveServer(tmp_path_factory.mktemp("live") / "data")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def empty_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The real program with nothing in it, for one file of tests."""
    server = LiveServer(tmp_path_factory.mktemp("empty") / "data", ASSENT_SAMPLE="0")
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[House]:
    """An empty application of the test's own."""
    async with running_house(tmp_path / "data") as house:
        yield house


@pytest.fixture
async def client(app: House) -> AsyncIterator[httpx.AsyncClient]:
    """An administrator's client of `app`."""
    async with app.client() as client:
        yield client


@pytest.fixture(scope="session")
def practice_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the synthetic practice in it, closed; copied by whoever wants to change it."""
    data = tmp_path_factory.mktemp("practice") / "data"

    async def load() -> None:
        async with running_house(data, ASSENT_SAMPLE="1"):
            pass

    asyncio.run(load())
    return data


@pytest.fixture
async def practice(practice_data: Path, tmp_path: Path) -> AsyncIterator[House]:
    """An application with the synthetic practice, of the test's own."""
    data = tmp_path / "data"
    shutil.copytree(practice_data, data)
    async with running_house(data) as house:
        yield house
