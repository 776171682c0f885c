"""Rules for Bundles by their type, beyond their invariants (FHIR R4 bundle.html, documents.html, messaging.html)."""

from __future__ import annotations

from profiles.conformance.context import Context, Item


def check_bundle(item: Item, context: Context) -> None:
    """Check a Bundle's entries against each other."""
