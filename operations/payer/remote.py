"""The connector to a payer elsewhere: forwards the Bundle to the PAS endpoint of the insurer's `Endpoint` (PAS 2.2.1).

Sent again at once only where nothing can have arrived (no connection). After a timeout or a 5xx the outcome is not known:
the caller pends the request, and a job sends the same Bundle again, which PAS makes harmless ("Absence of Reliable Messaging").
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import httpx

from operations.payer.circuit import Circuit
from operations.payer.determination import Determination, RemoteAnswer
from operations.payer.payer import Case
from operations.payer.scenarios import unavailable
from profiles.json import Json, JsonError, Resource, dumps, loads
from profiles.outcome import FhirError, Issue
from profiles.reading import child, objects, text

CONTENT_TYPE: Final = "application/fhir+json"
CONNECTION_TRIES: Final = 3
FIRST_PAUSE: Final = 0.2
LARGEST_ANSWER: Final = 20_000_000
REFUSALS: Final = frozenset({400, 409, 410, 413, 415, 422})
"""Statuses that say that sending the same again is useless. The rest (401, 404, 429, ...) is between us and the payer."""


class RemotePayer:
    """Holds a circuit for every address; `client` is shared and closed by who made it."""

    def __init__(self, client: httpx.AsyncClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._circuits: dict[str, Circuit] = {}

    async def review(self, case: Case) -> Determination:
        """The payer's answer. Raises `FhirError`: the payer's own 4xx, or 503 (pas-payer-unavailable) when nobody knows."""
        body = await self._post(case, "$submit", _without_our_marks(case.bundle))
        if body.get("resourceType") != "Bundle":
            raise unavailable()
        return Determination(remote=RemoteAnswer(body))

    async def ask(self, case: Case, inquiry: Resource) -> list[Resource]:
        """What the payer says to an inquiry: the response Bundles. Raises as `review` does."""
        body = await self._post(case, "$inquire", inquiry)
        if body.get("resourceType") == "Bundle":
            return [body]
        returned = [each.get("resource") for each in objects(body.get("parameter")) if each.get("name") == "return"]
        return [each for each in returned if isinstance(each, dict) and each.get("resourceType") == "Bundle"]

    async def _post(self, case: Case, operation: str, bundle: Resource) -> Resource:
        address = f"{case.endpoint}/Claim/{operation}"
        circuit = self._circuits.setdefault(case.endpoint or "", Circuit(self._clock))
        if not circuit.lets_through():
            raise unavailable()
        try:
            response = await self._send(case, address, dumps(bundle))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            circuit.failed()
            raise unavailable() from error
        if response.status_code >= 500:
            circuit.failed()
            raise unavailable()
        circuit.succeeded()
        body = _parsed(response)
        if response.status_code in REFUSALS:
            raise _refusal(body)
        if response.status_code >= 300 or not isinstance(body, dict):
            raise unavailable()
        return body

    async def _send(self, case: Case, address: str, content: bytes) -> httpx.Response:
        pause = FIRST_PAUSE
        headers = {"Content-Type": CONTENT_TYPE, "Accept": CONTENT_TYPE}
        timeout = case.settings.remote_timeout.total_seconds()
        for _ in range(CONNECTION_TRIES - 1):
            try:
                return await self._client.post(address, content=content, headers=headers, timeout=timeout)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
                await case.settings.sleep(pause)
                pause *= 4
        return await self._client.post(address, content=content, headers=headers, timeout=timeout)


def _without_our_marks(bundle: Resource) -> Resource:
    """The same bytes each time, whether just received or read back: without id and what the store says of a version."""
    meta = {name: value for name, value in child(bundle, "meta").items() if name not in ("versionId", "lastUpdated")}
    kept = {name: meta if name == "meta" else value for name, value in bundle.items() if name != "id"}
    if not meta:
        kept.pop("meta", None)
    return kept


def _parsed(response: httpx.Response) -> Json:
    if len(response.content) > LARGEST_ANSWER:
        return None
    try:
        return loads(response.content)
    except JsonError:
        return None


def _refusal(body: Json) -> FhirError:
    """The payer's OperationOutcome with our code beside its words."""
    issues = [
        Issue("pas-payer-refused", f"The payer refused the request: {_words(each)}", _expression(each))
        for each in objects(body.get("issue") if isinstance(body, dict) else None)[:20]
    ]
    return FhirError(issues or [Issue("pas-payer-refused", "The payer refused the request without saying why.")], 422)


def _words(issue: Resource) -> str:
    found = text(child(issue, "details").get("text")) or text(issue.get("diagnostics")) or text(issue.get("code"))
    return (found or "no reason given")[:500]


def _expression(issue: Resource) -> str | None:
    expressions = issue.get("expression")
    first = expressions[0] if isinstance(expressions, list) and expressions else None
    return text(first)
