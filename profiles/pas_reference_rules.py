"""References of a PAS request: what the Claim points at, and what that points at, is in the Bundle (PAS spec-13, -18, -65 to -67).

Two references may point outside: those of an inquiry (its Bundle need not be complete), and the prior Claim's own prior.
No reference is too unimportant to resolve (Endpoint, Location, ...): a reference without a `reference` (identifier or
display alone) is how a sender leaves something out.
"""

from __future__ import annotations

from collections.abc import Iterator

from profiles.bundle_index import BundleIndex, Held, literals, references
from profiles.outcome import Issue
from profiles.reading import child, objects, text


def prior_claim(index: BundleIndex) -> Held | None:
    """The Claim that the submitted one updates, where `related` points at one in the Bundle."""
    claim = index.entries[0]
    for related in objects(claim.resource.get("related")):
        literal = text(child(related, "claim").get("reference"))
        found = index.resolve(literal, claim) if literal is not None else None
        if found is not None and found.resource.get("resourceType") == "Claim" and found.place != claim.place:
            return found
    return None


def reference_issues(index: BundleIndex, prior: Held | None) -> Iterator[Issue]:
    """Every dangling reference of what can be reached from the Claim."""
    waiting = [index.entries[0]]
    reached = {0}
    while waiting:
        holder = waiting.pop()
        dangling = set()
        for literal in sorted(literals(holder.resource)):
            target = index.resolve(literal, holder)
            if target is None:
                dangling.add(literal)
            elif target.place not in reached:
                reached.add(target.place)
                waiting.append(target)
        if dangling:
            yield from _where(holder, dangling, is_prior=prior is not None and holder.place == prior.place)


def _where(holder: Held, dangling: set[str], *, is_prior: bool) -> Iterator[Issue]:
    root = f"Bundle.entry[{holder.place}].resource"
    for found in references(holder.resource, root):
        if found.literal in dangling and not (is_prior and found.path.startswith(f"{root}.related[")):
            yield Issue("pas-reference-unresolved", _why(found.literal), f"{found.path}.reference")


def _why(literal: str) -> str:
    if literal.startswith("#"):
        return "The reference points at a contained resource that is not there."
    return (
        "The reference resolves to no entry of the Bundle; include the resource, or correct the reference or the fullUrl."
    )
