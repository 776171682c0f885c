"""Requests made of the registries of addresses, operations and headers, with marks wherever a caller can put something.

Whatever is added to a registry is asked by that: a route, an operation and its parameters, an address of the authorization server, of SCIM.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from marked import PASSWORD, PHI, SECRET, WORD
from minimal_resources import minimal

from operations.definition import Parameter
from operations.ports import Operation
from profiles.structure import resource_types
from server.oauth.routes import OAUTH_ROUTES
from server.rest.routes import ROUTES
from server.scim.patch import MESSAGE
from server.scim.routes import SCIM_ROUTES
from server.scim.schema import CORE

NAME: Final = f"{PHI}-Müllér"
ID: Final = f"id-{PHI}"
FHIR: Final = "application/fhir+json"
TYPES: Final = ("Patient", "AuditEvent", WORD)

PATIENT: Final[dict[str, Any]] = {
    "resourceType": "Patient",
    "id": ID,
    "name": [{"family": NAME, "given": [PHI]}],
    "telecom": [{"system": "phone", "value": f"+1-{PHI}"}],
    "identifier": [{"system": f"urn:{PHI}", "value": f"ssn-{PHI}"}],
}

BODIES: Final[tuple[tuple[str, bytes], ...]] = (
    (FHIR, json.dumps(PATIENT).encode()),
    (FHIR, json.dumps({**PATIENT, "gender": PHI, "birthDate": NAME, WORD: PHI}).encode()),
    (FHIR, b'{"resourceType": "Patient", "name": "' + PHI.encode()),
    (FHIR, json.dumps({"resourceType": "Bundle", "type": PHI, "entry": [{"resource": PATIENT}]}).encode()),
    (
        FHIR,
        json.dumps(
            {
                "resourceType": "Bundle",
                "type": "batch",
                "entry": [{"resource": PATIENT, "request": {"method": PHI, "url": NAME}}],
            }
        ).encode(),
    ),
    (
        FHIR,
        json.dumps({"resourceType": "Parameters", "parameter": [{"name": PHI, "valueString": SECRET}]}).encode(),
    ),
    ("application/fhir+xml", f'<Patient xmlns="http://hl7.org/fhir"><name value="{NAME}"/></Patient>'.encode()),
    ("application/json-patch+json", json.dumps([{"op": "add", "path": f"/{PHI}", "value": NAME}]).encode()),
    ("application/x-www-form-urlencoded", f"name={quote(NAME)}&{WORD}={PHI}".encode()),
    (f"text/{PHI}", NAME.encode()),
)

QUERIES: Final = (
    "",
    f"name={quote(NAME)}&_count={PHI}",
    f"{WORD}={PHI}",
    f"_sort={WORD}&_include={WORD}",
    f"_include={quote(NAME)}",
    f"access_token={SECRET}",
)

_NAMES: Final = (
    "client_id redirect_uri scope state aud code_challenge code_challenge_method nonce prompt login_hint launch response_type "
    "grant_type code code_verifier refresh_token client_secret client_assertion client_assertion_type token token_type_hint "
    "name password current again flow form do patient link account userName filter iss error error_description"
)
FIELDS: Final = _NAMES.split()
"""Parameters of OAuth and of our pages; those of later pages are read from the pages themselves."""


@dataclass(frozen=True)
class Ask:
    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def fhir_asks(operations: Mapping[tuple[str, str, str], Operation]) -> Iterator[Ask]:
    """Below a FHIR base: every route with every body or query, every operation with what it takes."""
    for route in ROUTES:
        if "{operation}" in route.template:
            continue
        for type_ in TYPES if "{type}" in route.template else ("",):
            path = route.template.format(type=type_, id=ID, version=PHI, member=WORD)
            for query in QUERIES if route.method in {"GET", "DELETE"} else QUERIES[:1]:
                yield Ask(route.method, f"{path}?{query}")
            for kind, body in BODIES if route.method not in {"GET", "DELETE"} else ():
                yield Ask(route.method, path, body, {"Content-Type": kind})
    for (level, type_, code), operation in operations.items():
        if type_ not in {"", "Patient", *operation.definition.on}:
            continue
        path = "/".join(part for part in (type_, ID if level == "instance" else "", f"${code}") if part)
        for right in (True, False):
            parameter = [each for taken in operation.definition.takes for each in _given(taken, right)]
            body = json.dumps({"resourceType": "Parameters", "parameter": parameter}).encode()
            yield Ask("POST", path, body, {"Content-Type": FHIR})
        yield Ask("POST", path, *_body(BODIES[1]))
        yield Ask("GET", f"{path}?" + "&".join(f"{each.name}={quote(NAME)}" for each in operation.definition.takes))
        yield Ask("GET", f"{path}?{WORD}={PHI}")


def _body(kind_and_body: tuple[str, bytes]) -> tuple[bytes, Mapping[str, str]]:
    return kind_and_body[1], {"Content-Type": kind_and_body[0]}


_VALUES: Final[dict[str, Any]] = {
    "boolean": True,
    "integer": 1,
    "positiveInt": 1,
    "unsignedInt": 1,
    "date": "2026-01-01",
    "dateTime": "2026-01-01",
    "instant": "2026-01-01T00:00:00Z",
    "id": ID,
    "code": PHI,
    "uri": f"urn:{PHI}",
    "url": f"https://{PHI}.example/{PHI}",
    "canonical": f"urn:{PHI}",
    "base64Binary": "UXp4Nw==",
    "Reference": {"reference": f"Patient/{ID}", "display": NAME},
    "Identifier": PATIENT["identifier"][0],
    "Coding": {"system": f"urn:{PHI}", "code": PHI, "display": NAME},
    "CodeableConcept": {"coding": [{"system": f"urn:{PHI}", "code": PHI}], "text": NAME},
    "Period": {"start": "2026-01-01"},
    "Meta": {"tag": [{"system": f"urn:{PHI}", "code": PHI}]},
}


def _given(parameter: Parameter, right: bool) -> Iterator[dict[str, Any]]:
    """The parameter with a marked value: of its type, or of none that it takes."""
    if not right:
        yield {"name": parameter.name, "valueString": NAME, "id": PHI}
    elif parameter.parts:
        yield {"name": parameter.name, "part": [each for part in parameter.parts for each in _given(part, right)]}
    elif parameter.is_resource:
        type_ = parameter.type if parameter.type in resource_types() else "Patient"
        yield {"name": parameter.name, "resource": PATIENT if type_ == "Patient" else minimal(type_, id=ID)}
    else:
        type_ = parameter.type if parameter.type in _VALUES else "string"
        yield {"name": parameter.name, f"value{type_[0].upper()}{type_[1:]}": _VALUES.get(type_, NAME)}


def header_asks(names: Iterable[str]) -> Iterator[Ask]:
    """Each header with a mark in it, at an address that reads it and at one that does not."""
    also = (
        "Cookie",
        "Referer",
        "User-Agent",
        "Origin",
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "Last-Event-ID",
        "Range",
    )
    for name in (*names, *also):
        for value in (
            f"{PHI} {SECRET}",
            f'{{"{PHI}": "{SECRET}"}}',
            f"Basic {SECRET}",
            f"Bearer eyJhbGciOiJub25lIn0.{SECRET}.{SECRET}",
        ):
            yield Ask("GET", "Patient/p01", None, {name: value})
            yield Ask("POST", "Patient", json.dumps(PATIENT).encode(), {"Content-Type": FHIR, name: value})


def oauth_asks() -> Iterator[Ask]:
    """Below a tenant's root: every address of the authorization server, by its query and by a form, all marked."""
    whole = "&".join(f"{name}={SECRET}" for name in FIELDS)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for route in OAUTH_ROUTES:
        path = route.path.lstrip("/").replace("*", SECRET)
        if route.method == "GET":
            yield Ask("GET", f"{path}?{whole}")
            yield from (Ask("GET", f"{path}?{name}={SECRET}") for name in ("flow", "link", "account", "name", "code"))
            continue
        yield Ask("POST", path, whole.encode(), form)
        yield from (Ask("POST", path, f"{kind}&{whole_but(kind)}".encode(), form) for kind in _GRANTS)
        yield Ask("POST", path, json.dumps(dict.fromkeys(FIELDS, SECRET)).encode(), {"Content-Type": "application/json"})
        yield Ask("POST", path, f'{{"{SECRET}'.encode(), {"Content-Type": "application/json"})
        yield Ask("POST", path, b"", {"Authorization": f"Basic {SECRET}"})


