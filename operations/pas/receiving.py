"""From the body of `$submit` or `$inquire` to a request that may be worked on: by the house's rules, then by the guide's profiles.

Both kinds of faults are told together, and each once: where a rule of the house speaks of an element, it has the better words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from operations.pas.services import PasServices
from operations.ports import Context
from profiles.json import Json
from profiles.outcome import FhirError, Issue
from profiles.pas_request import PasRequest, Purpose, read_request, refusal, request_bundle

_MALFORMED: Final = 400
_TYPED: Final = re.compile(r"\.ofType\(\w+\)")


async def receive(body: Json, purpose: Purpose, services: PasServices, context: Context) -> PasRequest:
    """The request, with all that was noticed without minding. Raises FhirError (400, 422) with every fault found."""
    request: PasRequest | None = None
    try:
        request = read_request(body, purpose)
        told: Sequence[Issue] = request.warnings
    except FhirError as error:
        if error.status == _MALFORMED:
            raise
        told = error.issues
    found = []
    if services.profiles is not None:
        bundle = request_bundle(body) if request is None else request.bundle
        found = await services.profiles.issues(bundle, purpose, context.pas_version, structure=request is None)
    more = [each for each in found if not _is_told(each, told)]
    if request is None or any(each.severity == "error" for each in more):
        raise refusal([*told, *more])
    return replace(request, warnings=(*told, *more))


def _is_told(issue: Issue, told: Sequence[Issue]) -> bool:
    """Whether another issue speaks of the same element, or of the one right above or below it."""
    place = _place(issue)
    return any(place in (other, _above(other)) or _above(place) == other for other in map(_place, told))


def _place(issue: Issue) -> str:
    return _TYPED.sub("", issue.expression or "")


def _above(place: str) -> str:
    return place.rpartition(".")[0]
