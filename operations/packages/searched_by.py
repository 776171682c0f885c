"""Which search parameters of a package searches cannot go by: they are stored as they are, and told of (FHIR R4 searchparameter.html)."""

from __future__ import annotations

from collections.abc import Iterator

from operations.packages.contents import Contents
from profiles import json
from profiles.outcome import FhirError, Issue
from profiles.posted_search_parameters import TYPE, built_in, parameters_of
from profiles.search_parameters import SearchParameter


def not_applied(contents: Contents) -> Iterator[Issue]:
    """A warning for each, by its URL."""
    resources = [json.loads(brought.content) for brought in contents.resources if brought.type == TYPE]
    named: dict[tuple[str, str], SearchParameter] = {}

    def like(type_: str, name: str) -> SearchParameter | None:
        return named.get((type_, name.partition("|")[0])) or built_in(type_, name)

    for resource in sorted(resources, key=lambda one: one.get("type") == "composite"):
        try:
            made = parameters_of(resource, like)
        except FhirError as error:
            text = f"The search parameter {resource.get('url')} is stored and not applied: {error.issues[0].text}"
            yield Issue("package-not-applied", text, severity="warning")
            continue
        named.update(((type_, str(resource.get("url"))), parameter) for type_, parameter in made.items())
