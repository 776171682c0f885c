"""The definitions of `ImplementationGuide/$install`, `$uninstall` and `$installed` (ours, docs/packages.md)."""

from __future__ import annotations

from typing import Final

from operations.definition import Definition, Parameter, needed

_ON: Final = ("ImplementationGuide",)
_PACKAGE: Final = (
    needed("name", "string"),
    needed("version", "string"),
    needed("sha256", "string", "Of the .tgz file."),
    needed("record", "Reference", "Its ImplementationGuide."),
)
_OF_A_TYPE: Final = (needed("type", "code"), needed("count", "integer"))

INSTALL: Final = Definition(
    id="implementation-guide-install",
    code="install",
    title="Install a FHIR package",
    text="Stores the conformance resources of an R4 package (.tgz), all of them or none. For administrators. The package may also be "
    "the body itself: a Binary, or its bytes as application/gzip. The same package again changes nothing.",
    levels=("type",),
    on=_ON,
    takes=(
        needed(
            "package",
            "Element",
            "The bytes of the .tgz file as base64Binary, a Binary that holds them, or a reference to a stored Binary.",
        ),
    ),
    gives=(
        *_PACKAGE,
        needed("installed", "boolean", "False when this very package was installed already."),
        needed("resources", "", "How many resources of a type it brought.", _OF_A_TYPE, None),
        Parameter(
            "outcome",
            "OperationOutcome",
            "What was left out, what it builds on that is not installed, what has no effect yet.",
        ),
    ),
    affects_state=True,
    body="package",
)

UNINSTALL: Final = Definition(
    id="implementation-guide-uninstall",
    code="uninstall",
    title="Remove a FHIR package",
    text="Deletes exactly what the package brought. For administrators. Refused while something rests on it, and when a resource of "
    "it was changed since.",
    levels=("type",),
    on=_ON,
    takes=(needed("name", "string"), Parameter("version", "string", "Needed where several versions are installed.")),
    gives=(*_PACKAGE, needed("count", "integer", "How many resources it had brought.")),
    affects_state=True,
)

INSTALLED: Final = Definition(
    id="implementation-guide-installed",
    code="installed",
    title="List the installed FHIR packages",
    text="Names, versions and digests, by which the same can be installed elsewhere. For administrators.",
    levels=("type",),
    on=_ON,
    gives=(
        Parameter(
            "package",
            most=None,
            parts=(*_PACKAGE, needed("count", "integer"), Parameter("installed", "dateTime"), Parameter("by", "string")),
        ),
    ),
)
