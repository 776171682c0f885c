"""Who asks, and whether it is too often: settled from the head of a request, before its body is read.

A request beyond a limit is looked at no further, so it leaves no audit record; the log counts them (server/seldom.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from profiles.outcome import FhirError, refuse
from server.auth.access_token import TokenVerifier
from server.auth.bearer import authenticated
from server.auth.principal import Principal
from server.rates.rates import RateLimitedError, Rates

PUBLIC: Final = frozenset({("metadata",), ("openapi.json",)})
"""What a base says of itself to everybody."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """`fault`: why the caller is nobody. `headers` are for the answer, whatever it will be."""

    caller: Principal | None
    fault: FhirError | None
    headers: Mapping[str, str]


def admit(
    verifier: TokenVerifier,
    rates: Rates,
    method: str,
    segments: tuple[str, ...],
    headers: Mapping[str, str],
    address: str,
) -> Admitted:
    """Of a FHIR request. Raises FhirError (429)."""
    try:
        if segments in PUBLIC:
            return Admitted(None, None, rates.address("open", address))
        try:
            caller = authenticated(headers, verifier)
        except FhirError as error:
            return Admitted(None, error, rates.address("open", address))
        stores = method not in {"GET", "HEAD"} and segments[-1:] != ("_search",)
        return Admitted(caller, None, rates.caller(caller.tenant, caller.subject, caller.client_id, stores=stores))
    except RateLimitedError as error:
        raise rate_limited(error) from error


def rate_limited(error: RateLimitedError) -> FhirError:
    """The refusal as FHIR says it (RFC 6585 4)."""
    refusal = refuse("rate-limited", f"Too many requests; try again in {error.seconds} seconds.")
    refusal.headers.update(error.headers)
    return refusal
