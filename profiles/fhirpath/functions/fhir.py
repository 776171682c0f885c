"""FHIR's own functions: extension, resolve, memberOf, subsumes, conformsTo, htmlChecks (FHIR R4, page "FHIRPath").

elementDefinition(), slice() and checkModifiers() need the profile that an element is validated by, which an expression
alone does not carry: they end with fhirpath-unsupported.
"""

from __future__ import annotations

from typing import Any, Final

from profiles.fhirpath.compiled import EMPTY, Code, Items, Static, boolean_code, boxed, boxed_types, raw_type
from profiles.fhirpath.environment import Run
from profiles.fhirpath.errors import EVALUATION, UNSUPPORTED, FhirPathError
from profiles.fhirpath.functions.base import Compiler, Function, scalar_argument, text_argument
from profiles.fhirpath.navigation import resource_node
from profiles.fhirpath.paths import member
from profiles.fhirpath.scope import Scope
from profiles.fhirpath.syntax import Call
from profiles.fhirpath.values import Node, system_value
from profiles.json import Json, Resource
from profiles.primitives import primitive_check
from profiles.structure import resource_types


def _extension(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    """`extension(url)`: the extensions of that url, of objects and of primitives."""
    url = scalar_argument(compiler, call, 0, scope)
    found = member(source, "extension")
    if found is None:
        return Code(run=lambda state, focus: EMPTY, static=raw_type("Extension"))
    run_extensions, raw, position = found.run, found.static.raw is not None, call.position

    def run(state: Run, focus: Any) -> Items:
        items = run_extensions(state, focus)
        if not items:
            return EMPTY
        wanted = url(state, focus)
        if wanted is None:
            return EMPTY
        text = text_argument(wanted, "extension", position)
        state.spend(len(items))
        if raw:
            return [item for item in items if item.get("url") == text]
        return [item for item in items if type(item) is Node and type(item.value) is dict and item.value.get("url") == text]

    return Code(run=run, static=found.static.many())


# -- references ----------------------------------------------------------------------------------------------------------


def _resolve(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    """The resources that References, canonicals and URIs point at; what is not found is left out."""
    run_source, position = boxed(source), call.position

    def run(state: Run, focus: Any) -> Items:
        items = run_source(state, focus)
        state.spend(len(items))
        return [found for found in (_target(state, item, position) for item in items) if found is not None]

    return Code(run=run, static=boxed_types(None, single=source.static.single))


def _target(state: Run, item: Any, position: int) -> Node | None:
    if type(item) is Node and type(item.value) is dict:
        reference: Json = item.value.get("reference")
    else:
        reference = system_value(item)
    if type(reference) is not str:
        return None
    if reference.startswith("#"):
        return _contained(state, reference[1:])
    if state.services.resolver is None:
        raise FhirPathError(UNSUPPORTED, "resolve() needs a resolver of references, and none was given.", position)
    found = state.services.resolver.resolve(reference, state.root)
    return None if found is None else resource_node(found)


def _contained(state: Run, id_: str) -> Node | None:
    """`#id` in the resource or in the one around it; `#` alone is the one around."""
    if not id_:
        return None if state.root is None else resource_node(state.root)
    for holder in (state.resource, state.root):
        contained = holder.get("contained") if type(holder) is dict else None
        for resource in contained if type(contained) is list else ():
            if type(resource) is dict and resource.get("id") == id_:
                return resource_node(resource)
    return None


# -- codes ---------------------------------------------------------------------------------------------------------------

_Code = tuple[str | None, str, str | None]
"""(system, code, version)."""


def _codes(item: Any) -> list[_Code] | None:
    """The codes of a code, Coding or CodeableConcept; None for anything else."""
    if type(item) is not Node:
        return [(None, item, None)] if type(item) is str else None
    if item.type == "CodeableConcept":
        codings = item.value.get("coding")
        return [code for each in codings if type(each) is dict for code in _coding(each)] if type(codings) is list else []
    if item.type in {"Coding", "Quantity"}:
        return _coding(item.value)
    value = system_value(item)
    return [(None, value, None)] if type(value) is str else None


def _coding(value: Resource) -> list[_Code]:
    system, code, version = value.get("system"), value.get("code"), value.get("version")
    if type(code) is not str:
        return []
    return [(system if type(system) is str else None, code, version if type(version) is str else None)]


def _member_of(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    """True if a code is in the value set; empty if the value set, or a system that decides it, is not known."""
    run_source, value_set, position = boxed(source), scalar_argument(compiler, call, 0, scope), call.position

    def evaluate(state: Run, focus: Any) -> bool | None:
        items = run_source(state, focus)
        wanted = value_set(state, focus)
        if not items or wanted is None:
            return None
        codes = _codes(items[0]) if len(items) == 1 else None
        if codes is None:
            raise FhirPathError(EVALUATION, "memberOf() is for one code, Coding or CodeableConcept.", position)
        terminology = state.services.terminology
        if terminology is None:
            raise FhirPathError(UNSUPPORTED, "memberOf() needs a terminology service, and none was given.", position)
        url = text_argument(wanted, "memberOf", position)
        verdicts = [terminology.member_of(url, system, code, version) for system, code, version in codes]
        return True if True in verdicts else None if None in verdicts else False

    return boolean_code(evaluate)


def _subsumption(*, downwards: bool) -> Function:
    """subsumes (downwards: the input is above the argument) and subsumedBy."""

    def build(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
        other = compiler.compile(call.arguments[0], scope)
        run_source, run_other, name, position = boxed(source), boxed(other), call.name, call.position

        def evaluate(state: Run, focus: Any) -> bool | None:
            mine, others = run_source(state, focus), run_other(state, focus)
            if not mine or not others:
                return None
            first, second = _codes(mine[0]), _codes(others[0])
            if len(mine) > 1 or len(others) > 1 or first is None or second is None:
                raise FhirPathError(EVALUATION, f"{name}() is for one code and another.", position)
            terminology = state.services.terminology
            if terminology is None:
                raise FhirPathError(UNSUPPORTED, f"{name}() needs a terminology service, and none was given.", position)
            above, below = (first, second) if downwards else (second, first)
            verdicts = [
                terminology.subsumes(system, code, inner)
                for system, code, _ in above
                for same, inner, _ in below
                if system is not None and system == same
            ]
            return True if True in verdicts else None if None in verdicts or not verdicts else False

        return boolean_code(evaluate)

    return Function(build, 1, 1)


# -- profiles and narratives ---------------------------------------------------------------------------------------------

_BASE: Final = "http://hl7.org/fhir/StructureDefinition/"


def _conforms_to(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    """Whether an element conforms to a profile. R4's own types are answered here, anything else by the profile service."""
    run_source, profile, position = boxed(source), scalar_argument(compiler, call, 0, scope), call.position

    def evaluate(state: Run, focus: Any) -> bool | None:
        items, wanted = run_source(state, focus), profile(state, focus)
        if not items or wanted is None:
            return None
        item = items[0]
        if len(items) > 1 or type(item) is not Node or type(item.value) is not dict:
            raise FhirPathError(EVALUATION, "conformsTo() is for one object.", position)
        url = text_argument(wanted, "conformsTo", position)
        if state.services.profiles is not None:
            verdict = state.services.profiles.conforms_to(item.value, item.type, url)
            if verdict is not None:
                return verdict
        elif url.removeprefix(_BASE) not in resource_types():
            raise FhirPathError(UNSUPPORTED, "conformsTo() needs a validator of profiles, and none was given.", position)
        type_name = url.removeprefix(_BASE)
        if type_name in resource_types():
            return item.type == type_name
        raise FhirPathError(EVALUATION, "conformsTo() names a profile that is not known.", position)

    return boolean_code(evaluate)


def _html_checks(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    """Whether a narrative's div is well-formed XHTML with formatting only."""
    run_source = boxed(source)
    check = primitive_check("xhtml")

    def evaluate(state: Run, focus: Any) -> bool | None:
        items = run_source(state, focus)
        if len(items) != 1:
            return None
        value = system_value(items[0])
        return type(value) is str and check(value)

    return boolean_code(evaluate)


def _unsupported(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
    name, position = call.name, call.position

    def run(state: Run, focus: Any) -> Items:
        raise FhirPathError(
            UNSUPPORTED, f"{name}() needs the profile that is being validated, which is not at hand.", position
        )

    return Code(run=run, static=Static())


FUNCTIONS: Final = {
    "extension": Function(_extension, 1, 1),
    "resolve": Function(_resolve),
    "memberOf": Function(_member_of, 1, 1),
    "subsumes": _subsumption(downwards=True),
    "subsumedBy": _subsumption(downwards=False),
    "conformsTo": Function(_conforms_to, 1, 1),
    "htmlChecks": Function(_html_checks),
    "elementDefinition": Function(_unsupported),
    "slice": Function(_unsupported, 2, 2),
    "checkModifiers": Function(_unsupported, 0, None),
}
