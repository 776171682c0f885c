"""Invariants: a constraint's FHIRPath compiled for the type that it stands on, and told in our words when it is broken.

A constraint that cannot be compiled or evaluated is no fault of the resource: it is told as a warning, once a place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from profiles import fhirpath
from profiles.conformance.context import Context, Item
from profiles.conformance.nodes import Invariant
from profiles.conformance.plain_rules import holds
from profiles.fhirpath.model import is_fhir_type
from profiles.fhirpath.values import Node as PathNode
from profiles.outcome import Severity
from profiles.structure import resource_types

Check = Callable[[Item, Context], None]

BY_STRUCTURE: Final = frozenset({"ele-1", "ext-1", "dom-2", "dom-3", "ref-1", "txt-1", "txt-2"})
"""Said already by the structural check (profiles/validation), or by containment.py (dom-3)."""
_NEVER_EMPTY: Final = frozenset({"per-1"})
"""Where an empty result is broken as well: a start and an end that cannot be told apart in the precision that they have."""
_BEST_PRACTICE: Final = frozenset({"dom-6"})

_WORDS: Final[Mapping[str, str]] = {
    "per-1": "The period's start must lie before its end, as far as the two are told.",
    "qty-3": "A quantity with a code must name the system of the code.",
    "cpt-2": "A contact point with a value must say of which system it is.",
    "dom-3": "A contained resource must be referred to from the resource that contains it.",
    "dom-4": "A contained resource must not carry meta.versionId or meta.lastUpdated.",
    "dom-5": "A contained resource must not carry security labels.",
    "dom-6": "A resource should carry a narrative (best practice).",
    "pat-1": "A contact needs a name, a telecom, an address or an organization.",
    "obs-6": "dataAbsentReason may stand only where there is no value.",
    "obs-7": "A component that has the Observation's own code excludes a value of the Observation.",
    "bdl-1": "total may stand only in a search set or a history.",
    "bdl-2": "search may stand only in the entries of a search set.",
    "bdl-3": "Entries carry a request exactly in a batch, a transaction or a history.",
    "bdl-4": "Entries carry a response exactly in a batch response, a transaction response or a history.",
    "bdl-5": "An entry needs a resource, a request or a response.",
    "bdl-7": "A fullUrl may stand once, or once for each version.",
    "bdl-8": "A fullUrl names no version.",
    "bdl-9": "A document needs an identifier with system and value.",
    "bdl-10": "A document needs a timestamp.",
    "bdl-11": "The first entry of a document is a Composition.",
    "bdl-12": "The first entry of a message is a MessageHeader.",
    "att-1": "An attachment with data must tell its contentType.",
    "rng-2": "The low end of a range must not lie above its high end.",
    "con-3": "A condition that is no entry in error of a problem list should tell its clinical status.",
    "con-5": "A condition entered in error must not tell a clinical status.",
    "ait-1": "An allergy that was not entered in error must tell its clinical status.",
    "ait-2": "An allergy entered in error must not tell a clinical status.",
    "tim-1": "A timing with a duration must tell the duration's unit.",
    "tim-2": "A timing with a period must tell the period's unit.",
}


def invariant_check(invariant: Invariant, type_name: str, steps: int) -> Check | None:
    """The check of a constraint on elements of a type; None for one that is checked elsewhere."""
    if invariant.key in BY_STRUCTURE:
        return None
    try:
        compiled = _compiled(invariant.expression, type_name, steps)
    except fhirpath.FhirPathError:
        return _cannot(invariant)
    surely = holds(invariant.expression, type_name)
    whole = type_name in resource_types()

    def check(item: Item, context: Context) -> None:
        if surely is not None and item.extra is None and surely(item.value, item.value if whole else context.resource):
            return
        value = item.value if item.extra is None else PathNode(type_name, item.value, item.extra)
        try:
            held = compiled.test(
                value,
                resource=context.resource,
                root=context.root,
                services=context.fhirpath_services(),
                spent=context.spend,
            )
        except fhirpath.FhirPathError as error:
            if error.code != "fhirpath-unsupported":
                context.add("invariant-unchecked", _unchecked(invariant), item.path, "warning", rule=invariant.key)
            return
        if held is False or (held is None and invariant.key in _NEVER_EMPTY):
            _broken(invariant, item, context)

    return check


@lru_cache(maxsize=8192)
def _compiled(text: str, type_name: str, steps: int) -> fhirpath.Expression:
    return fhirpath.compile_expression(
        text,
        type=type_name if is_fhir_type(type_name) else None,
        as_filters=True,
        limits=fhirpath.Limits(steps=steps),
    )


def _broken(invariant: Invariant, item: Item, context: Context) -> None:
    severity: Severity = "warning" if invariant.severity == "warning" else "error"
    if invariant.key in _BEST_PRACTICE:
        wished = context.run.options.best_practice
        if wished is None:
            return
        severity = wished
    text = _WORDS.get(invariant.key) or f"The element breaks the rule {invariant.key} of its definition."
    if invariant.human and invariant.key not in _WORDS:
        text = f"{text[:-1]}: {invariant.human}"
    context.add("invariant", text, item.path, severity, rule=invariant.key)


def _cannot(invariant: Invariant) -> Check:
    def check(item: Item, context: Context) -> None:
        context.add("invariant-unchecked", _unchecked(invariant), item.path, "warning", rule=invariant.key)

    return check


def _unchecked(invariant: Invariant) -> str:
    return f"The rule {invariant.key} of the definition could not be evaluated here."
