"""The authorization endpoint and the pages behind it: sign in, choose a patient, allow (RFC 6749 3.1, SMART App Launch 2.2).

`GET` and `POST /oauth/authorize` check what an app asks and send the browser to `?flow=...`, which shows the next page. A page's form
is posted, does one thing, and sends the browser to the next `?flow=...`; at the end, to the app.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from server.accounts import session as sessions
from server.accounts.account import Account
from server.accounts.second_factor import factor_of, is_wanted
from server.accounts.session import SignedIn
from server.accounts.sign_in import Half
from server.auth.principal import Principal
from server.auth.roles import ROLES
from server.oauth import cookies
from server.oauth.authority import (
    AUTHORIZE,
    CONSENT,
    OUTSIDE,
    PATIENT,
    SECOND_FACTOR,
    SECOND_STEP,
    SIGN_IN,
    SIGN_OUT,
    Authority,
)
from server.oauth.authorize_request import read, refused
from server.oauth.client import find as find_client
from server.oauth.errors import PageError
from server.oauth.flow import Flow, check_browser, check_session, open_flow, seal
from server.oauth.parameters import Parameters, parse, parse_form
from server.oauth.people_pages import find_visits, is_visit_of, name_of
from server.oauth.records import sees
from server.oauth.scope_words import in_words
from server.oauth.scopes_granted import grantable, needs_patient
from server.oauth.wire import Answer, redirect
from server.outside.provider import buttons
from server.pages.page import page


@dataclass(frozen=True, slots=True)
class Visit:
    """A flow in a browser: who is signed in there, if anybody, and what the app is called."""

    flow: Flow
    app: str
    registered: str
    signed: SignedIn | None
    lacks_factor: bool = False
    """Whether the person has to add a second factor before anything else."""
    outside: Sequence[tuple[str, str]] = ()
    """Providers to sign in through, by name and title."""

    @property
    def scopes(self) -> list[str]:
        """What may be granted to the app through this person."""
        if self.signed is None:
            return []
        granted = grantable(self.flow.scope, self.registered, self.signed.account.roles, "person")
        return [scope for scope in granted if scope != "launch" or self.flow.launched]


async def authorize(authority: Authority) -> Answer:
    """Answers both methods. Raises PageError, RefusedError."""
    call = authority.call
    is_form = call.method == "POST"
    parameters = parse_form(call.headers.get("content-type", ""), call.body) if is_form else parse(call.query)
    text = None if is_form else parameters.get("flow")
    if text is None:
        return to_flow(authority, await read(authority, parameters))
    flow = open_flow(authority.own.tenant, text, authority.seconds())
    if flow.browser:
        check_browser(flow, cookies.browser(authority))
    return await next_page(authority, await visit(authority, flow))


async def posted(authority: Authority, parameters: Parameters) -> Visit:
    """The flow that a form of ours was posted with. Raises PageError."""
    text = parameters.get("flow")
    flow = open_flow(authority.own.tenant, text or "", authority.seconds())
    check_browser(flow, cookies.browser(authority))
    found = await visit(authority, flow)
    check_session(flow, found.signed.id if found.signed else "")
    return found


async def visit(authority: Authority, flow: Flow) -> Visit:
    client = await find_client(authority.own, flow.client)
    if client is None and not flow.place:
        raise PageError("The app that sent you here is not known to this server any more.")
    signed = await sessions.signed_in(authority.own, cookies.session(authority), authority.limits)
    if signed is not None and signed.proved < flow.fresh_from:
        signed = None
    lacks = signed is not None and await lacks_factor(authority, signed.account)
    app, registered = (client.value.name, client.value.scope) if client is not None else ("", "")
    return Visit(flow, app, registered, signed, lacks, () if signed else await buttons(authority.own))


async def lacks_factor(authority: Authority, account: Account) -> bool:
    """Whether the tenant wants a second factor of the person, and there is none."""
    wanted = is_wanted(authority.wants_second_factor_of, account)
    return wanted and await factor_of(authority.own, account.id) is None


def to_flow(authority: Authority, flow: Flow, set_cookies: tuple[str, ...] = ()) -> Answer:
    """On to the page that comes next."""
    address = f"{authority.address(AUTHORIZE)}?flow={seal(authority.own.tenant, flow)}"
    return redirect(address, [("Set-Cookie", cookie) for cookie in set_cookies])


async def next_page(authority: Authority, at: Visit) -> Answer:
    """The page that is needed before the app can be answered. Raises RefusedError."""
    flow = at.flow
    if at.signed is None or flow.place or at.lacks_factor:
        return _before_the_app(authority, at)
    account, scopes = at.signed.account, at.scopes
    if flow.launched_for not in {"", account.id}:
        raise refused(flow, "access_denied", "The app was launched for somebody else than who is signed in.")
    if not scopes:
        raise refused(flow, "invalid_scope", "None of the scopes may be granted.")
    if not await _may_see_context(authority, account, flow):
        raise refused(flow, "access_denied", "The person may not see the record that the app was launched with.")
    own_record = all(ROLES[role].own_record_only for role in account.roles if role in ROLES)
    if needs_patient(scopes) and not flow.patient:
        if own_record:
            return await next_page(authority, with_flow(at, patient=account.patient))
        if flow.silent:
            raise refused(flow, "interaction_required", "A patient is to be chosen.")
        return patient_page(authority, at)
    if "launch/encounter" in scopes and flow.patient and not flow.encounter_asked and not flow.silent:
        return await _visit_page(authority, at)
    if flow.silent:
        raise refused(flow, "consent_required", "The person is to be asked.")
    return await consent_page(authority, at)


def _before_the_app(authority: Authority, at: Visit) -> Answer:
    """Sign in, go to the page of this server that was wanted, or add a second factor. Raises RefusedError."""
    flow = at.flow
    if at.signed is None:
        if flow.silent:
            raise refused(flow, "login_required", "Nobody is signed in.")
        return sign_in_page(authority, at)
    if flow.place:
        return redirect(authority.address(flow.place))
    if flow.silent:
        raise refused(flow, "interaction_required", "A second factor is to be added.")
    return redirect(f"{authority.address(SECOND_FACTOR)}?then={seal(authority.own.tenant, flow)}")


def with_flow(at: Visit, **changes: Any) -> Visit:
    return replace(at, flow=msgspec.structs.replace(at.flow, **changes))


async def _may_see_context(authority: Authority, account: Account, flow: Flow) -> bool:
    caller = reader(authority, account)
    return (not flow.patient or await sees(authority, caller, "Patient", flow.patient)) and (
        not flow.encounter or await is_visit_of(authority, caller, flow.encounter, flow.patient)
    )


def reader(authority: Authority, account: Account) -> Principal:
    """The person, reading on the server's own pages."""
    own_record = all(ROLES[role].own_record_only for role in account.roles if role in ROLES)
    return authority.user(account, scope="patient/*.rs" if own_record else "user/*.rs")


