"""Access tokens: JWTs of the shape of RFC 9068, signed with ES256 by this server, read by this server.

Issuer and audience: a token of `assent token` names the server's key (RFC 9278 thumbprint URI) as both, so that it is good
at whatever address the server is reached. A token of the SMART server names the public base as issuer and the FHIR base of
its tenant as audience. A token of one tenant is never good for the base of another.

Claims of our own: `tenant`, `roles`, `moment` (`iat` in microseconds, since what is revoked may be given anew in the same second),
`fhirUser`, the launch context `patient` and `encounter`, and `purpose_of_use` (codes of v3 PurposeOfUse), which not every token has.
"""

from __future__ import annotations

import base64
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError

from server.audit.purposes import CODES
from server.auth.principal import Principal
from server.auth.scopes import parse_scopes
from server.auth.signing_key import ALGORITHM, SigningKey

LEEWAY: Final = 5
"""Seconds by which two clocks may differ."""

MAXIMUM_LENGTH: Final = 8192
"""Characters of a token. Ours have a few hundred."""

CACHE_SIZE: Final = 4096

TENANT = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
FHIR_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
FHIR_USER = re.compile(
    r"(?:https?://[^\s\"<>\\]{1,512}/)?(?:Patient|Person|Practitioner|PractitionerRole|RelatedPerson)/[A-Za-z0-9.-]{1,64}"
)

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_TYPE: Final = "at+jwt"
_MICROSECONDS: Final = 1_000_000
_LATEST: Final = 2**40  # far beyond any date; keeps arithmetic on claims small


class TokenError(Exception):
    """The token is not good. The message is a fixed sentence of ours and repeats nothing of the token."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token is to say. `scope` is the space-separated claim, kept as asked for."""

    tenant: str
    subject: str
    client_id: str
    roles: Sequence[str]
    scope: str
    fhir_user: str | None = None
    patient: str | None = None
    encounter: str | None = None
    token_id: str | None = None
    """The `jti`; a random one unless given. What is before its first full stop names the grant that it came from."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Claims besides, which no decision rests on."""


def issuer_of(base_url: str, tenant: str) -> str:
    """Who issues a tenant's tokens in the name of the SMART server."""
    return base_url if tenant == "default" else f"{base_url}/t/{tenant}"


def fhir_bases(base_url: str, tenant: str) -> tuple[str, ...]:
    """The FHIR bases of a tenant: that of PAS 2.2.1 first, then that of PAS 2.0.1."""
    root = base_url if tenant == "default" else f"{base_url}/t/{tenant}"
    return (f"{root}/fhir", f"{root}/pas-2.0.1/fhir")


def issue_token(
    key: SigningKey,
    grant: Grant,
    *,
    lifetime: int,
    now: float | None = None,
    issuer: str | None = None,
    audience: str | Sequence[str] | None = None,
) -> str:
    """A signed token, valid from `now` for `lifetime` seconds. Issuer and audience are the server's key unless given."""
    moment = round((time.time() if now is None else now) * _MICROSECONDS)
    issued = moment // _MICROSECONDS
    claims: dict[str, Any] = {
        "iss": issuer or key.urn,
        "aud": audience or key.urn,
        "sub": grant.subject,
        "client_id": grant.client_id,
        "iat": issued,
        "nbf": issued,
        "exp": issued + lifetime,
        "jti": grant.token_id or secrets.token_urlsafe(16),
        "scope": grant.scope,
        "tenant": grant.tenant,
        "roles": list(grant.roles),
        "moment": moment,
    }
    context = {"fhirUser": grant.fhir_user, "patient": grant.patient, "encounter": grant.encounter}
    claims.update({name: value for name, value in context.items() if value is not None})
    claims.update(grant.more)
    header = {"alg": ALGORITHM, "typ": _TYPE, "kid": key.key_id}
    return jwt.encode(header, claims, key.private, algorithms=[ALGORITHM])