_GRANTS: Final = ("grant_type=authorization_code", "grant_type=refresh_token", "grant_type=client_credentials")


def whole_but(given: str) -> str:
    name = given.partition("=")[0]
    return "&".join(f"{each}={SECRET}" for each in FIELDS if each != name)


def scim_asks() -> Iterator[Ask]:
    """Below a tenant's SCIM root."""
    kind = {"Content-Type": "application/scim+json"}
    user = {"schemas": [PHI], "userName": NAME, "password": PASSWORD, "roles": [{"value": PHI}], "emails": [{"value": PHI}]}
    right = {
        "schemas": [CORE],
        "userName": f"{PHI}-ann",
        "displayName": NAME,
        "password": PASSWORD,
        "roles": [{"value": "staff"}],
    }
    bodies = (user, right, {**right, "userName": NAME}, [PHI])
    patch = {
        "schemas": [MESSAGE],
        "Operations": [{"op": "replace", "path": "password", "value": SECRET}, {"op": PHI, "path": PHI, "value": NAME}],
    }
    for route in SCIM_ROUTES:
        path = "scim/v2" + route.path.format(id=ID)
        yield Ask(route.method, f'{path}?filter=userName eq "{NAME}"&sortBy={PHI}&attributes={PHI}')
        yield Ask(route.method, f"{path}?filter={PHI}")
        if route.method in {"POST", "PUT", "PATCH"}:
            yield from (Ask(route.method, path, json.dumps(body).encode(), kind) for body in (*bodies, patch))
            yield Ask(route.method, path, b'{"password": "' + SECRET.encode(), kind)


def plain_asks() -> Iterator[Ask]:
    """Outside all of it: links, what is no address, what says something of the server to everybody."""
    links = (f"documents/{SECRET}", PHI, f"t/{PHI}/fhir/Patient/{ID}", f"{PHI}/{SECRET}")
    for path in (*links, "", "metrics", "health", "ready", "subscriptions", "fhir/metadata", "fhir/openapi.json"):
        for method in ("GET", "POST", "PUT"):
            yield Ask(method, f"{path}?{PHI}={SECRET}")
