"""`package/package.json`: what a package says of itself (FHIR Package Specification, manifest)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from operations.packages.package_name import PackageName, is_name
from profiles import json
from profiles.json import Json, JsonError, Resource
from profiles.outcome import refuse

PATH: Final = "package/package.json"
MOST_DEPENDENCIES: Final = 200
_R4: Final = re.compile(r"4\.0(?:\.[0-9]+)?\Z")
_WANTED: Final = re.compile(r"[!-~]{1,64}\Z")
_SHOWN: Final = re.compile(r"[0-9][0-9A-Za-z.-]{0,19}\Z")


@dataclass(frozen=True, slots=True)
class Manifest:
    """`dependencies` are (name, version as it is asked for), in order. The texts are empty where there are none."""

    package: PackageName
    dependencies: tuple[tuple[str, str], ...] = ()
    canonical: str = ""
    title: str = ""
    description: str = ""


def read_manifest(content: bytes) -> Manifest:
    """Raises FhirError: package-invalid, package-built-in, package-fhir-version."""
    try:
        told = json.loads(content)
    except JsonError as error:
        raise refuse("package-invalid", "The package's package.json is not JSON in UTF-8.") from error
    if not isinstance(told, dict):
        raise refuse("package-invalid", "The package's package.json is no JSON object.")
    package = PackageName.checked(told.get("name"), told.get("version"))
    package.refuse_core()
    _check_fhir_version(package, told)
    return Manifest(
        package,
        _dependencies(told.get("dependencies", {})),
        _text(told.get("canonical")),
        _text(told.get("title")),
        _text(told.get("description")),
    )


def _check_fhir_version(package: PackageName, told: Resource) -> None:
    versions = told.get("fhirVersions", told.get("fhir-version-list"))
    if not isinstance(versions, list) or not versions:
        raise refuse(
            "package-fhir-version",
            f'{package} does not say its FHIR version: its package.json needs "fhirVersions": ["4.0.1"].',
        )
    if not any(isinstance(version, str) and _R4.match(version) for version in versions):
        shown = [version for version in versions if isinstance(version, str) and _SHOWN.match(version)][:5]
        raise refuse(
            "package-fhir-version",
            f"{package} is for FHIR {', '.join(shown) or 'of another version'}; only packages for 4.0.x (R4) are installed.",
        )


def _dependencies(told: Json) -> tuple[tuple[str, str], ...]:
    if not isinstance(told, dict) or len(told) > MOST_DEPENDENCIES:
        raise refuse("package-invalid", f"The package's dependencies must be one object of at most {MOST_DEPENDENCIES}.")
    for name, version in told.items():
        if not is_name(name) or not isinstance(version, str) or not _WANTED.match(version):
            raise refuse("package-invalid", "A dependency of the package has a name or a version of the wrong form.")
    return tuple(told.items())


def _text(told: Json) -> str:
    return told if isinstance(told, str) else ""
