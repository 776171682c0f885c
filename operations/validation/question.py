"""What `$validate` is asked: the resources, the profiles and the mode, of a body, of Parameters and of the address.

FHIR R4 resource-operation-validate.html. A body that is no Parameters is the resource itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast

from operations.ports import OperationInput
from profiles.json import Json, Resource
from profiles.outcome import refuse
from profiles.reading import objects

Mode = Literal["create", "update", "delete", "profile"]
Form = Literal["one", "parameters", "batch"]

MODES: Final = ("create", "update", "delete", "profile")
MOST_PROFILES: Final = 20
MOST_RESOURCES: Final = 2000
_VALUES: Final = ("valueCode", "valueUri", "valueCanonical", "valueUrl", "valueString")


@dataclass(frozen=True, slots=True)
class Asked:
    """`form`: a resource alone (or none, at an instance), several as parameters, or the entries of a batch."""

    resources: Sequence[Json]
    form: Form
    mode: Mode | None
    profiles: Sequence[str]


def read_asked(given: OperationInput) -> Asked:
    """The question. Raises FhirError (400) for one that cannot be understood."""
    resources, texts, form = _read_body(given)
    for name in ("mode", "profile"):
        texts.setdefault(name, []).extend(given.query.get(name, ()))
    if given.query.get("resource"):
        raise refuse("parameter-value", "The resource is sent in the body, not in the address.", "http.resource")
    modes, profiles = texts["mode"], list(dict.fromkeys(texts["profile"]))
    if len(modes) > 1 or any(mode not in MODES for mode in modes):
        raise refuse("parameter-value", f"mode is one of: {', '.join(MODES)}.", "http.mode")
    if len(profiles) > MOST_PROFILES:
        raise refuse("parameter-value", f"At most {MOST_PROFILES} profiles can be asked for at once.", "http.profile")
    if not all(profiles):
        raise refuse(
            "parameter-value", "A profile is named by its canonical URL, with or without |version.", "http.profile"
        )
    if len(resources) > MOST_RESOURCES:
        raise refuse("parameter-value", f"At most {MOST_RESOURCES} resources can be validated at once.", "http.body")
    if modes == ["profile"] and not profiles:
        raise refuse("parameter-value", "mode profile needs the profile to be named.", "http.profile")
    return Asked(resources, form, cast("Mode", modes[0]) if modes else None, profiles)


def _read_body(given: OperationInput) -> tuple[list[Json], dict[str, list[str]], Form]:
    """The resources, the texts of `mode` and `profile`, and the form in which the resources came."""
    body = given.resource
    if body is None:
        return [], {}, "one"
    if body.get("resourceType") == "Parameters" and not _is_meant_itself(body, given.resource_type):
        resources, texts = _read_parameters(body)
        if len(resources) != 1:
            return resources, texts, "parameters" if resources else "one"
    else:
        resources, texts = [body], {}
    if given.resource_type is None and _is_batch(resources[0]):
        return [each.get("resource") for each in objects(resources[0].get("entry"))], texts, "batch"
    return resources, texts, "one"


def _is_meant_itself(body: Resource, resource_type: str | None) -> bool:
    """On the type Parameters, what carries none of our parameters is what is to be validated."""
    names = {each.get("name") for each in objects(body.get("parameter"))}
    return resource_type == "Parameters" and names.isdisjoint(("resource", "mode", "profile"))


def _is_batch(resource: Json) -> bool:
    """A batch sent to the whole system is many resources; to the type Bundle it is one."""
    return isinstance(resource, dict) and resource.get("resourceType") == "Bundle" and resource.get("type") == "batch"


def _read_parameters(body: Resource) -> tuple[list[Json], dict[str, list[str]]]:
    resources: list[Json] = []
    texts: dict[str, list[str]] = {}
    for at, name, part in _parts(body):
        if name == "resource":
            if not isinstance(part.get("resource"), dict):
                raise refuse("parameter-value", "The parameter resource holds the resource itself.", at)
            resources.append(part["resource"])
        elif name in ("mode", "profile"):
            texts.setdefault(name, []).append(_text(part, at))
        else:
            raise refuse("unknown-parameter", "$validate takes: mode, profile, resource.", at)
    return resources, texts


def _parts(body: Resource) -> Iterator[tuple[str, Json, Mapping[str, Json]]]:
    listed = body.get("parameter", [])
    if not isinstance(listed, list) or not all(isinstance(part, dict) for part in listed):
        raise refuse("structure", "Parameters.parameter is a list of objects.", "Parameters.parameter")
    for place, part in enumerate(listed):
        yield f"Parameters.parameter[{place}]", part.get("name"), part


def _text(part: Mapping[str, Json], at: str) -> str:
    values = [part[name] for name in _VALUES if name in part]
    if len(values) != 1 or not isinstance(values[0], str):
        raise refuse("parameter-value", "mode is a valueCode, and profile a valueCanonical or valueUri.", at)
    return values[0]
