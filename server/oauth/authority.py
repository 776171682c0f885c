"""The authorization server of one tenant: its addresses, its records, and what it leaves in the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from server.accounts.account import Account
from server.accounts.session import Limits
from server.audit.trail import Trail
from server.auth.access_token import fhir_bases, issuer_of
from server.auth.principal import Principal
from server.auth.scopes import parse_scopes
from server.auth.signing_key import SigningKey
from server.config import LONGEST_ACCESS_TOKEN, Settings
from server.internal import OwnRecords
from server.oauth.client_keys import ClientKeys
from server.oauth.id_token_key import IdTokenKey
from server.oauth.revoked import Revoked, What, revoke
from server.oauth.wire import Call
from server.outside.remote import Remote
from server.rest.exchange import Services
from server.store.internal import Drop, Keep
from server.store.store import StaleVersionError

AUTHORIZE: Final = "/oauth/authorize"
SIGN_IN: Final = "/oauth/sign-in"
SIGN_OUT: Final = "/oauth/sign-out"
SECOND_STEP: Final = "/oauth/second-step"
PATIENT: Final = "/oauth/patient"
CONSENT: Final = "/oauth/consent"
TOKEN_ENDPOINT: Final = "/oauth/" + "token"
INTROSPECT: Final = "/oauth/introspect"
REVOKE: Final = "/oauth/revoke"
REGISTER: Final = "/oauth/register"
LAUNCH: Final = "/oauth/launch"
OUTSIDE: Final = "/oauth/outside"
OUTSIDE_BACK: Final = "/oauth/outside/back/"
"""Behind it: the name of the provider that somebody comes back from."""

ACCOUNT: Final = "/account"
PASSWORD_FORM: Final = "/account/" + "password"
SECOND_FACTOR: Final = "/account/second-factor"
SESSIONS: Final = "/account/sessions"
SIGN_OUT_HERE: Final = "/account/sign-out"
ACCOUNTS: Final = "/accounts"
INVITE: Final = "/accounts/invite"
ONE_ACCOUNT: Final = "/accounts/one"
JWKS: Final = "/oauth/jwks"

PAGES: Final = "assent-pages"
"""What the audit trail names as the client of the server's own pages."""

_LONG_AGO: Final = 0


@dataclass(frozen=True, slots=True)
class Shared:
    """What the authorization servers of all tenants have in common."""

    services: Services
    signing_key: SigningKey
    id_token_key: IdTokenKey
    client_keys: ClientKeys
    revoked: Revoked
    outside: Remote

    @property
    def settings(self) -> Settings:
        return self.services.settings


@dataclass(frozen=True, slots=True)
class Authority:
    """For one tenant, and one request."""

    shared: Shared
    own: OwnRecords
    call: Call

    @property
    def settings(self) -> Settings:
        return self.shared.settings

    @property
    def tenant(self) -> str:
        return self.own.tenant.name

    @property
    def issuer(self) -> str:
        return issuer_of(self.settings.base_url, self.tenant)

    @property
    def bases(self) -> tuple[str, ...]:
        """The tenant's FHIR bases, the main one first."""
        return fhir_bases(self.settings.base_url, self.tenant)

    def address(self, path: str) -> str:
        return f"{self.issuer}{path}"

    @property
    def wants_second_factor_of(self) -> str:
        """One of `second_factor.RULES`: the tenant's own word, or that of the settings."""
        entry = self.shared.services.keyring.entries().get(self.tenant, {})
        return str(entry.get("second_factor") or self.settings.second_factor)

    @property
    def limits(self) -> Limits:
        return Limits(self.settings.session_idle, self.settings.session_lifetime)

    def seconds(self) -> int:
        return self.own.now() // 1_000_000

    def note(
        self,
        activity: str,
        status: int = 200,
        refusal: str = "",
        *,
        who: Principal | None = None,
        actor: str = "",
        query: str = "",
        patients: Sequence[str] = (),
    ) -> bytes:
        """An audit record of something that happened here: `activity` is `sign-in`, `token-issue` and such."""
        trail = Trail(self.call.request_id, self.call.address, f"${activity}", "E", who, actor, query)
        trail.patients.update(patients)
        return trail.encode(self.own.now(), status, refusal)

    def user(self, account: Account, client: str = PAGES, scope: str = "", patient: str | None = None) -> Principal:
        """An account's principal where no token is at hand."""
        return Principal(
            self.tenant,
            account.id,
            client,
            frozenset(account.roles),
            parse_scopes(scope),
            str(uuid4()),
            _LONG_AGO,
            account.fhir_user or None,
            patient or account.patient or None,
        )

    def machine(self, client: str, roles: Sequence[str] = ()) -> Principal:
        """A client's principal where no person is."""
        return Principal(self.tenant, client, client, frozenset(roles), parse_scopes(""), str(uuid4()), _LONG_AGO)

    async def commit(self, changes: Sequence[Keep | Drop], *audit: bytes) -> None:
        """Raises StaleVersionError, StoreUnavailableError."""
        await self.own.commit(changes, audit)

    async def revoke(
        self, what: What, value: str, *audit: bytes, also: Sequence[Keep | Drop] = (), lifetime: int = 0
    ) -> None:
        """End a grant, a token, or all of a client that is gone: here at once, everywhere within a second.

        `lifetime`: seconds that the tokens live at most, where that is longer than ours do. Raises StaleVersionError for `also`.
        """
        longest = max(lifetime, LONGEST_ACCESS_TOKEN)
        while True:
            revocation, until, change = await revoke(self.own, what, value, for_good=True, lifetime=longest)
            try:
                await self.commit([change, *also], *audit)
            except StaleVersionError as error:
                if error.key != change.key:
                    raise
                continue
            self.shared.revoked.add(self.tenant, revocation, until)
            return
