"""Loading in the test's own process: what the workers do is done on the spot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from in_process import House

from profiles.json import dumps
from server.load.files import Source, Unit, find_sources
from server.load.loader import Counts, Loader
from server.load.prepare import Fault, Prepared, Preparer, Recipe, Task
from server.repository import Repository
from server.store.store import Store


class OnTheSpot:
    """Stands for `server.load.workers.Workers`."""

    count = 1

    def __init__(self, recipe: Recipe) -> None:
        self._preparer = Preparer(recipe)

    async def results(
        self, labelled: Iterator[Unit], task_of: Callable[[Unit], Task]
    ) -> AsyncIterator[tuple[Unit, Prepared]]:
        for label in labelled:
            yield label, self._preparer.prepare(task_of(label))


class Load:
    """A load into the default tenant of a house; `faults` are (file, line, entry, text)."""

    def __init__(self, house: House, store: Store | None = None, largest: int = 1000) -> None:
        services = house.services
        tenant = services.keyring.get("default")
        assert tenant is not None
        entry = services.keyring.entries()["default"]
        settings = services.settings
        self.faults: list[tuple[str, int, int, str]] = []
        self._workers = OnTheSpot(Recipe("default", entry, house.base, settings.max_document, settings.document_types))
        repository = Repository(store or services.store, tenant, house.base, services.clock)
        self._loader = Loader(repository, services.keyring, largest, self._note, lambda unit: None, provenance=True)

    def _note(self, source: Source, fault: Fault) -> None:
        self.faults.append((source.path.name, fault.line, fault.entry, fault.text))

    async def run(self, *paths: Path) -> Counts:
        await self._loader.run(find_sources(paths), self._workers)
        return self._loader.counts


def ndjson(path: Path, *resources: dict[str, Any] | bytes) -> Path:
    lines = [resource if isinstance(resource, bytes) else dumps(resource) for resource in resources]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def patient(id_: str, family: str = "Quill", **content: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id_, "name": [{"family": family}], **content}
