"""Every function that an expression may call, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from profiles.fhirpath.functions import (
    conversion,
    dates,
    existence,
    fhir,
    filtering,
    mathematics,
    strings,
    subsetting,
    utility,
)
from profiles.fhirpath.functions.base import Function

__all__ = ["FUNCTIONS", "Function"]

FUNCTIONS: Final[Mapping[str, Function]] = {
    **existence.FUNCTIONS,
    **filtering.FUNCTIONS,
    **subsetting.FUNCTIONS,
    **conversion.FUNCTIONS,
    **strings.FUNCTIONS,
    **mathematics.FUNCTIONS,
    **utility.FUNCTIONS,
    **dates.FUNCTIONS,
    **fhir.FUNCTIONS,
}
