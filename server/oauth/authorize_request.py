"""The authorization request: what an app asks of a person (RFC 6749 4.1.1, RFC 7636, RFC 9207, SMART App Launch 2.2).

Client and redirect address come first: until both are known to be right, nothing is sent anywhere, and the person sees a page.
PKCE with S256 is wanted of every client, and `aud` must be a FHIR base of this tenant.
"""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Final

import msgspec

from server.oauth.authority import Authority
from server.oauth.client import Client, find
from server.oauth.errors import Code, OAuthError, PageError
from server.oauth.flow import Flow
from server.oauth.launch_context import take
from server.oauth.parameters import Parameters
from server.oauth.redirect_uri import matches
from server.oauth.wire import with_parameters

CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})


class RefusedError(Exception):
    """A refusal that the client is told at its redirect address."""

    def __init__(self, code: Code, description: str, redirect_uri: str, state: str, client: str) -> None:
        super().__init__(description)
        self.client = client
        self.code: Code = code
        self.description = description
        self._redirect_uri = redirect_uri
        self._state = state

    def address(self, issuer: str) -> str:
        """Where to send the browser; `iss` says who answers (RFC 9207)."""
        told = {"error": self.code, "error_description": self.description, "state": self._state or None, "iss": issuer}
        return with_parameters(self._redirect_uri, told)


def refused(flow: Flow, code: Code, description: str) -> RefusedError:
    return RefusedError(code, description, flow.redirect_uri, flow.state, flow.client)


async def read(authority: Authority, parameters: Parameters) -> Flow:
    """What is asked. Raises PageError or RefusedError."""
    client, redirect_uri = await _client(authority, parameters)
    state = ""
    try:
        state = parameters.get("state") or ""
        parameters.check()
        flow = _flow(authority, parameters, client, redirect_uri)
        return await _launched(authority, parameters, flow)
    except OAuthError as error:
        raise RefusedError(error.code, error.description, redirect_uri, state, client.id) from error


async def _client(authority: Authority, parameters: Parameters) -> tuple[Client, str]:
    """Raises PageError."""
    try:
        client_id, redirect_uri = parameters.get("client_id"), parameters.get("redirect_uri")
    except OAuthError as error:
        raise PageError("The app sent a request that cannot be answered.") from error
    found = await find(authority.own, client_id) if client_id else None
    if found is None:
        raise PageError("The app that sent you here is not known to this server.")
    if redirect_uri is None or not any(matches(uri, redirect_uri) for uri in found.value.redirect_uris):
        raise PageError("The app that sent you here wants the answer at an address that is not registered for it.")
    return found.value, redirect_uri


def _flow(authority: Authority, parameters: Parameters, client: Client, redirect_uri: str) -> Flow:
    """Raises OAuthError."""
    if "authorization_code" not in client.grant_types:
        raise OAuthError("unauthorized_client", "This client may not ask people.")
    if parameters.get("request") is not None:
        raise OAuthError("request_not_supported", "Request objects are not taken.")
    if parameters.get("request_uri") is not None:
        raise OAuthError("request_uri_not_supported", "Request objects are not taken.")
    if parameters.required("response_type") != "code":
        raise OAuthError("unsupported_response_type", "The response type is code.")
    if parameters.get("response_mode") not in {None, "query"}:
        raise OAuthError("invalid_request", "The response mode is query.")
    state = parameters.required("state")
    challenge = parameters.required("code_challenge")
    if parameters.get("code_challenge_method") != "S256" or CHALLENGE.fullmatch(challenge) is None:
        raise OAuthError("invalid_request", "PKCE is needed, with the method S256.")
    audience = parameters.required("aud").rstrip("/")
    if audience not in authority.bases:
        raise OAuthError("invalid_request", "The audience (aud) is not a FHIR base of this server.")
    prompts = frozenset((parameters.get("prompt") or "").split())
    if not prompts <= _PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise OAuthError("invalid_request", "The prompt is none, or some of login, consent and select_account.")
    now = authority.seconds()
    return Flow(
        client=client.id,
        redirect_uri=redirect_uri,
        scope=parameters.required("scope"),
        state=state,
        audience=audience,
        challenge=challenge,
        begun=now,
        nonce=parameters.get("nonce") or "",
        silent="none" in prompts,
        fresh_from=_fresh_from(authority, prompts, parameters.get("max_age")),
        login_hint=(parameters.get("login_hint") or "")[:128],
    )


def _fresh_from(authority: Authority, prompts: Set[str], max_age: str | None) -> int:
    """Raises OAuthError."""
    if max_age is not None and re.fullmatch(r"[0-9]{1,9}", max_age) is None:
        raise OAuthError("invalid_request", "max_age is a number of seconds.")
    if prompts & {"login", "select_account"}:
        return authority.own.now()
    return 0 if max_age is None else authority.own.now() - int(max_age) * 1_000_000


async def _launched(authority: Authority, parameters: Parameters, flow: Flow) -> Flow:
    """With what the EHR said, where it launched the app. Raises OAuthError."""
    launch = parameters.get("launch")
    if launch is None:
        return flow
    if "launch" not in flow.scope.split(" "):
        raise OAuthError("invalid_scope", "An app that an EHR launched asks for the scope launch.")
    context = await take(authority, launch, flow.client)
    return msgspec.structs.replace(
        flow,
        launched=True,
        launched_for=context.account,
        patient=context.patient,
        encounter=context.encounter,
        encounter_asked=True,
        fhir_context=context.fhir_context,
        intent=context.intent,
    )
