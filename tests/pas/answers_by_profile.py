"""The answers of the server held against their profiles (profiles/library), those of the version that was asked."""

from __future__ import annotations

from typing import Any

from profiles.conformance import Finding, Validator
from profiles.library import PasVersion, library


def profile_faults(answer: Any, request: Any, version: str) -> list[Finding]:
    """What does not conform in the Bundles of an answer; nothing if the request did not conform itself, as its parts come back.

    The reason of a denial may be of our own code system: the licensed list is the operator's (ADR 0010).
    """
    validator = Validator(library(_edition(version)))
    bundles = [answer] if answer["resourceType"] == "Bundle" else [each["resource"] for each in answer.get("parameter", [])]
    found = [each for bundle in bundles for each in _errors(validator, bundle) if not _is_reason(each)]
    return [] if found and _errors(validator, request) else found


def _edition(version: str) -> PasVersion:
    return "2.0.1" if version.startswith("2.0") else "2.2.1"


def _errors(validator: Validator, resource: Any) -> list[Finding]:
    return [each for each in validator.validate(resource) if each.severity == "error"]


def _is_reason(finding: Finding) -> bool:
    return finding.code == "code-invalid" and "ReviewDecisionReasonCode" in str(finding.rule)
