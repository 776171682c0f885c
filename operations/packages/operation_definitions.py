"""The OperationDefinitions of `ImplementationGuide/$install`, `$uninstall` and `$installed` (ours, docs/packages.md)."""

from __future__ import annotations

from typing import Final

from profiles.json import Resource
from profiles.pas_names import ASSENT

_PACKAGE: Final[list[Resource]] = [
    {"name": "name", "use": "out", "min": 1, "max": "1", "type": "string"},
    {"name": "version", "use": "out", "min": 1, "max": "1", "type": "string"},
    {"name": "sha256", "use": "out", "min": 1, "max": "1", "type": "string", "documentation": "Of the .tgz file."},
    {
        "name": "record",
        "use": "out",
        "min": 1,
        "max": "1",
        "type": "Reference",
        "documentation": "Its ImplementationGuide.",
    },
]


def _definition(code: str, name: str, title: str, text: str, affects_state: bool, parameters: list[Resource]) -> Resource:
    return {
        "resourceType": "OperationDefinition",
        "id": f"implementation-guide-{code}",
        "url": f"{ASSENT}/OperationDefinition/implementation-guide-{code}",
        "version": "1.0.0",
        "name": name,
        "title": title,
        "status": "active",
        "kind": "operation",
        "affectsState": affects_state,
        "description": text,
        "code": code,
        "resource": ["ImplementationGuide"],
        "system": False,
        "type": True,
        "instance": False,
        "parameter": parameters,
    }


INSTALL: Final = _definition(
    "install",
    "ImplementationGuideInstall",
    "Install a FHIR package",
    "Stores the conformance resources of an R4 package (.tgz), all of them or none. For administrators. The package may also be the "
    "body itself: a Binary, or its bytes as application/gzip. The same package again changes nothing.",
    True,
    [
        {
            "name": "package",
            "use": "in",
            "min": 1,
            "max": "1",
            "type": "Element",
            "documentation": "The bytes of the .tgz file as base64Binary, a Binary that holds them, or a reference to a stored Binary.",
        },
        *_PACKAGE,
        {
            "name": "installed",
            "use": "out",
            "min": 1,
            "max": "1",
            "type": "boolean",
            "documentation": "False when this very package was installed already.",
        },
        {
            "name": "resources",
            "use": "out",
            "min": 1,
            "max": "*",
            "documentation": "How many resources of a type it brought.",
            "part": [
                {"name": "type", "use": "out", "min": 1, "max": "1", "type": "code"},
                {"name": "count", "use": "out", "min": 1, "max": "1", "type": "integer"},
            ],
        },
        {
            "name": "outcome",
            "use": "out",
            "min": 0,
            "max": "1",
            "type": "OperationOutcome",
            "documentation": "What was left out, what it builds on that is not installed, and what has no effect yet.",
        },
    ],
)

UNINSTALL: Final = _definition(
    "uninstall",
    "ImplementationGuideUninstall",
    "Remove a FHIR package",
    "Deletes exactly what the package brought. For administrators. Refused while something rests on it, and when a resource of it "
    "was changed since.",
    True,
    [
        {"name": "name", "use": "in", "min": 1, "max": "1", "type": "string"},
        {
            "name": "version",
            "use": "in",
            "min": 0,
            "max": "1",
            "type": "string",
            "documentation": "Needed where several versions are installed.",
        },
        *_PACKAGE,
        {
            "name": "count",
            "use": "out",
            "min": 1,
            "max": "1",
            "type": "integer",
            "documentation": "How many resources it had brought.",
        },
    ],
)

INSTALLED: Final = _definition(
    "installed",
    "ImplementationGuideInstalled",
    "List the installed FHIR packages",
    "Names, versions and digests, by which the same can be installed elsewhere. For administrators.",
    False,
    [
        {
            "name": "package",
            "use": "out",
            "min": 0,
            "max": "*",
            "part": [
                *_PACKAGE,
                {"name": "count", "use": "out", "min": 1, "max": "1", "type": "integer"},
                {"name": "installed", "use": "out", "min": 1, "max": "1", "type": "dateTime"},
                {"name": "by", "use": "out", "min": 0, "max": "1", "type": "string"},
            ],
        }
    ],
)
