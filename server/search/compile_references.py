"""Criteria on references and URIs (R4 search 3.1.1.4.9, 3.1.1.4.12): what a value may be stored as, with `:identifier`, `:[type]`,
`:below` of canonical ones (3.1.1.4.13), and for URIs `:above` and `:below`, which go by the parts of the path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from profiles.outcome import refuse
from profiles.references import parse_reference
from profiles.search_parameters import Value
from server.seal.blind_index import BlindIndex
from server.search.hierarchies import VERSION
from server.search.leaf import Fits, Leaf, terms_of
from server.search.overlap import asked_codes
from server.search.terms import local_reference, reference_terms
from server.search.tree import Criterion
from server.search.values import split_escaped, unescape
from server.store.algebra import AnyOf

_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")
_MOST_PARTS: Final = 50
"""Parts of a path that `:above` looks up."""


def reference_leaf(type_: str, criterion: Criterion, index: BlindIndex, base_url: str) -> Leaf:
    """Raises FhirError (400) for values of the wrong form."""
    if criterion.modifier == VERSION:
        return _versions_leaf(type_, criterion, index)
    addresses = [address for value in criterion.values for address in _addresses(criterion, value, base_url)]
    wanted = {text for text, _ in addresses}

    def fits(values: Sequence[Value]) -> bool:
        return any(not wanted.isdisjoint(reference_terms(value, base_url)) for value in values)

    if criterion.modifier == "ne":
        return Leaf((), False, _some_other(lambda value: fits((value,))))
    code = criterion.code
    terms = {index.term(type_, name, text) for text, target in addresses for name in asked_codes(type_, code, target)}
    return Leaf((AnyOf(tuple(sorted(terms))),), True, fits, frozenset({code}))


def _some_other(is_wanted: Callable[[Value], bool]) -> Fits:
    return lambda values: any(not is_wanted(value) for value in values)


def _addresses(criterion: Criterion, value: str, base_url: str) -> list[tuple[str, str | None]]:
    """What a value may be stored as, each with the type that its address tells."""
    if criterion.modifier == "identifier":
        parts = [unescape(part) for part in split_escaped(value, "|")]
        if len(parts) > 2 or not parts[-1]:
            form = "the identifier of what is referred to: value or system|value"
            raise refuse("parameter-value", f"{criterion.code}:identifier is {form}.", f"http.{criterion.code}")
        return [(f"i|{parts[0]}" if len(parts) == 1 else f"i{'|'.join(parts)}", None)]
    value = unescape(value)
    if "/" in value or ":" in value or "|" in value:
        text = local_reference(value, base_url)
        parsed = parse_reference(text)
        return [(f"r{text}", parsed.type if parsed is not None and parsed.kind == "relative" else None)]
    if not _ID.match(value):
        raise refuse("parameter-value", f"{criterion.code} is Type/id, an id or a URL.", f"http.{criterion.code}")
    is_type = criterion.modifier is not None and criterion.modifier in criterion.targets
    targets = [criterion.modifier] if is_type else sorted(criterion.targets)
    return [(f"r{target}/{value}", target) for target in targets] if targets else [(f"r{value}", None)]


def _versions_leaf(type_: str, criterion: Criterion, index: BlindIndex) -> Leaf:
    """A canonical URL in all its versions, or in those that begin as the one given: 1 is 1.0 and 1-draft, not 10."""
    asked = [unescape(value).partition("|")[::2] for value in criterion.values]
    if not all("/" in url or ":" in url for url, _ in asked):
        text = f"{criterion.code}:below takes a canonical URL, with or without |version."
        raise refuse("parameter-value", text, f"http.{criterion.code}")

    def is_one(text: str) -> bool:
        url, _, version = text.partition("|")
        return any(
            url == of and (not begin or version == begin or version.startswith((f"{begin}.", f"{begin}-")))
            for of, begin in asked
        )

    def fits(values: Sequence[Value]) -> bool:
        return any(is_one(value.value) for value in values if isinstance(value.value, str))

    code = criterion.code
    clause = terms_of(index, type_, asked_codes(type_, code), [f"r{url}" for url, _ in asked])
    return Leaf((clause,), not any(version for _, version in asked), fits, frozenset({code}))


def uri_leaf(type_: str, criterion: Criterion, index: BlindIndex) -> Leaf:
    """Raises FhirError (400) for `:above` and `:below` of what has no path."""
    values = [unescape(value) for value in criterion.values]
    if criterion.modifier in {"above", "below"} and any(value.startswith("urn:") or "/" not in value for value in values):
        text = f"{criterion.code}:{criterion.modifier} takes URLs, such as http://example.org/fhir; a URN has no path."
        raise refuse("parameter-value", text, f"http.{criterion.code}")
    if criterion.modifier == "above" and any(value.count("/") > _MOST_PARTS for value in values):
        text = f"{criterion.code}:above takes URLs of at most {_MOST_PARTS} parts."
        raise refuse("search-too-costly", text, f"http.{criterion.code}")
    if criterion.modifier == "below":
        return Leaf((), False, _below(values))
    wanted = {part for value in values for part in _above(value)} if criterion.modifier == "above" else set(values)

    def fits(found: Sequence[Value]) -> bool:
        return any(value.value in wanted for value in found if isinstance(value.value, str))

    if criterion.modifier == "ne":
        return Leaf((), False, _some_other(lambda value: value.value in wanted))
    look = _LOOKS.get(criterion.modifier or "")
    if look is not None:
        return Leaf((), False, _looking(look, values))
    code = criterion.code
    clause = terms_of(index, type_, asked_codes(type_, code), [f"u{text}" for text in wanted])
    return Leaf((clause,), True, fits, frozenset({code}))


_LOOKS: Final[dict[str, Callable[[str, str], bool]]] = {
    "co": lambda text, query: query in text,
    "sw": lambda text, query: text.startswith(query),
    "ew": lambda text, query: text.endswith(query),
}
"""Operators of `_filter` that the index cannot tell."""


def _looking(look: Callable[[str, str], bool], values: Iterable[str]) -> Fits:
    queries = tuple(values)
    return lambda found: any(
        look(value.value, query) for value in found if isinstance(value.value, str) for query in queries
    )


def _below(values: Sequence[str]) -> Fits:
    starts = tuple(f"{value.rstrip('/')}/" for value in values)
    itself = {value.rstrip("/") for value in values}

    def fits(found: Sequence[Value]) -> bool:
        texts = [value.value for value in found if isinstance(value.value, str)]
        return any(text.startswith(starts) or text in itself for text in texts)

    return fits


def _above(value: str) -> set[str]:
    """The URL and all that lie above it, with and without a slash at the end."""
    root = value.find("://") + 3 if "://" in value else 0
    path = value.rstrip("/")
    found: set[str] = set()
    while path:
        found |= {path, f"{path}/"}
        cut = path.rfind("/", root)
        if cut <= root:
            break
        path = path[:cut]
    return found
