"""Tokens for a data folder, made as `assent token` makes them, without the cost of a process for each."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from server.auth.access_token import issue_token
from server.auth.signing_key import load_or_create
from server.commands.token import grant_from


def make_token(
    data: Path,
    role: str | list[str] = "administrator",
    *,
    tenant: str = "default",
    scope: str | None = None,
    patient: str | None = None,
    fhir_user: str | None = None,
    subject: str | None = None,
    lifetime: int = 3600,
    purpose: list[str] | None = None,
) -> str:
    """What `assent token --role ROLE ...` prints for this data folder."""
    roles = [role] if isinstance(role, str) else role
    asked = Namespace(
        role=roles, tenant=tenant, scope=scope, patient=patient, fhir_user=fhir_user, subject=subject, purpose=purpose
    )
    return issue_token(load_or_create(data), grant_from(asked), lifetime=lifetime)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
