"""What the forms of the authorization pages do: each checks that it was made for this browser, does one thing, and leads on."""

from __future__ import annotations

import msgspec

from server.accounts import session as sessions
from server.accounts.account import Account, find_by_name
from server.accounts.sign_in import REFUSED_WITH_CODE, Half, SignInRefusedError, complete, was_right
from server.accounts.sign_in import sign_in as check_sign_in
from server.oauth import cookies
from server.oauth.authority import Authority
from server.oauth.authorize import (
    Visit,
    consent_page,
    next_page,
    patient_page,
    posted,
    reader,
    second_step_page,
    sign_in_page,
    to_flow,
    with_flow,
)
from server.oauth.authorize_request import refused
from server.oauth.code import issue
from server.oauth.errors import PageError
from server.oauth.flow import STALE
from server.oauth.grant import Granted
from server.oauth.parameters import Parameters, parse_form
from server.oauth.people_pages import find_patients, is_visit_of
from server.oauth.records import sees
from server.oauth.scopes_granted import needs_patient
from server.oauth.wire import Answer, redirect, with_parameters
from server.store.internal import Drop, Keep
from server.store.store import StaleVersionError


def _form(authority: Authority) -> Parameters:
    return parse_form(authority.call.headers.get("content-type", ""), authority.call.body)


async def sign_in(authority: Authority) -> Answer:
    """Answers `POST /oauth/sign-in`. A new session each time: what was in the cookie before means nothing."""
    form = _form(authority)
    at = await posted(authority, form)
    name, password = form.get("name") or "", form.get("password") or ""
    try:
        account = await check_sign_in(authority.own, name, password)
    except SignInRefusedError as error:
        await _note_failure(authority, at, name, error.code)
        return sign_in_page(authority, at, str(error), name[:256], 400)
    if isinstance(account, Half):
        known = await find_by_name(authority.own, name)
        right = known is not None and was_right(authority.own, account, known.value)
        await _note_failure(authority, at, name, "sign-in-half" if right else "sign-in-refused")
        return second_step_page(authority, at, account)
    return await begin_session(authority, at, account)


async def second_step(authority: Authority) -> Answer:
    """Answers `POST /oauth/second-step`: the code, after a name and a password."""
    form = _form(authority)
    at = await posted(authority, form)
    if not at.flow.half:
        raise PageError(STALE)
    half = Half(at.flow.name, at.flow.half, at.flow.half_at)
    try:
        account, used = await complete(authority.own, half, (form.get("code") or "")[:64])
        return await begin_session(authority, at, account, used)
    except SignInRefusedError as error:
        problem, code = str(error), error.code
    except StaleVersionError:  # the same code came twice at the same moment
        problem, code = REFUSED_WITH_CODE, "sign-in-refused"
    await _note_failure(authority, at, half.name, code)
    return second_step_page(authority, at, half, problem)


async def begin_session(
    authority: Authority, at: Visit, account: Account, *also: Keep | Drop, through: str = "", proved: int = 0
) -> Answer:
    """The person has proved who they are: a new session, whatever else is to be true with it, and on to the next page.

    `through` an outside provider, which says when (`proved`, microseconds; 0: now). Raises StaleVersionError for `also`.
    """
    device, address = authority.call.headers.get("user-agent", ""), authority.call.address
    secret, begun = sessions.begin(authority.own, account, authority.limits, device, address, proved)
    query = f"client={at.flow.client}{f'&provider={through}' if through else ''}"
    noted = authority.note("sign-in", who=authority.user(account), query=query)
    ended = [sessions.end(at.signed)] if at.signed else []
    await authority.commit([begun, *ended, *also], noted)
    fresh = msgspec.structs.replace(at.flow, session="", fresh_from=0, half="", half_at=0, name="")
    return to_flow(authority, fresh, (cookies.set_session(authority, secret),))


async def _note_failure(authority: Authority, at: Visit, name: str, code: str) -> None:
    known = await find_by_name(authority.own, name)  # people type passwords there: what is no name is not kept
    actor = known.value.name if known is not None else ""
    await authority.commit([], authority.note("sign-in", 401, code, actor=actor, query=f"client={at.flow.client}"))


