"""Small packages, good and bad, made on the spot."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterable
from typing import Any

ACME = "https://acme.example/fhir"
NAME = "acme.policies"
Member = tuple[tarfile.TarInfo, bytes]


def manifest(name: str = NAME, version: str = "1.0.0", **more: Any) -> dict[str, Any]:
    return {"name": name, "version": version, "fhirVersions": ["4.0.1"], "type": "IG", **more}


def member(path: str, content: bytes = b"", **fields: Any) -> Member:
    info = tarfile.TarInfo(path)
    info.size = len(content)
    for name, value in fields.items():
        setattr(info, name, value)
    return info, content


def archive(members: Iterable[Member], form: int = tarfile.PAX_FORMAT) -> bytes:
    """A .tgz; the same members give the same bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), mtime=0)


def package(*resources: dict[str, Any], files: Iterable[Member] = (), **told: Any) -> bytes:
    """A package with these resources; `told` is what package.json says otherwise."""
    members = [member("package/package.json", json.dumps(manifest(**told)).encode())]
    for resource in resources:
        path = f"package/{resource['resourceType']}-{resource.get('id', 'x')}.json"
        members.append(member(path, json.dumps(resource).encode()))
    return archive([*members, *files])


def code_system(version: str = "1.0.0", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "CodeSystem", "id": "fruit", "url": f"{ACME}/CodeSystem/fruit", "version": version, "name": "Fruit",
        "status": "active", "content": "complete", "caseSensitive": True,
        "concept": [{"code": "lime", "display": f"Lime {version}"}], **more,
    }  # fmt: skip


def value_set(version: str = "1.0.0", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "ValueSet", "id": "fruit", "url": f"{ACME}/ValueSet/fruit", "version": version, "name": "FruitSet",
        "status": "active", "compose": {"include": [{"system": f"{ACME}/CodeSystem/fruit"}]}, **more,
    }  # fmt: skip


def profile(version: str = "1.0.0", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "StructureDefinition", "id": "acme-patient", "url": f"{ACME}/StructureDefinition/acme-patient",
        "version": version, "name": "AcmePatient", "status": "active", "kind": "resource", "abstract": False, "type": "Patient",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient", "derivation": "constraint",
        "differential": {"element": [{"id": "Patient.birthDate", "path": "Patient.birthDate", "min": 1}]}, **more,
    }  # fmt: skip


def questionnaire(version: str = "1.0.0", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Questionnaire", "id": "ask", "url": f"{ACME}/Questionnaire/ask", "version": version, "status": "active",
        "item": [{"linkId": "1", "type": "string", "text": "Why?"}], **more,
    }  # fmt: skip


def search_parameter(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "SearchParameter", "id": "shoe-size", "url": f"{ACME}/SearchParameter/shoe-size", "name": "ShoeSize",
        "status": "active", "description": "By the size of the shoes.", "code": "shoe-size", "base": ["Patient"], "type": "number",
        "expression": "Patient.extension('urn:shoe').value", **more,
    }  # fmt: skip


def guide(version: str = "1.0.0", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "ImplementationGuide", "id": NAME, "url": f"{ACME}/ImplementationGuide/{NAME}", "version": version,
        "name": "AcmeGuide", "title": "Acme's guide", "status": "active", "packageId": NAME, "fhirVersion": ["4.0.1"],
        "definition": {"resource": [{"reference": {"reference": "Patient/example"}}]}, **more,
    }  # fmt: skip


def patient_example() -> Member:
    return member("package/example/Patient-example.json", b'{"resourceType": "Patient", "id": "example"}')


def usual(version: str = "1.0.0", **told: Any) -> bytes:
    """One of most kinds, and an example."""
    resources = (
        code_system(version), value_set(version), profile(version), questionnaire(version), search_parameter(), guide(version),
    )  # fmt: skip
    return package(*resources, files=[patient_example()], version=version, **told)
