"""`ImplementationGuide/$install`, `$uninstall` and `$installed` (ours, docs/packages.md): packages over REST, for administrators."""

from __future__ import annotations

import asyncio
import base64
import binascii
from typing import Final

from operations.packages.contents import LIMITS
from operations.packages.install import Installation, install
from operations.packages.installed import installed_packages
from operations.packages.operation_definitions import INSTALL, INSTALLED, UNINSTALL
from operations.packages.package_name import PackageName, is_name, is_version
from operations.packages.record import InstalledPackage
from operations.packages.remove import remove
from operations.policy.fhir_parameters import Given, boolean, code, group, parameters, read_parameters, text
from operations.ports import Context, Operation, OperationInput, OperationOutput
from profiles.json import Json, Resource
from profiles.outcome import operation_outcome, refuse
from profiles.references import parse_reference

CONTENT_TYPES: Final = (
    "application/gzip",
    "application/x-gzip",
    "application/tar+gzip",
    "application/x-gtar",
    "application/x-tgz",
)
_ADMINISTRATORS: Final = frozenset({"administrator"})


def package_operations() -> tuple[Operation, ...]:
    """All three. Installations of a server take turns: each holds a whole package in memory."""
    turn = asyncio.Lock()

    async def run_install(given: OperationInput, context: Context) -> OperationOutput:
        data = await _package(given, context)
        async with turn:
            return OperationOutput(_installation(await install(data, context)))

    return (
        Operation(
            INSTALL,
            run_install,
            "c",
            roles=_ADMINISTRATORS,
            every_type=True,
            content_types=CONTENT_TYPES,
            repeatable=True,
        ),
        Operation(UNINSTALL, _run_uninstall, "d", roles=_ADMINISTRATORS, every_type=True),
        Operation(INSTALLED, _run_installed, "s", roles=_ADMINISTRATORS),
    )


async def _run_uninstall(given: OperationInput, context: Context) -> OperationOutput:
    named = read_parameters(given.resource, ("name", "version"), given.query)
    if "name" not in named:
        raise refuse("required-element", "Say which package: the parameter 'name'.", "Parameters.parameter")
    name, version = _text(named["name"]), _text(named["version"]) if "version" in named else None
    if not is_name(name) or (version is not None and not is_version(version)):
        raise refuse("parameter-value", "A package has a name such as acme.policies, and a version such as 1.0.0.")
    gone = await remove(name, version, context)
    return OperationOutput(parameters([*_named(gone.package, gone.sha256), _count(len(gone.resources))]))


async def _run_installed(given: OperationInput, context: Context) -> OperationOutput:
    return OperationOutput(parameters(_listed(one) for one in await installed_packages(context.records)))


async def _package(given: OperationInput, context: Context) -> bytes:
    """The bytes of the package, in whichever way they came. Raises FhirError."""
    body = given.resource
    if body is not None and body.get("resourceType") == "Binary":
        return _decoded(body.get("data"), "Binary.data")
    named = read_parameters(body, ("package",), given.query)
    if "package" not in named:
        raise refuse("required-element", "The package is missing: the parameter 'package'.", "Parameters.parameter")
    package = named["package"]
    if package.resource is not None:
        return _decoded(package.resource.get("data"), f"{package.expression}.data")
    if package.kind == "valueBase64Binary":
        return _decoded(package.value, package.expression)
    if package.kind == "valueReference" and isinstance(package.value, dict):
        return await _stored(package.value.get("reference"), package.expression, context)
    raise refuse("parameter-value", "'package' is a base64Binary, a Binary, or a reference to one.", package.expression)


async def _stored(address: Json, expression: str, context: Context) -> bytes:
    reference = parse_reference(address.removeprefix(f"{context.base_url}/")) if isinstance(address, str) else None
    if reference is None or reference.type != "Binary" or not reference.id or reference.kind != "relative":
        raise refuse(
            "reference-format", "'package' refers to a Binary of this server, as in Binary/1.", f"{expression}.reference"
        )
    binary = await context.records.read("Binary", reference.id)
    content = None
    if binary is not None:
        version = int(binary["meta"]["versionId"])
        content = await context.records.content(reference.id, version, LIMITS.packed + 1)
    if not content:
        raise refuse("not-found", "There is no such Binary, or it has no content.", f"{expression}.reference")
    return content


def _decoded(data: Json, expression: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True) if isinstance(data, str) else _missing(expression)
    except (binascii.Error, ValueError) as error:
        raise refuse("primitive-format", "The package is not base64.", expression) from error


def _missing(expression: str) -> bytes:
    raise refuse("required-element", "The package has no content.", expression)


def _installation(done: Installation) -> Resource:
    answer: list[Resource] = [*_named(done.package, done.sha256), boolean("installed", done.is_new)]
    answer += [group("resources", [code("type", type_), _count(number)]) for type_, number in done.counts]
    if done.notes:
        answer.append({"name": "outcome", "resource": operation_outcome(done.notes)})
    return parameters(answer)


def _listed(one: InstalledPackage) -> Resource:
    when: Resource | None = {"name": "installed", "valueDateTime": one.installed} if one.installed else None
    return group("package", [*_named(one.package, one.sha256), _count(len(one.resources)), when, text("by", one.by)])


def _named(package: PackageName, sha256: str) -> list[Resource]:
    return [
        {"name": "name", "valueString": package.name},
        {"name": "version", "valueString": package.version},
        {"name": "sha256", "valueString": sha256},
        {"name": "record", "valueReference": {"reference": f"ImplementationGuide/{package.record_id}"}},
    ]


def _count(number: int) -> Resource:
    return {"name": "count", "valueInteger": number}


def _text(given: Given) -> str:
    return given.value if isinstance(given.value, str) else ""
