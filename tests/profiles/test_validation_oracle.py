"""The R4B models of fhir.resources as a second opinion: what they refuse, we refuse.

The other way round does not hold: the models let codes, JSON types and empty objects through that R4 forbids.
"""

from __future__ import annotations

import importlib
import random
from typing import Any

import pytest
from mutations import changed, dropped, places, wrong_values
from pydantic import ValidationError
from shared_data import needs_examples, paths, read, resources_of

from profiles import json
from profiles.base_validation import validate_resource

TYPES = ["Patient", "Claim", "Coverage", "Observation", "ServiceRequest", "Organization"]


def _oracle_accepts(resource: dict[str, Any]) -> bool:
    module = importlib.import_module(f"fhir.resources.R4B.{resource['resourceType'].lower()}")
    try:
        getattr(module, resource["resourceType"]).model_validate_json(json.dumps(resource))
    except ValidationError:
        return False
    return True


def _examples() -> list[dict[str, Any]]:
    files = [*paths("pas-examples/requests/*.json"), *paths("conformance/r4-examples/*.json")]
    found: dict[str, dict[str, Any]] = {}
    for path in files:
        for resource in resources_of(read(path)):
            found.setdefault(resource["resourceType"], resource)
    return [found[name] for name in TYPES]


@needs_examples
@pytest.mark.parametrize("number", range(len(TYPES)), ids=TYPES)
def test_what_the_models_refuse_is_refused(number: int) -> None:
    resource = _examples()[number]
    assert _oracle_accepts(resource)
    assert validate_resource(resource) == []
    mutants = [changed(resource, place, wrong) for place, value in places(resource) for wrong in wrong_values(value)]
    mutants += [dropped(resource, place)[0] for place, _ in places(resource) if isinstance(place[-1], str)]
    refused = 0
    for mutant in random.Random(7).sample(mutants, min(150, len(mutants))):
        if mutant.get("resourceType") == resource["resourceType"] and not _oracle_accepts(mutant):
            assert validate_resource(mutant), mutant
            refused += 1
    assert refused > 20
