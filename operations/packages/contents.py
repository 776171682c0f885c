"""What a package brings to a tenant: its conformance resources, read, checked, and made ready to be stored under ids of their own.

Examples, and resources that are about anything but how others are to be read, are not installed: so no package brings patients,
subscriptions or endpoints. A resource that is not as R4 has it is left out and named. Everything else that is wrong with a
package refuses it as a whole.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from operations.packages.manifest import PATH, Manifest, read_manifest
from operations.packages.package_name import PackageName
from operations.policy.library.convert import carries_policy, policy_of
from profiles import json
from profiles.base_validation import validate_resource
from profiles.definition_types import is_definition
from profiles.json import JsonError, Resource
from profiles.outcome import FhirError, Issue, refuse
from profiles.package_archive import Limits, PackageError, PackageTooLargeError, files
from profiles.reference_rewriting import rewrite_references
from profiles.structure import resource_types, type_definition

GUIDE: Final = "ImplementationGuide"
MOST_RESOURCES: Final = 10_000
"""What one commit of either store carries within seconds."""

MOST_BYTES: Final = 96 * 2**20
"""Of the resources that are installed; they are held in memory."""

LIMITS: Final = Limits(file=16 * 2**20)
MOST_NAMED: Final = 50
_NO_MANIFEST: Final = "The archive has no package/package.json, so it is no FHIR package."
_ERRORS: Final = frozenset({"error", "fatal"})
_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")
_WORD: Final = re.compile(r"[A-Za-z]{1,64}\Z")
_R4_TYPES: Final = "http://hl7.org/fhir/StructureDefinition/"
_STAMP: Final = frozenset({"versionId", "lastUpdated"})


@dataclass(frozen=True, slots=True)
class Brought:
    """A resource as it is stored: `content` is its JSON, `id` the one that it is kept under, `digest` that of its content."""

    type: str
    id: str
    canonical: str
    content: bytes
    digest: str

    @property
    def reference(self) -> str:
        return f"{self.type}/{self.id}"


@dataclass(frozen=True, slots=True)
class Contents:
    """`left_out` are warnings. `guide` is the package's own ImplementationGuide, if it has one; nobody has looked at it."""

    manifest: Manifest
    sha256: str
    resources: tuple[Brought, ...]
    left_out: tuple[Issue, ...]
    guide: Resource | None

    @property
    def package(self) -> PackageName:
        return self.manifest.package


@dataclass(slots=True)
class _Found:
    """A resource as it stands in the package."""

    type: str
    id: str
    url: str
    version: str
    content: bytes

    @property
    def canonical(self) -> str:
        return f"{self.url}|{self.version}" if self.url else ""


def read_contents(data: bytes) -> Contents:
    """Takes seconds for a large package: call it in a thread. Raises FhirError (package-..., see docs/errors.md)."""
    with _as_refusals():
        return _Reader().read(data)


def package_of(data: bytes) -> PackageName:
    """What a package says that it is, without its resources being looked at. Raises FhirError."""
    with _as_refusals():
        for _, content in files(data, lambda path: path == PATH, LIMITS):
            return read_manifest(content).package
    raise refuse("package-invalid", _NO_MANIFEST)


def digest_of(resource: Resource) -> str:
    """Of everything but what the store writes anew, version and time."""
    meta = {name: value for name, value in resource.get("meta", {}).items() if name not in _STAMP}
    return hashlib.blake2b(json.dumps_sorted({**resource, "meta": meta}), digest_size=12).hexdigest()


@contextmanager
def _as_refusals() -> Iterator[None]:
    try:
        yield
    except PackageTooLargeError as error:
        raise refuse("package-too-large", str(error)) from error
    except PackageError as error:
        raise refuse("package-invalid", str(error)) from error


