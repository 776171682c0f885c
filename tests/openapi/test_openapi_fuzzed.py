"""Schemathesis over the OpenAPI document, for a bounded number of calls: no 500, and every answer is as the document says."""

from __future__ import annotations

from typing import Any

import hypothesis
import pytest
import schemathesis
from live_server import LiveServer
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

EXAMPLES = 3
"""Calls to each operation at each of its addresses."""
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
LEFT_OUT = ("$tail", "$export-trail", "_async")
"""Streams, which do not end by themselves, and jobs, whose names nobody can guess."""


@pytest.mark.slow
def test_no_call_that_the_document_allows_breaks_the_server(empty_server: LiveServer) -> None:
    client = empty_server.client()
    schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
    allowed = {"Authorization": client.headers["authorization"]}
    asked = 0
    broken: list[str] = []
    for result in schema.get_all_operations():
        operation = result.ok()
        if any(name in operation.path for name in LEFT_OUT):
            continue

        @hypothesis.settings(
            max_examples=EXAMPLES,
            database=None,
            deadline=None,
            suppress_health_check=list(hypothesis.HealthCheck),
            phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        )
        @hypothesis.given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            nonlocal asked
            asked += 1
            case.call_and_validate(base_url=empty_server.base, headers=allowed, checks=CHECKS)

        try:
            ask()
        except FailureGroup as error:
            broken.append(f"{operation.label}: {error.exceptions}"[:900])
    assert broken == []
    assert asked > 200
