"""Members that hold objects, and the rules that R4 puts on some data types beyond their elements.

Extension: a value or extensions, never both (ext-1). Reference: a form that exists, and a type that may stand there (R4
2.3.0). CodeableConcept with a required binding: at least one Coding from the value set (R4 4.1.5).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from profiles.json import Json, Resource
from profiles.references import parse_reference
from profiles.structure import resource_types
from profiles.validation.primitive_members import Member, ObjectCheck, is_full_list
from profiles.validation.run import Path, Run

is_id: Final = re.compile(r"[A-Za-z0-9.-]{1,64}").fullmatch


def single(name: str, check: ObjectCheck) -> Member:
    def member(value: Json, holder: Resource, path: Path, run: Run, depth: int) -> None:
        where = (path, name, -1)
        if type(value) is dict:
            check(value, where, run, depth + 1)
        elif type(value) is list:
            run.add("cardinality", "The element may not repeat, so it is no list.", where)
        else:
            run.add("structure", "The element must be a JSON object.", where)

    return member


def repeated(name: str, check: ObjectCheck) -> Member:
    def member(value: Json, holder: Resource, path: Path, run: Run, depth: int) -> None:
        if not is_full_list(value, name, path, run):
            return
        for index, item in enumerate(value):
            where = (path, name, index)
            if type(item) is dict:
                check(item, where, run, depth + 1)
            else:
                run.add("structure", "The element must be a JSON object.", where)

    return member


def extension_rule(value: Resource, path: Path, run: Run) -> None:
    """ext-1: exactly one of extensions and value."""
    has_value = False
    for key in value:
        if key.startswith(("value", "_value")):
            has_value = True
            break
    if has_value == ("extension" in value):
        run.add("structure", "An extension has either a value or extensions of its own, and not both.", path)


def reference_check(check: ObjectCheck, targets: frozenset[str]) -> ObjectCheck:
    """`check` is that of the type Reference; `targets` are the types allowed here (none, or Resource: all)."""
    allowed = frozenset() if "Resource" in targets else targets

    def whole(value: Resource, path: Path, run: Run, depth: int) -> None:
        check(value, path, run, depth)
        text = value.get("reference")
        named = value.get("type")
        if type(text) is str:
            head, _, tail = text.partition("/")
            if named is None and head in allowed and is_id(tail):
                return  # the common case, settled without taking the reference apart
            check_literal(text, named, allowed, path, run)
        elif type(named) is str and allowed and named in resource_types() and named not in allowed:
            run.add("reference-target", _wrong_target(allowed), (path, "type", -1))

    return whole


def check_literal(text: str, named: Json, allowed: frozenset[str], path: Path, run: Run) -> None:
    where: Path = (path, "reference", -1)
    reference = parse_reference(text)
    if reference is None or (reference.kind == "canonical" and reference.version is not None):
        form = "Type/id, an absolute URL, urn:uuid:, urn:oid:, #id, or in a transaction Type?search"
        run.add("reference-format", f"The reference has none of the forms {form}.", where)
        return
    if reference.kind == "fragment" and reference.fragment is not None:
        run.fragments.append((reference.fragment, where))
    if reference.type is None:
        return
    if allowed and reference.type not in allowed:
        run.add("reference-target", _wrong_target(allowed), where)
    elif type(named) is str and named in resource_types() and named != reference.type:
        run.add("reference-target", "The reference's type is another than the one in its address.", (path, "type", -1))


def _wrong_target(allowed: frozenset[str]) -> str:
    return f"The reference may only point at {', '.join(sorted(allowed))}."


def concept_check(check: ObjectCheck, codes: Mapping[str, frozenset[str]]) -> ObjectCheck:
    """`check` is that of the type CodeableConcept; `codes` the required value set by code system."""

    def whole(value: Resource, path: Path, run: Run, depth: int) -> None:
        check(value, path, run, depth)
        codings = value.get("coding")
        if codings is None and "extension" in value:
            return  # a reason why the data is absent may stand for the code
        if not isinstance(codings, list) or not any(is_member(c, codes) for c in codings):
            systems = ", ".join(sorted(codes))
            run.add("code-invalid", f"One coding must be from the required value set (code system {systems}).", path)

    return whole


def is_member(coding: Json, codes: Mapping[str, frozenset[str]]) -> bool:
    if not isinstance(coding, dict):
        return False
    system, code = coding.get("system"), coding.get("code")
    return isinstance(system, str) and isinstance(code, str) and code in codes.get(system, frozenset())
