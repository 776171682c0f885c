"""Through an outside provider and back: an authorization code with PKCE, state, nonce and `iss` (OpenID Connect Core 1.0, RFC 9700).

What is under way is kept under the state for ten minutes and is good once, in the browser that it began in. Each provider has an
address of its own to come back to, so that the answer of one is never taken for another's (RFC 9700 4.4).
"""

from __future__ import annotations

import secrets
from typing import Any, Final

import msgspec

from server.accounts.second_factor import factor_of
from server.accounts.sign_in import half_of
from server.internal import Found, Kind
from server.oauth import cookies
from server.oauth.authority import OUTSIDE_BACK, Authority
from server.oauth.authorize import Visit, second_step_page, sign_in_page, visit
from server.oauth.authorize_forms import begin_session
from server.oauth.code import challenge_of
from server.oauth.errors import PageError
from server.oauth.flow import STALE, Flow, check_browser, open_flow
from server.oauth.parameters import Parameters, parse
from server.oauth.wire import Answer, redirect, with_parameters
from server.outside.id_token import checked
from server.outside.provider import Provider, find
from server.outside.remote import Metadata, OutsideError
from server.outside.who import account_of
from server.store.store import StaleVersionError

LASTS: Final = 600
"""Seconds."""


class UnderWay(msgspec.Struct, frozen=True):
    """`begun` in seconds."""

    provider: str
    flow: Flow
    nonce: str
    verifier: str
    begun: int


UNDER_WAY: Final = Kind("outside-sign-in", UnderWay)


async def leave(authority: Authority) -> Answer:
    """Answers `GET /oauth/outside`: off to the provider. Raises PageError."""
    parameters = parse(authority.call.query)
    flow = open_flow(authority.own.tenant, parameters.get("flow") or "", authority.seconds())
    check_browser(flow, cookies.browser(authority))
    at, provider = await visit(authority, flow), await _provider(authority, parameters.get("provider") or "")
    try:
        metadata = await authority.shared.outside.metadata(provider)
    except OutsideError as error:
        return await _refused(authority, at, provider, error)
    state = secrets.token_urlsafe(32)
    kept = UnderWay(provider.id, flow, secrets.token_urlsafe(24), secrets.token_urlsafe(48), authority.seconds())
    await authority.commit([UNDER_WAY.add(authority.own, state, kept, authority.own.now() + LASTS * 1_000_000)])
    return redirect(with_parameters(metadata.authorization, _asked(authority, provider, kept, state)))


def _asked(authority: Authority, provider: Provider, kept: UnderWay, state: str) -> dict[str, str | None]:
    asked: dict[str, str | None] = {
        **dict(provider.parameters),
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": back(authority, provider),
        "scope": provider.scope,
        "state": state,
        "nonce": kept.nonce,
        "code_challenge": challenge_of(kept.verifier),
        "code_challenge_method": "S256",
    }
    return {**asked, "prompt": "login", "max_age": "0"} if kept.flow.fresh_from else asked


def back(authority: Authority, provider: Provider) -> str:
    """The address to register at the provider."""
    return authority.address(f"{OUTSIDE_BACK}{provider.id}")


async def come_back(authority: Authority) -> Answer:
    """Answers `GET /oauth/outside/back/NAME`. Raises PageError for what did not begin here, in this browser, for this provider."""
    parameters = parse(authority.call.query)
    provider = await _provider(authority, authority.call.path.removeprefix(OUTSIDE_BACK))
    kept = await _taken(authority, provider, parameters)
    at = await visit(authority, kept.flow)
    try:
        metadata = await authority.shared.outside.metadata(provider)
        claims = await _claims(authority, provider, metadata, kept, parameters)
        account = await account_of(authority, provider, claims)
    except OutsideError as error:
        return await _refused(authority, at, provider, error)
    if await factor_of(authority.own, account.id) is not None:
        return second_step_page(authority, at, half_of(authority.own, account))
    return await begin_session(authority, at, account, through=provider.id, proved=_proved(claims))


async def _taken(authority: Authority, provider: Provider, parameters: Parameters) -> UnderWay:
    """What was under way, which nobody can take again. Raises PageError."""
    found: Found[UnderWay] | None = await UNDER_WAY.read(authority.own, parameters.get("state") or "")
    if found is None or found.value.provider != provider.id or authority.own.now() >= found.until:
        raise PageError(STALE)
    check_browser(found.value.flow, cookies.browser(authority))
    try:
        await authority.commit([UNDER_WAY.drop(found)])
    except StaleVersionError as error:
        raise PageError(STALE) from error
    return found.value


async def _claims(
    authority: Authority, provider: Provider, metadata: Metadata, kept: UnderWay, parameters: Parameters
) -> dict[str, Any]:
    """Raises OutsideError."""
    issuer, code = parameters.get("iss"), parameters.get("code")
    if issuer != provider.issuer and (issuer is not None or metadata.says_iss):
        raise OutsideError("outside-mix-up")
    if parameters.get("error") is not None or code is None:
        raise OutsideError("outside-refused")
    remote = authority.shared.outside
    token = await remote.id_token(provider, metadata, code, kept.verifier, back(authority, provider))
    since = kept.begun if kept.flow.fresh_from else 0
    return await checked(remote, provider, metadata, token, nonce=kept.nonce, now=authority.seconds(), proved_since=since)


def _proved(claims: dict[str, Any]) -> int:
    """When the person proved who they are, as the provider says: microseconds; 0: it does not say."""
    return int(claims.get("auth_time", 0)) * 1_000_000


async def _provider(authority: Authority, id_: str) -> Provider:
    found = await find(authority.own, id_)
    if found is None:
        raise PageError("This way to sign in is not there any more. Go back to the app and start again.")
    return found.value


async def _refused(authority: Authority, at: Visit, provider: Provider, error: OutsideError) -> Answer:
    """Back to the page, which tells no reason: what went wrong is in the audit trail."""
    query = f"client={at.flow.client}&provider={provider.id}"
    await authority.commit([], authority.note("sign-in", 401, error.code, actor=provider.id, query=query))
    return sign_in_page(authority, at, f"You could not be signed in through {provider.title}.", status=400)
