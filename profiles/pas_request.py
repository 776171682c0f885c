"""What a PAS request Bundle must be to be looked at: which faults are answered with a 4xx (PAS 2.2.1, `$submit`, `$inquire`).

All faults that can be told apart are collected into one refusal: 400 where the Bundle is malformed or cannot be resolved,
422 where it only breaks a rule of the PAS profiles. Departures that do not stop us become warnings. What the profiles
let be omitted is never a fault here (PAS conf-14): the payer says in its ClaimResponse what it misses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from profiles.base_validation import validate_resource
from profiles.bundle_index import BundleIndex, Held
from profiles.error_codes import ERROR_CODES
from profiles.json import Json, Resource
from profiles.outcome import FhirError, Issue, refuse
from profiles.pas_claim_rules import claim_issues
from profiles.pas_entry_rules import held_entries
from profiles.pas_extension_rules import modifier_issues
from profiles.pas_faults import one_issue_a_fault
from profiles.pas_reference_rules import prior_claim, reference_issues
from profiles.pas_value_rules import value_issues
from profiles.reading import objects

Purpose = Literal["submit", "inquire"]

MOST_ISSUES: Final = 100
DEEPEST: Final = 100
"""Resources nest a dozen levels; far deeper ones only cost stack."""


@dataclass(frozen=True, slots=True)
class PasRequest:
    """A request Bundle that may be worked on: its entries by address, and what we noticed without minding."""

    bundle: Resource
    index: BundleIndex
    prior: Held | None
    warnings: tuple[Issue, ...]

    @property
    def claim(self) -> Held:
        return self.index.entries[0]


def read_request(body: Json, purpose: Purpose = "submit") -> PasRequest:
    """The request in `body` (a Bundle, or Parameters with it as `resource`).

    Raises `FhirError` with every fault found: 400 when one of them is of form, else 422.
    """
    bundle = request_bundle(body)
    issues: list[Issue] = []
    entries = held_entries(bundle, issues)
    if not entries or entries[0].place != 0 or entries[0].resource.get("resourceType") != "Claim":
        raise refusal(issues)
    index = BundleIndex(entries)
    prior = prior_claim(index)
    for rule in _RULES[purpose]:
        issues.extend(rule(index, prior))
    issues = one_issue_a_fault([*issues, *_bundle_issues(bundle)])
    if any(issue.severity in ("error", "fatal") for issue in issues):
        raise refusal(issues)
    return PasRequest(bundle, index, prior, tuple(issues))


def request_bundle(body: Json) -> Resource:
    """The Bundle, unwrapped from Parameters if need be (FHIR R4, "Executing an Operation"). Raises `FhirError`."""
    if _deeper_than(body, DEEPEST):
        raise refuse("structure", f"The content is nested more than {DEEPEST} levels deep.", status=400)
    if isinstance(body, dict) and body.get("resourceType") == "Parameters":
        wrapped = [each for each in objects(body.get("parameter")) if each.get("name") == "resource"]
        if len(wrapped) != 1:
            raise refuse(
                "pas-not-a-bundle", "Parameters must hold the Bundle as one parameter `resource`.", "Parameters.parameter"
            )
        body = wrapped[0].get("resource")
    if not isinstance(body, dict) or body.get("resourceType") != "Bundle":
        raise refuse("pas-not-a-bundle", "Send the PAS request Bundle itself as the body.", "Bundle")
    return body


def refusal(issues: Sequence[Issue]) -> FhirError:
    """One refusal for all issues, errors first; 400 when any error is of form, else 422."""
    errors = [issue for issue in issues if issue.severity in ("error", "fatal")]
    rest = [issue for issue in issues if issue.severity not in ("error", "fatal")]
    malformed = any(ERROR_CODES[issue.code].status == 400 for issue in errors)
    return FhirError([*errors, *rest][:MOST_ISSUES], 400 if malformed else 422)


def _bundle_issues(bundle: Resource) -> Iterator[Issue]:
    if not isinstance(bundle.get("identifier"), dict):
        yield Issue("pas-element-missing", "The request Bundle needs an identifier.", "Bundle.identifier")
    if not isinstance(bundle.get("timestamp"), str):
        yield Issue("pas-element-missing", "The request Bundle needs a timestamp.", "Bundle.timestamp")
    shells = [
        {name: value for name, value in entry.items() if name != "resource"} for entry in objects(bundle.get("entry"))
    ]
    yield from validate_resource({**bundle, "entry": shells})


def _base_issues(index: BundleIndex, prior: Held | None) -> Iterator[Issue]:
    """Base R4 faults of every entry's resource, told from the Bundle's root."""
    for held in index.entries:
        for issue in validate_resource(held.resource):
            expression = issue.expression or ""
            below = expression.partition(".")[2]
            at = f"Bundle.entry[{held.place}].resource" + (f".{below}" if below else "")
            yield Issue(issue.code, issue.text, at, issue.severity)


Rule = Callable[[BundleIndex, Held | None], Iterator[Issue]]

_SUBMIT: Final[tuple[Rule, ...]] = (claim_issues, reference_issues, modifier_issues, value_issues, _base_issues)


def _inquiry_claim_issues(index: BundleIndex, prior: Held | None) -> Iterator[Issue]:
    return claim_issues(index, prior, inquiry=True)


_RULES: Final[dict[Purpose, tuple[Rule, ...]]] = {
    "submit": _SUBMIT,
    "inquire": (_inquiry_claim_issues, modifier_issues, _base_issues),
}


def _deeper_than(value: Json, limit: int) -> bool:
    level: list[Json] = [[value]]
    for _ in range(limit + 1):
        level = [
            each
            for node in level
            for each in (node.values() if type(node) is dict else node)
            if type(each) is dict or type(each) is list
        ]
        if not level:
            return False
    return True
