"""Which policy applies to an item: payer, code, date of service, place of service and age together (policies.md 3.8).

"No rule found" is an answer: then what the payer's Organization says in our extension `default-without-policy` follows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from operations.policy.policy import Policy, Token
from profiles.json import Resource

DEFAULT_WITHOUT_POLICY: Final = "https://assent.example/fhir/StructureDefinition/default-without-policy"

WithoutPolicy = Literal["no-authorization-required", "manual-review"]


@dataclass(frozen=True, slots=True)
class PolicyChoice:
    """The policy in force, or None; `passed_over` says of each policy for this payer and code why it was not taken."""

    policy: Policy | None
    passed_over: tuple[tuple[str, str], ...] = ()
    """(canonical, reason) pairs."""


def select_policy(
    policies: Iterable[Policy],
    *,
    payers: Iterable[Token],
    code: Token,
    on: date,
    age: int | None = None,
    place_of_service: str | None = None,
) -> PolicyChoice:
    """The policy for one item. An unknown age or place excludes nothing.

    Several in force: the one that names more of place and age first, then the highest version, then the id in order.
    """
    identifiers = frozenset(payers)
    passed_over: list[tuple[str, str]] = []
    fitting: list[Policy] = []
    for policy in policies:
        if code not in policy.codes or policy.payers.isdisjoint(identifiers):
            continue
        reason = _against(policy, on, age, place_of_service)
        if reason is None:
            fitting.append(policy)
        else:
            passed_over.append((policy.canonical, reason))
    fitting.sort(key=lambda policy: policy.id)
    chosen = max(fitting, key=lambda policy: (_specific(policy), version_key(policy.version)), default=None)
    passed_over += [
        (policy.canonical, "another policy or version precedes it") for policy in fitting if policy is not chosen
    ]
    return PolicyChoice(chosen, tuple(passed_over))


def _against(policy: Policy, on: date, age: int | None, place: str | None) -> str | None:
    if on < policy.effective_from or (policy.effective_to is not None and on > policy.effective_to):
        return "not in force on the date of service"
    if place is not None and policy.places and place not in policy.places:
        return "does not apply at this place of service"
    if age is not None and policy.min_age is not None and age < policy.min_age:
        return "the patient is below its age limit"
    if age is not None and policy.max_age is not None and age > policy.max_age:
        return "the patient is above its age limit"
    return None


def _specific(policy: Policy) -> int:
    return bool(policy.places) + (policy.min_age is not None) + (policy.max_age is not None)


def version_key(version: str) -> tuple[tuple[int, str], ...]:
    """Orders versions by their parts, numbers as numbers: 2.10 after 2.9, 2026.1 after 2025.12."""
    parts = version.replace("-", ".").split(".")
    return tuple((int(part), "") if part.isascii() and part.isdigit() and len(part) < 20 else (-1, part) for part in parts)


def default_without_policy(insurer: Resource | None) -> WithoutPolicy:
    """What follows where no policy exists: the payer's own answer, else manual review."""
    extensions = insurer.get("extension") if insurer else None
    for extension in extensions if isinstance(extensions, list) else ():
        if isinstance(extension, dict) and extension.get("url") == DEFAULT_WITHOUT_POLICY:
            return (
                "no-authorization-required"
                if extension.get("valueCode") == "no-authorization-required"
                else "manual-review"
            )
    return "manual-review"


def payer_tokens(insurer: Resource | None) -> frozenset[Token]:
    """The identifiers of a payer's Organization that have both system and value."""
    identifiers = insurer.get("identifier") if insurer else None
    return frozenset(
        Token(entry["system"], entry["value"])
        for entry in (identifiers if isinstance(identifiers, list) else ())
        if isinstance(entry, dict) and isinstance(entry.get("system"), str) and isinstance(entry.get("value"), str)
    )
