"""An application on either store, for tests that must hold on both."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest
from in_process import House, running_house
from pymongo import MongoClient

sys.path.append(str(Path(__file__).parents[1] / "store"))
from mongod import mongodb_url, url_of  # the folder of another area

ENGINES: Final = ["sqlite", pytest.param("mongodb", marks=pytest.mark.slow)]


@contextmanager
def mongodb_environment() -> Iterator[dict[str, str]]:
    """Settings for a database of the test's own on the server that all tests share."""
    name = f"assent_rest_{uuid4().hex[:12]}"
    yield {"ASSENT_STORE": url_of(name)}
    with MongoClient[dict[str, object]](mongodb_url()) as plain:
        plain.drop_database(name)


@asynccontextmanager
async def house_on(engine: str, data: Path, **settings: str) -> AsyncIterator[House]:
    """`engine` is one of ENGINES."""
    with mongodb_environment() if engine == "mongodb" else nullcontext({}) as environment:
        async with running_house(data, **environment, **settings) as house:
            yield house
