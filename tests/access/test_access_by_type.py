"""Nobody fetches around the gate: repositories take an `Access`, and who may make one that reaches everything is written here."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

from server.repository import Repository

CHECKOUT = Path(__file__).parents[2]
FILES = sorted((CHECKOUT / "server").rglob("*.py")) + sorted((CHECKOUT / "operations").rglob("*.py"))

UNLIMITED = {
    "server/access/access.py": "where it is made",
    "server/access/asking.py": "which organizations a caller works for",
    "server/access/consents.py": "what patients have said",
    "server/access/gate.py": "the server's own gate",
    "server/jobs/business.py": "work that no request asked for",
    "server/access/damaged_consent.py": "whose a consent is that does not open any more",
    "server/load/loader.py": "files loaded by an operator",
    "server/rest/context.py": "what an operation writes, by the version that it read",
    "server/rest/linked.py": "a link says itself what it opens",
    "server/rest/written_check.py": "definitions that hold for everybody",
    "server/sample/load.py": "the synthetic practice",
    "server/subscriptions/delivery.py": "whether a Subscription is still there",
    "server/subscriptions/matching.py": "what was stored, before anybody is told of it",
    "server/subscriptions/payload.py": "what was stored, of which the subscriber is shown what they may read",
    "server/subscriptions/restated.py": "the status that the server gives a Subscription",
    "server/subscriptions/stored.py": "the Subscription as it was, which is compared and not shown",
    "server/subscriptions/wanted.py": "what a filter means, never what it finds",
    "server/search/own_parameters.py": "the search parameters of a tenant, which hold for everybody",
    "server/search/criteria.py": "what makes two conditions the same, never what they find",
}
"""Modules that may reach everything, and why."""

STORE = {
    "server/access/asking.py", "server/access/consents.py", "server/access/damaged_consent.py", "server/repository.py", "server/search/hits.py", "server/seal/train.py",
    "server/readiness.py", "server/rest/erasures.py", "server/search/own_parameters.py",
}  # fmt: skip
"""Modules above the store that may ask it for records themselves; the store's own upkeep sees sealed bodies only."""
ASKED = {"read", "read_version", "history", "timeline", "fetch", "find"}


def name_of(path: Path) -> str:
    return path.relative_to(CHECKOUT).as_posix()


def calls(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]


def test_only_these_reach_everything() -> None:
    found = {
        name_of(path)
        for path in FILES
        for call in calls(path)
        if getattr(call.func, "id", "") in {"everything", "ServersGate"}
    }
    assert found <= set(UNLIMITED)


def test_only_these_ask_the_store_for_records() -> None:
    """`....store.find(...)` and the like; what lies below the store's own interface is no concern of access."""
    found = {
        name_of(path)
        for path in FILES
        if not name_of(path).startswith(("server/store/", "server/upkeep/"))
        for call in calls(path)
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in ASKED
        and ast.unparse(call.func.value).endswith("store")
    }
    assert found <= STORE


def test_whatever_a_repository_gives_out_it_gives_to_an_access() -> None:
    """A new way to read is no way around."""
    internal = {"open", "whole", "content", "context", "holder", "claim", "renewed", "seal_job", "open_job", "stored_at"}
    for name, method in inspect.getmembers(Repository, inspect.isfunction):
        if name.startswith("_") or name in internal or name in {"now", "prepare", "prepare_deletion"}:
            continue
        first = list(inspect.signature(method).parameters.values())[1]
        assert "Access" in str(first.annotation), name
