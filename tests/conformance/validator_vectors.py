"""HL7's validator vectors (FHIR/fhir-test-cases, R4): which there are, and whether we agree with the reference on each.

Agreement is on error or no error, as the README of the vectors asks. Documents that are no FHIR (CDS Hooks, by logical models)
and cases without an expectation are not applicable.
"""

from __future__ import annotations

import json as stdlib_json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from shared_data import DATA

from profiles import json
from profiles.conformance import Definitions, Finding, Options, Validator
from profiles.outcome import FhirError
from profiles.xml.reading import from_xml

FOLDER = DATA / "conformance" / "validator"
PACKAGES = DATA / "ig"
CORE = PACKAGES / "hl7.fhir.r4.core-4.0.1.tgz"


_SYSTEM = re.compile(r"(?:for|in the CodeSystem|in the system) '?([^\s'#|]+)(?:'|#)")
_BY_CONTENT = re.compile(
    r"Wrong Display Name|Unknown code|Invalid ECL|is not in the options value set|None of the codings provided"
)


_FILES = ("supporting", "supporting5", "profiles")


@dataclass(frozen=True)
class Vector:
    """One expectation: `against` is the profile's file for the second run of a case, empty for the first."""

    name: str
    module: str
    case: dict[str, Any] = field(repr=False)
    against: str = ""
    errors: int = 0


@cache
def core() -> Definitions:
    definitions = Definitions()
    definitions.load_package(CORE.read_bytes())
    return definitions


@cache
def package(name: str) -> Definitions:
    definitions = Definitions(core())
    definitions.load_package((PACKAGES / name).read_bytes())
    return definitions


def vectors() -> Iterator[Vector]:
    """The applicable vectors, in the order of the manifest."""
    manifest = stdlib_json.loads((FOLDER / "manifest.json").read_bytes())
    for case in manifest["test-cases"]:
        module = case.get("module", "none")
        if module == "cdshooks" or not (FOLDER / case["file"]).exists():
            continue
        if case["_expected_errors_base"] is not None:
            yield Vector(case["name"], module, case, errors=case["_expected_errors_base"])
        if case.get("profile") and case.get("_expected_errors_profile") is not None:
            source = case["profile"].get("source", "")
            if (FOLDER / source).exists():
                yield Vector(f"{case['name']} by profile", module, case, source, case["_expected_errors_profile"])


def read(name: str) -> Any:
    data = (FOLDER / name).read_bytes()
    return from_xml(data) if name.endswith(".xml") else json.loads(data)


def run(vector: Vector) -> list[Finding]:
    """What we find; a body that cannot be read is one finding."""
    case = vector.case
    definitions = Definitions(_base(case))
    for key in _FILES:
        for name in case.get(key, []):
            _add(name, definitions)
    if case.get("profile", {}).get("source"):
        for name in case["profile"].get("supporting", []):
            _add(name, definitions)
    profiles = []
    if vector.against:
        _add(vector.against, definitions)
        profiles.append(read(vector.against)["url"])
    try:
        resource = read(case["file"])
    except (FhirError, ValueError) as error:
        return [Finding("structure", f"unreadable: {error}")]
    return Validator(definitions, options=_options(case)).validate(resource, profiles=profiles)


def inapplicable(vector: Vector) -> str:
    """Why a vector cannot be asked of us; empty if it can."""
    case = vector.case
    java = case["profile"].get("java", "") if vector.against else case["java"]
    if not isinstance(java, str):
        return ""
    if java.startswith("java/R5."):
        return "its expectation is R5's"
    if any(not (FOLDER / name).exists() for key in _FILES for name in case.get(key, [])):
        return "its supporting files are not at hand"
    if b"http://hl7.org/fhir/tools/" in (FOLDER / case["file"]).read_bytes():
        return "the package hl7.fhir.uv.tools is not at hand"
    missing = [each for each in case.get("packages", []) if not _is_at_hand(each)]
    if missing:
        return "its package is not at hand"
    texts = _reference_errors(java)
    if texts and all(_BY_CONTENT.search(each) and not _is_known(each) for each in texts):
        return "the reference's errors rest on the content of a code system that is not at hand"
    return ""


def _is_at_hand(package: Any) -> bool:
    return isinstance(package, str) and (package.startswith("hl7.fhir.us.core#") or (FOLDER / package).exists())


def _is_known(text: str) -> bool:
    """Whether an error of the reference speaks of a code system whose codes are at hand."""
    named = _SYSTEM.search(text)
    found = core().find("CodeSystem", named[1]) if named is not None else None
    return found is not None and found.get("content") == "complete" and "concept" in found


def _reference_errors(java: str) -> list[str]:
    path = FOLDER / "outcomes" / java
    if not path.exists():
        return []
    issues = stdlib_json.loads(path.read_bytes()).get("issue", [])
    return [each["details"]["text"] for each in issues if each["severity"] in ("error", "fatal")]


def _options(case: dict[str, Any]) -> Options:
    """As the reference is run: unknown extensions and wrong displays are errors, unless the case says otherwise."""
    return Options(
        unknown_extension="error",
        narrative="error",
        wrong_display="warning" if case.get("wrong-displays") == "warning" else "error",
        aggregation=case.get("enforceAggregationOutsideBundles", True),
        plain_text=bool(case.get("security-checks") or case.get("noHtmlInMarkdown")),
    )


def _base(case: dict[str, Any]) -> Definitions:
    for name in case.get("packages", []):
        if isinstance(name, str) and name.startswith("hl7.fhir.us.core#"):
            wanted = PACKAGES / f"hl7.fhir.us.core-{name.partition('#')[2]}.tgz"
            return package(wanted.name if wanted.exists() else "hl7.fhir.us.core-3.1.1.tgz")
    return core()


def _add(name: str, definitions: Definitions) -> None:
    if not (FOLDER / name).exists():
        return
    if name.endswith(".tgz"):
        definitions.load_package((FOLDER / name).read_bytes())
        return
    resource = read(name)
    definitions.add(resource)
    for entry in resource.get("entry", []):
        definitions.add(entry.get("resource"))


def agrees(vector: Vector, findings: list[Finding]) -> bool:
    return any(each.severity in ("error", "fatal") for each in findings) == (vector.errors > 0)