def bound(authority: Authority, at: Visit) -> tuple[str, tuple[str, ...]]:
    """The flow for a form, bound to browser and session, and the cookies that this needs."""
    value = cookies.browser(authority)
    set_cookies: tuple[str, ...] = ()
    if not value:
        value, header = cookies.new_browser(authority)
        set_cookies = (header,)
    session = at.signed.id if at.signed else ""
    return seal(authority.own.tenant, msgspec.structs.replace(at.flow, browser=value, session=session)), set_cookies


def sign_in_page(authority: Authority, at: Visit, problem: str = "", name: str = "", status: int = 200) -> Answer:
    flow, set_cookies = bound(authority, at)
    return page(
        "sign_in",
        status,
        cookies=set_cookies,
        action=authority.address(SIGN_IN),
        flow=flow,
        app=at.app,
        problem=problem,
        name=name or at.flow.login_hint,
        outside=[
            {"address": f"{authority.address(OUTSIDE)}?provider={id_}&flow={flow}", "title": title}
            for id_, title in at.outside
        ],
    )


def second_step_page(authority: Authority, at: Visit, half: Half, problem: str = "") -> Answer:
    """Asks for a code. Nothing of it tells whether the password was right."""
    following = with_flow(at, half=half.proof, half_at=half.at, name=half.name)
    flow, set_cookies = bound(authority, following)
    again = msgspec.structs.replace(at.flow, half="", half_at=0, name="", login_hint=half.name[:128])
    return page(
        "second_step",
        400 if problem else 200,
        cookies=set_cookies,
        action=authority.address(SECOND_STEP),
        start=f"{authority.address(AUTHORIZE)}?flow={seal(authority.own.tenant, again)}",
        flow=flow,
        app=at.app,
        problem=problem,
    )


def patient_page(authority: Authority, at: Visit, problem: str = "", **values: Any) -> Answer:
    flow, set_cookies = bound(authority, at)
    shown = {"found": None, "more": False, "name": "", "birthdate": "", **values}
    return page(
        "choose",
        400 if problem else 200,
        cookies=set_cookies,
        leads_to=at.flow.redirect_uri,
        action=authority.address(PATIENT),
        flow=flow,
        app=at.app,
        problem=problem,
        **shown,
    )


async def _visit_page(authority: Authority, at: Visit) -> Answer:
    flow, set_cookies = bound(authority, at)
    caller = reader(authority, _account(at))
    return page(
        "encounter",
        cookies=set_cookies,
        action=authority.address(PATIENT),
        flow=flow,
        app=at.app,
        patient=await name_of(authority, caller, at.flow.patient) or "the patient",
        found=await find_visits(authority, caller, at.flow.patient),
    )


async def consent_page(authority: Authority, at: Visit, problem: str = "") -> Answer:
    flow, set_cookies = bound(authority, at)
    account = _account(at)
    patient = await name_of(authority, reader(authority, account), at.flow.patient) if at.flow.patient else None
    return page(
        "consent",
        400 if problem else 200,
        cookies=set_cookies,
        leads_to=at.flow.redirect_uri,
        action=authority.address(CONSENT),
        sign_out=authority.address(SIGN_OUT),
        flow=flow,
        app=at.app,
        person=account.display,
        patient=patient,
        place=at.flow.redirect_uri.partition("?")[0],
        problem=problem,
        scopes=[{"text": scope, "words": in_words(scope, patient or "")} for scope in at.scopes],
    )


def _account(at: Visit) -> Account:
    if at.signed is None:
        raise PageError("Sign in first.")
    return at.signed.account
