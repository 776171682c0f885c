"""What a package is called, and what follows from that: where its resources say they come from, and the ids that they are kept under.

FHIR Package Specification (hl7.fhir.org packages): `name#version`. Names are as R4 wants `ImplementationGuide.packageId`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final, Self

from profiles.outcome import refuse

SYSTEM: Final = "https://assent.example/fhir/package"
CORE: Final = "hl7.fhir.r4.core"

_NAME: Final = re.compile(r"(?=.{1,64}\Z)[a-z][a-z0-9]*(?:[.-][a-z0-9]+)*\Z")
_VERSION: Final = re.compile(r"(?=.{1,64}\Z)[0-9]+(?:\.[0-9]+){1,3}(?:-[0-9A-Za-z]+(?:[.-][0-9A-Za-z]+)*)?\Z")
_OF_R4_ITSELF: Final = re.compile(r"hl7\.fhir\.(?:r4|core|r4\.(?:core|expansions|examples|elements|search|corexml))\Z")
_READABLE: Final = 40
_DIGEST_BYTES: Final = 10


@dataclass(frozen=True, slots=True, order=True)
class PackageName:
    """Both parts have the form that `parse` and `checked` let through."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name}#{self.version}"

    @property
    def source(self) -> str:
        """`meta.source` of what the package brought."""
        return f"{SYSTEM}/{self}"

    def stored_id(self, type_: str, id_: str, canonical: str) -> str:
        """The id of a resource of the package: `id_` for people, and a digest of package, version, type and canonical.

        So two versions of a package never have an id in common, and installing one again meets itself.
        """
        content = "\0".join((self.name, self.version, type_, canonical or id_)).encode()
        digest = hashlib.blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()
        return f"{id_[:_READABLE].strip('.-') or type_.lower()}-{digest}"

    @property
    def record_id(self) -> str:
        """The id of the ImplementationGuide that says that the package is installed."""
        return self.stored_id("ImplementationGuide", self.name, "")

    @classmethod
    def checked(cls, name: object, version: object) -> Self:
        """Raises FhirError (package-invalid)."""
        if not is_name(name):
            raise refuse(
                "package-invalid",
                "The package's name must be lower-case letters and digits, with dots and hyphens between them, at most 64.",
            )
        if not is_version(version):
            raise refuse("package-invalid", "The package's version must be like 1.0.0 or 2.1.0-draft.")
        return cls(str(name), str(version))

    def refuse_core(self) -> None:
        """Raises FhirError (package-built-in)."""
        if _OF_R4_ITSELF.match(self.name):
            raise refuse("package-built-in", "R4 itself is built in, and cannot be installed, replaced or removed.")


def is_name(text: object) -> bool:
    return isinstance(text, str) and _NAME.match(text) is not None


def is_version(text: object) -> bool:
    return isinstance(text, str) and _VERSION.match(text) is not None


def fits(version: str, wanted: str) -> bool:
    """Whether a version is what a dependency asks for: that version, one of a pattern (`4.0.x`), or any, for other words."""
    if is_version(wanted):
        return version == wanted
    start, wildcard, _ = wanted.partition("x" if "x" in wanted else "*")
    return not wildcard or not start or version.startswith(start)