async def sign_out(authority: Authority) -> Answer:
    """Answers `POST /oauth/sign-out`."""
    at = await posted(authority, _form(authority))
    if at.signed is not None:
        noted = authority.note("sign-out", who=authority.user(at.signed.account))
        await authority.commit([sessions.end(at.signed)], noted)
    flow = msgspec.structs.replace(at.flow, session="")
    if not flow.launched:
        flow = msgspec.structs.replace(flow, patient="", encounter="", encounter_asked=False)
    return to_flow(authority, flow, (cookies.end_session(authority),))


async def choose(authority: Authority) -> Answer:
    """Answers `POST /oauth/patient`: a search, a patient, or a visit."""
    form = _form(authority)
    at = await posted(authority, form)
    if at.signed is None or at.lacks_factor or at.flow.place:
        return await next_page(authority, at)
    if form.get("do") == "cancel":
        raise refused(at.flow, "access_denied", "The person chose no patient.")
    caller = reader(authority, at.signed.account)
    if (patient := form.get("patient")) is not None and not at.flow.patient:
        if not await sees(authority, caller, "Patient", patient):
            return patient_page(authority, at, "There is no such patient that you may see.")
        noted = authority.note("patient-choose", who=caller, patients=[patient], query=f"client={at.flow.client}")
        await authority.commit([], noted)
        return to_flow(authority, msgspec.structs.replace(at.flow, patient=patient))
    if at.flow.patient:
        encounter = form.get("encounter") or ""
        if encounter and not await is_visit_of(authority, caller, encounter, at.flow.patient):
            raise PageError("There is no such visit of this patient that you may see.")
        return to_flow(authority, msgspec.structs.replace(at.flow, encounter=encounter, encounter_asked=True))
    return await _search(authority, at, form)


async def _search(authority: Authority, at: Visit, form: Parameters) -> Answer:
    if at.signed is None:
        return await next_page(authority, at)
    caller = reader(authority, at.signed.account)
    name, birthdate = (form.get("name") or "")[:100], (form.get("birthdate") or "")[:10]
    try:
        found, more = await find_patients(authority, caller, name, birthdate)
    except ValueError as error:
        return patient_page(authority, at, str(error), name=name, birthdate=birthdate)
    return patient_page(authority, at, name=name, birthdate=birthdate, found=found, more=more)


async def consent(authority: Authority) -> Answer:
    """Answers `POST /oauth/consent`: the app is told yes, with a code, or no."""
    form = _form(authority)
    at = await posted(authority, form)
    flow, signed = at.flow, at.signed
    page = await next_page(authority, at)  # whatever is still missing, or is not so any more, is said now
    if signed is None or at.lacks_factor or flow.place:
        return page
    if not flow.session or (needs_patient(at.scopes) and not flow.patient and not signed.account.patient):
        return page
    patient = flow.patient or (signed.account.patient if needs_patient(at.scopes) else "")
    if form.get("do") != "allow":
        await authority.commit(
            [], authority.note("consent", 403, "denied", who=authority.user(signed.account, flow.client))
        )
        raise refused(flow, "access_denied", "The person did not allow it.")
    ticked = set(form.all("scope"))
    granted = [scope for scope in at.scopes if scope in ticked]
    if not granted:
        return await consent_page(authority, at, "Leave at least one of these, or choose Do not allow.")
    code, kept = issue(
        authority, _granted(authority, with_flow(at, patient=patient), granted), flow.redirect_uri, flow.challenge
    )
    patients = [patient] if patient else []
    noted = authority.note("consent", who=authority.user(signed.account, flow.client), patients=patients)
    await authority.commit([kept], noted)
    told = {"code": code, "state": flow.state, "iss": authority.issuer}
    return redirect(with_parameters(flow.redirect_uri, told))


def _granted(authority: Authority, at: Visit, scopes: list[str]) -> Granted:
    """What was allowed. The context goes along where a scope asks for it."""
    flow, signed = at.flow, at.signed
    if signed is None:
        raise PageError("Sign in first.")
    with_patient = needs_patient(scopes) or "launch" in scopes
    with_encounter = "launch/encounter" in scopes or "launch" in scopes
    return Granted(
        client=flow.client,
        account=signed.account.id,
        scope=" ".join(scopes),
        audience=flow.audience,
        begun=authority.own.now(),
        authenticated=signed.since,
        patient=flow.patient if with_patient else "",
        encounter=flow.encounter if with_encounter else "",
        fhir_context=flow.fhir_context if "launch" in scopes else [],
        intent=flow.intent if "launch" in scopes else "",
        nonce=flow.nonce,
        session=signed.id if "online_access" in scopes and "offline_access" not in scopes else "",
    )
