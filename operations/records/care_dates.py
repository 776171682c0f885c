"""When the care took place that a resource tells of: what `start` and `end` of `$everything` are about (R4: care dates, not record dates)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from operations.ports import Found
from profiles.search_parameters import Value, search_parameters
from profiles.text import instant_range, period_range

_CODES: Final = {
    "Claim": "created",
    "ClaimResponse": "created",
    "Communication": "sent",
    "CommunicationRequest": "authored",
    "Condition": "onset-date",
    "DeviceRequest": "event-date",
    "ExplanationOfBenefit": "created",
    "Goal": "start-date",
    "ImagingStudy": "started",
    "MedicationAdministration": "effective-time",
    "MedicationDispense": "whenhandedover",
    "MedicationRequest": "authoredon",
    "MedicationStatement": "effective",
    "QuestionnaireResponse": "authored",
    "ServiceRequest": "occurrence",
    "Task": "authored-on",
}
_USUAL: Final = "date"
"""Of other types, the date parameter of this name."""


@dataclass(frozen=True, slots=True)
class CareDates:
    """Microseconds since 1970, inclusive; None for an end that is open."""

    start: int | None = None
    end: int | None = None

    def holds(self, found: Found) -> bool:
        """Whether the care was, at least in part, then; True for what has no date of care."""
        if self.start is None and self.end is None:
            return True
        resource = found.resource()
        type_ = resource["resourceType"]
        parameter = search_parameters(type_).get(_CODES.get(type_, _USUAL))
        if parameter is None or parameter.type != "date":
            return True
        ranges = [covered for value in parameter.extract(resource) if (covered := _covered(value)) is not None]
        return not ranges or any(self._meets(low, high) for low, high in ranges)

    def _meets(self, low: int | None, high: int | None) -> bool:
        begins_late = self.end is not None and low is not None and low > self.end
        ended_before = self.start is not None and high is not None and high < self.start
        return not begins_late and not ended_before


def care_dates(start: str | None, end: str | None) -> CareDates:
    """From two dates, whole days, months or years."""
    first, last = instant_range(start), instant_range(end)
    return CareDates(first[0] if first else None, last[1] if last else None)


def _covered(value: Value) -> tuple[int | None, int | None] | None:
    return period_range(value.value) if isinstance(value.value, dict) else instant_range(value.value)
