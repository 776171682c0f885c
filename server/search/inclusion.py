"""What comes along with the results: what they refer to, and what refers to them (R4 search 3.1.1.5.4).

Round after round until nothing new comes: includes with `:iterate` are asked of what the round before brought. Each target comes once,
as far as the caller may read it, or, by a reverse include, find it. A reference to one version brings that version.
"""

from __future__ import annotations

import asyncio
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
from server.search.registry import followed_parameters
from server.search.result_includes import Include
from server.store.algebra import AnyOf

MAX_INCLUDED: Final = 1000
MAX_ASKED: Final = 1000
"""Questions to the index that one search may cost for what is included."""

MAX_NAMED: Final = 100
MAX_TERMS: Final = 1000
"""Resources that are asked for in one question, and those times the parameters by which they may be referred to."""

READ_TOGETHER: Final = 32

Named = tuple[str | None, str]


@dataclass(slots=True)
class _Gathering:
    exchange: Exchange
    seen: set[str]
    shown: set[str]
    found: list[Version] = field(default_factory=list)
    asked: int = 0

    def add(self, version: Version, name: str) -> None:
        """`name` as it was referred to: a version that was asked for is another one than the resource as it is."""
        shown = f"{version.reference}/{version.version}"
        if name in self.seen or shown in self.shown:
            return
        self.seen.add(name)
        self.shown.add(shown)
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
    shown = {f"{version.reference}/{version.version}" for version in page}
    gathering = _Gathering(exchange, {version.reference for version in page}, shown)
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
    addresses: dict[str, None] = {}
    for type_, resource in resources:
        for code in include.codes_of(type_):
            parameter = followed_parameters(type_)[code]
            for value in parameter.extract(resource):
                data = value.value
                if value.kind == "canonical" and isinstance(data, str):
                    for target in parameter.targets if include.target is None else {include.target}:
                        canonicals.setdefault(target, set()).add(data.partition("#")[0])
                    continue
                text = data.get("reference") if isinstance(data, dict) else data
                if isinstance(text, str):
                    addresses[text] = None
    await _local(gathering, include, addresses)
    for target in sorted(canonicals):
        await _definitions(gathering, target, sorted(canonicals[target]))


async def _local(gathering: _Gathering, include: Include, addresses: Iterable[str]) -> None:
    """What lies at addresses under our own base, read a few at a time and added in their order."""
    wanted: dict[str, tuple[str, str, str | None]] = {}
    base = gathering.exchange.repository.base_url + "/"
    for text in addresses:
        reference = parse_reference(text.removeprefix(base))
        if reference is None or reference.kind != "relative" or reference.type is None or reference.id is None:
            continue
        name = f"{reference.type}/{reference.id}" + (f"/{reference.version}" if reference.version is not None else "")
        if name not in gathering.seen and include.target in {None, reference.type}:
            wanted[name] = (reference.type, reference.id, reference.version)
    names = list(wanted)
    for start in range(0, len(names), READ_TOGETHER):
        some = names[start : start + READ_TOGETHER]
        found = await asyncio.gather(*(_read(gathering.exchange, *wanted[name]) for name in some))
        for name, version in zip(some, found, strict=True):
            if version is not None:
                gathering.add(version, name)


async def _read(exchange: Exchange, type_: str, id_: str, number: str | None) -> Version | None:
    """As far as the caller may read it; a version only of what is there still."""
    access = exchange.gate.access_if_any("r", type_)
    current = None if access is None else await exchange.repository.read(access, id_)
    if access is None or current is None or current.deleted:
        return None
    if number is None or number == str(current.version):
        return current
    if not number.isascii() or not number.isdigit() or len(number) > 9:
        return None
    earlier = await exchange.repository.read_version(access, id_, int(number))
    return earlier if earlier is not None and not earlier.deleted else None


async def _definitions(gathering: _Gathering, type_: str, canonicals: Sequence[str]) -> None:
    """What is known under a canonical URL; without a version in it, the one that was stored last."""
    exchange = gathering.exchange
    access = exchange.gate.access_if_any("r", type_)
    if access is None or "url" not in followed_parameters(type_):
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
    # Whoever wants the trail of what was found names it: it grows with every look.
    sources = sorted(resource_types() - {AUDIT_TYPE}) if include.source == "*" else [include.source]
    for source in sources:
        codes = [code for code in include.codes_of(source) if _may_refer(source, code, named)]
        access = exchange.gate.access_if_any("s", source) if codes else None
        if access is None:
            continue
        if source == AUDIT_TYPE:
            await exchange.services.audit.catch_up()
        at_once = max(1, min(MAX_NAMED, MAX_TERMS // len(codes)))
        for start in range(0, len(named), at_once):
            gathering.ask()
            refer = referring(source, codes, named[start : start + at_once], index)
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
        if "url" in followed_parameters(type_) and isinstance(resource.get("url"), str):
            found.append((None, resource["url"]))
    return found


def _may_refer(source: str, code: str, named: Sequence[Named]) -> bool:
    parameter = followed_parameters(source)[code]
    return not parameter.targets or any(type_ is None or type_ in parameter.targets for type_, _ in named)


def _too_many() -> FhirError:
    return refuse(
        "search-too-costly",
        f"What is to be included is more than {MAX_INCLUDED} resources, or costs too many questions. "
        "Ask for smaller pages (_count), or name the types and parameters instead of *.",
        "http.query",
    )