class _Reader:
    """Reads one package."""

    def __init__(self) -> None:
        self._found: list[_Found] = []
        self._guides: list[Resource] = []
        self._faulty: list[Issue] = []
        self._others: Counter[str] = Counter()
        self._size = 0

    def read(self, data: bytes) -> Contents:
        manifest: Manifest | None = None
        for path, content in files(data, _is_wanted, LIMITS):
            if path == PATH:
                manifest = read_manifest(content)
            else:
                self._take(content)
        if manifest is None:
            raise refuse("package-invalid", _NO_MANIFEST)
        if not self._found:
            raise refuse("package-invalid", "The package holds no conformance resource that could be installed.")
        self._refuse_twins()
        package = manifest.package
        mapping = {f"{one.type}/{one.id}": f"{one.type}/{_stored_id(package, one)}" for one in self._found}
        brought = tuple(_brought(package, one, mapping) for one in self._found)
        return Contents(manifest, hashlib.sha256(data).hexdigest(), brought, self._left_out(), self._guide(manifest))

    def _take(self, content: bytes) -> None:
        try:
            resource = json.loads(content)
        except JsonError as error:
            raise refuse(
                "package-invalid", "A file of the package is not JSON in UTF-8, or is nested too deeply."
            ) from error
        type_ = resource.get("resourceType") if isinstance(resource, dict) else None
        if not isinstance(type_, str):
            return
        if type_ not in resource_types() or not is_definition(type_):
            self._others[type_ if _WORD.match(type_) else "?"] += 1
            return
        fault = _fault(resource, content) if type_ != GUIDE else None
        if type_ == GUIDE:
            self._guides.append(resource)
        elif fault is not None:
            self._faulty.append(Issue("package-left-out", f"{_shown(resource)} is left out. {fault}", severity="warning"))
        else:
            self._keep(resource, content)

    def _keep(self, resource: Resource, content: bytes) -> None:
        self._size += len(content)
        if len(self._found) >= MOST_RESOURCES or self._size > MOST_BYTES:
            raise refuse(
                "package-too-large",
                f"The package holds more than {MOST_RESOURCES:,} conformance resources, or more than {MOST_BYTES >> 20} MB of them.",
            )
        version = str(resource.get("version", ""))
        self._found.append(_Found(resource["resourceType"], resource["id"], resource.get("url", ""), version, content))

    def _refuse_twins(self) -> None:
        """Two of one id, or of one canonical and version: nobody could say which of them is meant."""
        ids: set[tuple[str, str]] = set()
        canonicals: set[tuple[str, str]] = set()
        for one in self._found:
            if (one.type, one.id) in ids or (one.type, one.canonical) in canonicals:
                raise refuse(
                    "package-invalid", f"The package holds {one.type}/{one.id} twice, by its id or its canonical URL."
                )
            ids.add((one.type, one.id))
            if one.canonical:
                canonicals.add((one.type, one.canonical))

    def _left_out(self) -> tuple[Issue, ...]:
        issues = self._faulty[:MOST_NAMED]
        if len(self._faulty) > MOST_NAMED:
            text = f"{len(self._faulty) - MOST_NAMED} more resources that are not as R4 has them are left out."
            issues.append(Issue("package-left-out", text, severity="warning"))
        for type_, count in sorted(self._others.items())[:MOST_NAMED]:
            why = "is no definition" if type_ in resource_types() else "is no R4 type"
            text = f"{count} of type {type_} left out: that {why}."
            issues.append(Issue("package-left-out", text, severity="warning"))
        return tuple(issues)

    def _guide(self, manifest: Manifest) -> Resource | None:
        """The one that names the package; else the first."""
        named = [guide for guide in self._guides if guide.get("packageId") == manifest.package.name]
        return next(iter(named or self._guides), None)


def _is_wanted(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    return folder == "package" and name.endswith(".json") and not name.startswith(".")


def _fault(resource: Resource, content: bytes) -> str | None:
    """Why a resource cannot be stored, in a sentence; None when it can."""
    id_ = resource.get("id")
    if not isinstance(id_, str) or not _ID.match(id_):
        return "It has no id."
    issue = next((issue for issue in validate_resource(resource) if issue.severity in _ERRORS), None)
    if issue is not None:
        return f"{issue.text} ({issue.expression})" if issue.expression else issue.text
    if json.repeats_a_name(content, resource):
        return "An object in it has two members of the same name."
    url = resource.get("url", "")
    if resource["resourceType"] == "StructureDefinition" and _is_type_of_r4(url):
        return "It would redefine a type of R4."
    if resource["resourceType"] == "Library" and carries_policy(resource):
        try:
            policy_of(resource)
        except FhirError as error:
            return f"It does not carry a usable policy. {error.issues[0].text}"
    return None


def _is_type_of_r4(url: str) -> bool:
    name = url.removeprefix(_R4_TYPES)
    return name != url and (name in resource_types() or type_definition(name) is not None)


def _shown(resource: Resource) -> str:
    id_ = resource.get("id")
    return (
        f"{resource['resourceType']}/{id_}" if isinstance(id_, str) and _ID.match(id_) else f"A {resource['resourceType']}"
    )


def _stored_id(package: PackageName, one: _Found) -> str:
    return package.stored_id(one.type, one.id, one.canonical)


def _brought(package: PackageName, one: _Found, mapping: Mapping[str, str]) -> Brought:
    resource = rewrite_references(json.loads(one.content), mapping)
    meta = {name: value for name, value in resource.get("meta", {}).items() if name not in _STAMP}
    id_ = _stored_id(package, one)
    stored: Resource = {**resource, "id": id_, "meta": {**meta, "source": package.source}}
    return Brought(one.type, id_, one.canonical, json.dumps(stored), digest_of(stored))
