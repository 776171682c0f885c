"""Writes docs/operations.md from the operations' Definitions: `.venv/bin/python docs/make_operations.py`. A test compares the two."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from operations.definition import Definition, Parameter
from operations.ports import Operation
from operations.records.match_features import WEIGHTS
from server.app import Application
from server.config import Settings
from server.logs import EventLog

PAGE: Final = Path(__file__).with_name("operations.md")
_HEAD: Final = Path(__file__).with_name("operations_head.txt")


def page() -> str:
    """The whole page, in Markdown."""
    offered = {each.definition.id: each for each in asyncio.run(_operations())}
    parts = [_HEAD.read_text("utf-8").replace("{weights}", _weights())]
    parts += ["\n".join(_section(offered[id_])) for id_ in sorted(offered, key=lambda id_: (offered[id_].code, id_))]
    return "\n".join(parts) + "\n"


async def _operations() -> list[Operation]:
    """Those of a running server: some are made of what only that has."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.from_environment({"ASSENT_DATA": f"{folder}/data", "ASSENT_SAMPLE": "0"})
        application = Application(settings, EventLog(lambda line: None))
        await application.start()
        try:
            assert application.services is not None
            return list(application.services.operations.values())
        finally:
            await application.stop()


def _section(operation: Operation) -> Iterator[str]:
    definition = operation.definition
    yield f"\n## ${definition.code}: {definition.title[:1].lower()}{definition.title[1:]}\n"
    yield f"{definition.text}\n"
    for address in _addresses(definition):
        yield f"- `{'GET or POST' if definition.takes_get else 'POST'} {address}`"
    yield f"- Needs the scope letter `{operation.scope}`{_of(definition)}{_for(operation)}."
    yield f"- {'Changes what is stored.' if definition.affects_state else 'Stores nothing but the audit record.'}"
    yield f"- Definition: `OperationDefinition/{definition.id}`" + (
        "" if definition.is_ours else f" ({definition.canonical})"
    )
    yield from _table("parameter", definition.takes)
    yield from _table("answer", definition.gives)


def _addresses(definition: Definition) -> Iterator[str]:
    types = ("[type]",) if definition.on == ("Resource",) else definition.on
    for level in definition.levels:
        for type_ in types if level != "system" else ("",):
            yield "/".join(part for part in (type_, "[id]" if level == "instance" else "", f"${definition.code}") if part)


def _of(definition: Definition) -> str:
    return f" on {', '.join(definition.on)}" if definition.on and definition.on != ("Resource",) else " on the type"


def _for(operation: Operation) -> str:
    return f" and the role {' or '.join(sorted(operation.roles))}" if operation.roles else ""


def _table(title: str, parameters: tuple[Parameter, ...]) -> Iterator[str]:
    if not parameters:
        return
    yield f"\n| {title} | type | times | meaning |\n| --- | --- | --- | --- |"
    yield from _rows(parameters, "")


def _rows(parameters: tuple[Parameter, ...], before: str) -> Iterator[str]:
    for each in parameters:
        times = f"{each.least}..{'*' if each.most is None else each.most}"
        type_ = " or ".join((each.type, *each.also)) or "parts"
        yield f"| `{before}{each.name}` | {type_} | {times} | {each.text} |"
        yield from _rows(each.parts, f"{before}{each.name}.")


def _weights() -> str:
    rows = [f"| {name} | {each.same:+.1f} | {each.near:+.1f} | {each.different:+.1f} |" for name, each in WEIGHTS.items()]
    return "\n".join(["| feature | same | near | different |", "| --- | --- | --- | --- |", *rows])


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
