"""Removing a package: exactly what it brought is deleted, with its record, in one commit; earlier versions stay in the history.

Refused, by name, while another installed package builds on it, while stored profiles build on its profiles or answers on its
questionnaires and no other version of those is there, and when somebody has changed a resource of it since.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Final

from operations.packages.contents import GUIDE, digest_of
from operations.packages.installed import dependents, installed_packages, named
from operations.packages.provenance import provenance
from operations.packages.record import InstalledPackage
from operations.ports import Changes, Context, Deletion, VersionConflictError
from profiles.json import Resource
from profiles.outcome import FhirError, refuse

ATTEMPTS: Final = 3
AT_ONCE: Final = 40
"""Canonicals in one question."""

MOST_USERS: Final = 1000
MOST_NAMED: Final = 5
_USES: Final = (
    ("StructureDefinition", "StructureDefinition", "base", "baseDefinition"),
    ("Questionnaire", "QuestionnaireResponse", "questionnaire", "questionnaire"),
)
"""(what the package brings, what may rest on it, the search parameter and the element that say so)."""


async def remove(name: str, version: str | None, context: Context) -> InstalledPackage:
    """What was removed. Raises FhirError: not-found, parameter-value, package-in-use, edit-conflict."""
    for _ in range(ATTEMPTS):
        present = await named(context.records, name, version)
        needing = dependents(present.package, await installed_packages(context.records))
        if needing:
            raise _in_use(f"It is built on by {', '.join(map(str, needing))}: remove that first.")
        resources = await _unchanged(present, context)
        await _refuse_used(present, resources, context)
        deletions = [Deletion(one["resourceType"], one["id"], int(one["meta"]["versionId"])) for one in resources]
        deletions.append(Deletion(GUIDE, present.package.record_id, present.version))
        told = provenance(context, present.package, present.sha256, "DELETE")
        try:
            await context.commit(Changes(writes=[told], deletions=deletions))
        except VersionConflictError:
            continue
        return present
    raise refuse("edit-conflict", "Others change the same package; try again.")


async def _unchanged(present: InstalledPackage, context: Context) -> list[Resource]:
    """What the package brought and is still there. Raises FhirError (package-in-use)."""
    found: list[Resource] = []
    for number, (type_, id_, digest) in enumerate(present.resources, 1):
        resource = await context.records.read(type_, id_)
        if number % 8 == 0:
            await asyncio.sleep(0)
        if resource is None:
            continue
        if digest_of(resource) != digest or resource["meta"].get("source") != present.package.source:
            raise _in_use(f"{type_}/{id_} was changed since: delete it, or put its first version back.")
        found.append(resource)
    return found


async def _refuse_used(present: InstalledPackage, resources: Sequence[Resource], context: Context) -> None:
    own = {(type_, id_) for type_, id_, _ in present.resources}
    for brought, users, parameter, element in _USES:
        versions = {str(one["url"]): str(one.get("version", "")) for one in resources if _has_url(one, brought)}
        for asked in _parts(sorted(versions)):
            try:
                using = await context.records.search(users, {parameter: ",".join(map(_escaped, asked))}, MOST_USERS)
            except FhirError as error:
                raise _in_use(f"More than {MOST_USERS} of type {users} may rest on what it brought.") from error
            lost = [
                f"{users}/{one['id']}"
                for one in using
                if (users, one["id"]) not in own and await _is_lost(str(one[element]), versions, brought, own, context)
            ]
            if lost:
                raise _in_use(f"{', '.join(lost[:MOST_NAMED])} rest on what it brought: change or delete those first.")


async def _is_lost(
    canonical: str, versions: Mapping[str, str], type_: str, own: Container[object], context: Context
) -> bool:
    """Whether what a canonical leads to goes with the package; without a version, any other version will do as well."""
    url, _, version = canonical.partition("#")[0].partition("|")
    if url not in versions or version not in {"", versions[url]}:
        return False
    others = await context.records.search(type_, {"url": url, **({"version": version} if version else {})}, MOST_USERS)
    return all((type_, one["id"]) in own for one in others)


def _has_url(resource: Resource, type_: str) -> bool:
    return resource["resourceType"] == type_ and "url" in resource


def _parts(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), AT_ONCE):
        yield items[start : start + AT_ONCE]


def _escaped(value: str) -> str:
    for special in "\\,|$":
        value = value.replace(special, "\\" + special)
    return value


def _in_use(why: str) -> FhirError:
    return refuse("package-in-use", f"The package is not removed. {why}")