class TokenVerifier:
    """Turns tokens into principals. Keeps the last `cache_size` good tokens by their SHA-256, until they expire.

    `clock` gives seconds since 1970. `is_revoked` is asked every time. Not for use by several threads at once.
    """

    def __init__(
        self,
        key: SigningKey,
        base_url: str,
        *,
        clock: Callable[[], float] = time.time,
        leeway: int = LEEWAY,
        cache_size: int = CACHE_SIZE,
        is_revoked: Callable[[Principal], bool] = lambda principal: False,
    ) -> None:
        self._key_id = key.key_id
        self._key = key.public
        self._urn = key.urn
        self._base_url = base_url
        self._clock = clock
        self._leeway = leeway
        self._cache_size = cache_size
        self._is_revoked = is_revoked
        self._cache: OrderedDict[bytes, Principal] = OrderedDict()

    def verify(self, token: str) -> Principal:
        """The token's principal; raises `TokenError`."""
        if not token.isascii():
            raise TokenError("The token has characters that no token has.")
        return self.verify_bytes(token.encode("ascii"))

    def is_still_good(self, principal: Principal) -> bool:
        """Whether a token that was good has neither run out nor been revoked."""
        return self._clock() < principal.expires + self._leeway and not self._is_revoked(principal)

    def verify_bytes(self, token: bytes) -> Principal:
        """As `verify`, for the bytes of a header: a token seen before costs one hash and one look-up."""
        if len(token) > MAXIMUM_LENGTH:
            raise TokenError("The token is longer than any this server issues.")
        digest = sha256(token).digest()
        principal = self._cache.get(digest)
        if principal is None:
            _, principal = self._check(token)
            if self._is_revoked(principal):
                raise TokenError("The token was revoked.")
            self._cache[digest] = principal
            if len(self._cache) > self._cache_size:
                self._cache.popitem(last=False)
            return principal
        if self._clock() >= principal.expires + self._leeway:
            del self._cache[digest]
            raise TokenError("The token has expired.")
        if self._is_revoked(principal):
            raise TokenError("The token was revoked.")
        self._cache.move_to_end(digest)
        return principal

    def claims(self, token: str) -> tuple[dict[str, Any], Principal]:
        """All that a good token says, revoked or not, and its principal; raises `TokenError`."""
        if not token.isascii() or len(token) > MAXIMUM_LENGTH:
            raise TokenError("The token is none of this server.")
        return self._check(token.encode("ascii"))

    def _check(self, token: bytes) -> tuple[dict[str, Any], Principal]:
        text = token.decode("ascii", errors="replace")
        if _COMPACT.fullmatch(text) is None or not all(_is_canonical(part) for part in text.split(".")):
            raise TokenError("The token is not a signed JWT.")
        try:
            decoded = jwt.decode(text, self._key, algorithms=[ALGORITHM])
        except (JoseError, ValueError, TypeError, LookupError, RecursionError) as error:
            raise TokenError("The token is not signed by this server.") from error
        header, claims = decoded.header, decoded.claims
        if header.get("kid") != self._key_id or header.get("typ") not in {_TYPE, f"application/{_TYPE}"}:
            raise TokenError("The token is not an access token of this server.")
        principal = _principal(claims)
        self._check_times(claims, principal)
        self._check_parties(claims, principal)
        return claims, principal

    def _check_times(self, claims: dict[str, Any], principal: Principal) -> None:
        now = self._clock()
        if now >= principal.expires + self._leeway:
            raise TokenError("The token has expired.")
        if now < max(principal.issued_at, _time(claims, "nbf")) - self._leeway:
            raise TokenError("The token is not valid yet.")

    def _check_parties(self, claims: dict[str, Any], principal: Principal) -> None:
        if principal.issuer not in {self._urn, self._base_url, issuer_of(self._base_url, principal.tenant)}:
            raise TokenError("The token has another issuer.")
        named = claims.get("aud")
        audiences = [named] if isinstance(named, str) else named
        if not isinstance(audiences, list) or not all(isinstance(audience, str) for audience in audiences):
            raise TokenError("The token lacks an audience.")
        if not {self._urn, *fhir_bases(self._base_url, principal.tenant)}.intersection(audiences):
            raise TokenError("The token is meant for another server or tenant.")


def _is_canonical(part: str) -> bool:
    """Whether no other base64url text stands for the same bytes: one token has one spelling, and one cache entry."""
    try:
        decoded = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return False
    return base64.urlsafe_b64encode(decoded).rstrip(b"=").decode("ascii") == part


def _principal(claims: dict[str, Any]) -> Principal:
    tenant = _text(claims, "tenant")
    if TENANT.fullmatch(tenant) is None:
        raise TokenError("The token names no tenant.")
    return Principal(
        tenant=tenant,
        subject=_text(claims, "sub"),
        client_id=_text(claims, "client_id"),
        roles=_roles(claims),
        scopes=parse_scopes(_text(claims, "scope") if "scope" in claims else ""),
        token_id=_text(claims, "jti"),
        expires=_time(claims, "exp"),
        fhir_user=_matching(claims, "fhirUser", FHIR_USER),
        patient=_matching(claims, "patient", FHIR_ID),
        encounter=_matching(claims, "encounter", FHIR_ID),
        purposes=_purposes(claims),
        issued_at=_time(claims, "iat"),
        moment=_moment(claims),
        issuer=_text(claims, "iss"),
    )


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value or not value.isprintable():
        raise TokenError(f"The token lacks the claim {name}, or it is no text.")
    return value


def _time(claims: dict[str, Any], name: str) -> int:
    value = claims.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _LATEST:
        raise TokenError(f"The token lacks the claim {name}, or it is no time.")
    return value


def _moment(claims: dict[str, Any]) -> int:
    """When the token was issued, in microseconds: within the second that `iat` says, or its beginning."""
    second = _time(claims, "iat")
    value = claims.get("moment", second * _MICROSECONDS)
    if not isinstance(value, int) or isinstance(value, bool) or value // _MICROSECONDS != second:
        raise TokenError("The token's claim moment is not within the second of iat.")
    return value


def _roles(claims: dict[str, Any]) -> frozenset[str]:
    roles = claims.get("roles", [])
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise TokenError("The token's roles are no list of names.")
    return frozenset(roles)


def _purposes(claims: dict[str, Any]) -> tuple[str, ...] | None:
    """Codes that are none of PurposeOfUse allow nothing."""
    given = claims.get("purpose_of_use")
    if given is None:
        return None
    codes = given if isinstance(given, list) else [given]
    if not all(isinstance(code, str) for code in codes):
        raise TokenError("The token's purposes of use are no list of codes.")
    return tuple(code for code in codes if code in CODES)


def _matching(claims: dict[str, Any], name: str, form: re.Pattern[str]) -> str | None:
    if name not in claims:
        return None
    value = _text(claims, name)
    if form.fullmatch(value) is None:
        raise TokenError(f"The token's claim {name} has the wrong form.")
    return value
