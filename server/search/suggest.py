"""What is said of a search parameter that does not exist: the nearest one that does."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from profiles.outcome import FhirError, refuse
from server.search.registry import COMMON, offered_parameters

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,63}\Z")


def is_plain_word(text: str) -> bool:
    """Whether a caller's own word may be repeated in an answer."""
    return _NAME.match(text) is not None


def nearest(word: str, names: Iterable[str]) -> str | None:
    """The name that a word was probably meant to be."""
    folded = {name.lower(): name for name in sorted(names)}
    near = get_close_matches(word[:100].lower(), folded, n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def unknown_parameter(type_: str, code: str, also: Iterable[str] = ()) -> FhirError:
    """`also`: what else may be said where it stands."""
    near = nearest(code, (*offered_parameters(type_), *COMMON, *also))
    hint = (
        f" Did you mean {near}?"
        if near is not None
        else f" {type_} is searched by: {', '.join(sorted(offered_parameters(type_)))}."
    )
    known = is_plain_word(code)
    shown = f"search parameter {code}" if known else "search parameter of that name"
    return refuse("unknown-parameter", f"{type_} has no {shown}.{hint}", f"http.{code}" if known else "http.query")
