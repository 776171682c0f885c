"""The record of an installed package: an ImplementationGuide that says what it is, and lists what it brought.

It takes its texts from the package's own guide (R4 implementationguide.html), where that is as R4 has it, and else from package.json. In place of
the guide's list of pages and examples it lists the resources as they are kept here, each with a digest of its content, so
that removal finds exactly them, and sees whether somebody has changed them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from operations.packages.contents import GUIDE, Contents
from operations.packages.package_name import SYSTEM, PackageName, is_name, is_version
from profiles.base_validation import validate_resource
from profiles.json import Resource
from profiles.pas_names import ASSENT
from profiles.references import parse_reference

TAG: Final = {"system": f"{ASSENT}/CodeSystem/package-record", "code": "installed"}
INSTALLED: Final = f"{ASSENT}/StructureDefinition/installed-package"
CONTENT: Final = f"{ASSENT}/StructureDefinition/installed-content"
_UNKNOWN_URI: Final = {
    "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
}
_TAKEN: Final = (
    "url", "name", "title", "status", "experimental", "date", "publisher", "contact", "description", "useContext",
    "jurisdiction", "copyright", "license", "global",
)  # fmt: skip
_ERRORS: Final = frozenset({"error", "fatal"})


@dataclass(frozen=True, slots=True)
class InstalledPackage:
    """What a record says. `resources` are (type, id, digest of the content). `version` is the record's own."""

    package: PackageName
    sha256: str
    installed: str
    by: str
    dependencies: tuple[tuple[str, str], ...]
    resources: tuple[tuple[str, str, str], ...]
    version: int

    @property
    def reference(self) -> str:
        return f"{GUIDE}/{self.package.record_id}"


def record_of(contents: Contents, when: datetime, by: str) -> Resource:
    """The ImplementationGuide to be stored."""
    manifest, guide = contents.manifest, contents.guide or {}
    texts = {"title": manifest.title, "description": manifest.description}
    told = {name: text for name, text in texts.items() if text} | {name: guide[name] for name in _TAKEN if name in guide}
    rich = _record(contents, when, by, told, guide)
    if not any(issue.severity in _ERRORS for issue in validate_resource(rich)):
        return rich
    return _record(contents, when, by, {}, {})


def _record(contents: Contents, when: datetime, by: str, told: Resource, guide: Resource) -> Resource:
    package, manifest = contents.package, contents.manifest
    record: Resource = {
        "resourceType": GUIDE,
        "id": package.record_id,
        "meta": {"source": package.source, "tag": [TAG]},
        "extension": [
            {
                "url": INSTALLED,
                "extension": [
                    {"url": "sha256", "valueString": contents.sha256},
                    {"url": "installed", "valueDateTime": when.astimezone(UTC).isoformat(timespec="seconds")},
                    {"url": "by", "valueString": by},
                ],
            }
        ],
        "url": f"{SYSTEM}/{package.name}",
        "name": _computable(package.name),
        "status": "active",
        **told,
    }
    record |= {"version": package.version, "packageId": package.name, "fhirVersion": ["4.0.1"]}
    if manifest.dependencies:
        record["dependsOn"] = list(_depends_on(manifest.dependencies, guide))
    record["definition"] = {
        "resource": [
            {
                "extension": [{"url": CONTENT, "valueString": brought.digest}],
                "reference": {"reference": brought.reference},
                "exampleBoolean": False,
            }
            for brought in contents.resources
        ]
    }
    return record


def _depends_on(dependencies: tuple[tuple[str, str], ...], guide: Resource) -> Iterator[Resource]:
    """With the address of the guide that is built on, as far as the package's own guide tells it."""
    told = guide.get("dependsOn")
    listed = [item for item in told if isinstance(item, dict)] if isinstance(told, list) else []
    addresses = {item.get("packageId"): item["uri"] for item in listed if isinstance(item.get("uri"), str)}
    for name, version in dependencies:
        uri = {"uri": addresses[name]} if name in addresses else {"_uri": _UNKNOWN_URI}
        yield {**uri, "packageId": name, "version": version}


def _computable(name: str) -> str:
    """R4 wants names that a program can use (ig-0)."""
    return "".join(part[:1].upper() + part[1:] for part in re.split("[.-]", name))


def read_record(record: Resource) -> InstalledPackage | None:
    """None for an ImplementationGuide that is no such record, or was changed so that it is none any more."""
    name, version = record.get("packageId"), record.get("version")
    if not (is_name(name) and is_version(version)):
        return None
    package = PackageName(str(name), str(version))
    extensions = record.get("extension", ())
    told = next((item.get("extension", ()) for item in extensions if item.get("url") == INSTALLED), ())
    facts = {str(item.get("url")): str(value) for item in told for key, value in item.items() if key.startswith("value")}
    if record.get("id") != package.record_id or "sha256" not in facts:
        return None
    return InstalledPackage(
        package,
        facts["sha256"],
        facts.get("installed", ""),
        facts.get("by", ""),
        tuple((str(item.get("packageId", "")), str(item.get("version", ""))) for item in record.get("dependsOn", ())),
        tuple(_resources(record)),
        int(record["meta"]["versionId"]),
    )


def _resources(record: Resource) -> Iterator[tuple[str, str, str]]:
    for item in record.get("definition", {}).get("resource", ()):
        reference = parse_reference(item.get("reference", {}).get("reference", ""))
        digest = next((part.get("valueString") for part in item.get("extension", ()) if part.get("url") == CONTENT), None)
        if reference is not None and reference.type and reference.id and isinstance(digest, str):
            yield reference.type, reference.id, digest
