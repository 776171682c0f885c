"""What comes along with the results: what they refer to, and what refers to them (R4 search 3.1.1.5.4).

Round after round until nothing new comes: includes with `:iterate` are asked of what the round before brought. Each target comes once,
as far as the caller may read it, or, by a reverse include, find it. A reference to one version brings that version.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from profiles.json import Resource
from profiles.outcome import FhirError, refuse
from profiles.references import parse_reference
from profiles.structure import resource_types
from server.repository import Version
from server.rest.exchange import AUDIT_TYPE, Exchange
from server.search.hits import matches
from server.search.referring import all_of, referring
from server.search.registry import indexed_parameters
from server.search.result_includes import Include
from server.store.algebra import AnyOf

MAX_INCLUDED: Final = 1000
MAX_ASKED: Final = 1000
"""Questions to the index that one search may cost for what is included."""

MAX_NAMED: Final = 100
"""Resources that are asked for in one question."""

Named = tuple[str | None, str]


@dataclass(slots=True)
class _Gathering:
    exchange: Exchange
    seen: set[str]
    found: list[Version] = field(default_factory=list)
    asked: int = 0

    def add(self, version: Version, name: str) -> None:
        if name in self.seen:
            return
        self.seen.add(name)
        self.found.append(version)
        self.exchange.trail.note(version.reference, version.patients if version.type != AUDIT_TYPE else ())
        if len(self.found) > MAX_INCLUDED:
            raise _too_many()

    def ask(self) -> None:
        self.asked += 1
        if self.asked > MAX_ASKED:
            raise _too_many()


async def included(exchange: Exchange, includes: Sequence[Include], page: Sequence[Version]) -> list[Version]:
    """Raises FhirError (400) for more than MAX_INCLUDED resources: they are never cut short."""
    if not includes or not page:
        return []
    gathering = _Gathering(exchange, {version.reference for version in page})
    around: Sequence[Version] = page
    wanted = list(includes)
    while around and wanted:
        before = len(gathering.found)
        resources = [(version.type, version.resource()) for version in around]
        for include in wanted:
            if include.reverse:
                await _what_refers(gathering, include, resources)
            else:
                await _referred_to(gathering, include, resources)
        around = gathering.found[before:]
        wanted = [include for include in includes if include.iterate]
    return gathering.found


async def _referred_to(gathering: _Gathering, include: Include, resources: Iterable[tuple[str, Resource]]) -> None:
    canonicals: dict[str, set[str]] = {}
    for type_, resource in resources:
        for code in include.codes_of(type_):
            parameter = indexed_parameters(type_)[code]
            for value in parameter.extract(resource):
                if isinstance(value.value, dict):
                    await _local(gathering, include, value.value.get("reference"))
                elif isinstance(value.value, str) and value.kind == "canonical":
                    for target in parameter.targets if include.target is None else {include.target}:
                        canonicals.setdefault(target, set()).add(value.value.partition("#")[0])
                else:
                    await _local(gathering, include, value.value)
    for target in sorted(canonicals):
        await _definitions(gathering, target, sorted(canonicals[target]))


async def _local(gathering: _Gathering, include: Include, text: object) -> None:
    if not isinstance(text, str):
        return
    exchange = gathering.exchange
    reference = parse_reference(text.removeprefix(exchange.repository.base_url + "/"))
    if reference is None or reference.kind != "relative" or reference.type is None or reference.id is None:
        return
    version = reference.version
    name = f"{reference.type}/{reference.id}" + (f"/{version}" if version is not None else "")
    if name in gathering.seen or include.target not in {None, reference.type}:
        return
    access = exchange.gate.access_if_any("r", reference.type)
    current = None if access is None else await exchange.repository.read(access, reference.id)
    if access is None or current is None or current.deleted:
        return
    if version is None or version == str(current.version):
        gathering.add(current, current.reference)
    elif version.isascii() and version.isdigit() and len(version) <= 9:
        earlier = await exchange.repository.read_version(access, reference.id, int(version))
        if earlier is not None and not earlier.deleted:
            gathering.add(earlier, name)


async def _definitions(gathering: _Gathering, type_: str, canonicals: Sequence[str]) -> None:
    """What is known under a canonical URL; without a version in it, the one that was stored last."""
    exchange = gathering.exchange
    access = exchange.gate.access_if_any("r", type_)
    if access is None or "url" not in indexed_parameters(type_):
        return
    index = exchange.tenant.index
    wanted: dict[str, set[str]] = {}
    for canonical in canonicals:
        url, _, version = canonical.partition("|")
        wanted.setdefault(url, set()).add(version)
    urls = sorted(wanted)
    for start in range(0, len(urls), MAX_NAMED):
        gathering.ask()
        terms = AnyOf(tuple(sorted({index.term(type_, "url", f"u{url}") for url in urls[start : start + MAX_NAMED]})))
        compiled = all_of(type_, terms, ("url",), access, index)
        async for _, found in matches(exchange, type_, compiled, None, MAX_INCLUDED + 1):
            resource = found.resource()
            versions = wanted.get(resource.get("url", ""), set())
            if str(resource.get("version", "")) in versions - {""}:
                gathering.add(found, found.reference)
            elif "" in versions:
                versions.discard("")
                gathering.add(found, found.reference)


async def _what_refers(gathering: _Gathering, include: Include, resources: Sequence[tuple[str, Resource]]) -> None:
    exchange, index = gathering.exchange, gathering.exchange.tenant.index
    named = _names(resources, include.target)
    sources = sorted(resource_types()) if include.source == "*" else [include.source]
    for source in sources:
        codes = [code for code in include.codes_of(source) if _may_refer(source, code, named)]
        access = exchange.gate.access_if_any("s", source) if codes else None
        if access is None:
            continue
        if source == AUDIT_TYPE:
            await exchange.services.audit.catch_up()
        for start in range(0, len(named), MAX_NAMED):
            gathering.ask()
            refer = referring(source, codes, named[start : start + MAX_NAMED], index)
            compiled = all_of(source, refer, codes, access, index)
            async for _, version in matches(exchange, source, compiled, None, MAX_INCLUDED + 1):
                gathering.add(version, version.reference)


def _names(resources: Iterable[tuple[str, Resource]], target: str | None) -> list[Named]:
    """How others may refer to them: by type and id, and to definitions by their URL."""
    found: list[Named] = []
    for type_, resource in resources:
        if target not in {None, type_}:
            continue
        found.append((type_, f"{type_}/{resource['id']}"))
        if "url" in indexed_parameters(type_) and isinstance(resource.get("url"), str):
            found.append((None, resource["url"]))
    return found


def _may_refer(source: str, code: str, named: Sequence[Named]) -> bool:
    parameter = indexed_parameters(source)[code]
    return not parameter.targets or any(type_ is None or type_ in parameter.targets for type_, _ in named)


def _too_many() -> FhirError:
    return refuse(
        "search-too-costly",
        f"What is to be included is more than {MAX_INCLUDED} resources, or costs too many questions. "
        "Ask for smaller pages (_count), or name the types and parameters instead of *.",
        "http.query",
    )
