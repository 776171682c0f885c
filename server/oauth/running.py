"""The authorization server as a part of the running program: what it needs, its work in the background, its front."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

from starlette.types import ASGIApp

from server.accounts.demo import SignIn, demo_accounts
from server.internal import OwnRecords
from server.oauth.authority import Shared
from server.oauth.client_keys import ClientKeys
from server.oauth.door import OAuthDoor
from server.oauth.id_token_key import IdTokenKey
from server.outgoing import Outgoing, networks, outgoing_client
from server.outside.remote import Remote
from server.rest.exchange import Services
from server.scim.door import ScimDoor
from server.seal.tenant_entries import DEFAULT
from server.store.store import StoreUnavailableError

SWEEP_SECONDS: Final = 60.0
AT_ONCE: Final = 500


class AuthorizationServer:
    """Made once the default tenant is there; `close` when nobody asks any more."""

    def __init__(self, services: Services) -> None:
        default = services.keyring.get(DEFAULT)
        if default is None:
            raise LookupError(DEFAULT)
        self._own = OwnRecords(services.store, default, services.now)
        self._client = outgoing_client()
        outgoing = Outgoing(self._client, networks(services.settings.inner_networks))
        keys = ClientKeys(outgoing)
        own_key = services.proof.notary.signing_key
        self._shared = Shared(services, own_key, IdTokenKey(self._own), keys, services.revoked, Remote(outgoing, keys))

    def front(self, others: ASGIApp) -> OAuthDoor:
        return OAuthDoor(ScimDoor(others, self._shared), self._shared)

    def work(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """To be run until it is cancelled."""
        return self._shared.revoked.run(), self._sweep()

    async def demo_accounts(self) -> list[SignIn]:
        """Those of the synthetic practice, made when they are not there; only for a store that has it."""
        return await demo_accounts(self._own)

    async def _sweep(self) -> None:
        """What is over is forgotten, a while after."""
        services = self._shared.services
        while True:
            with suppress(StoreUnavailableError):
                more = True
                while more:
                    more = await services.store.internals.forget(services.now(), AT_ONCE) == AT_ONCE
            await asyncio.sleep(SWEEP_SECONDS)

    async def close(self) -> None:
        await self._client.aclose()
