"""What is needed to tell whether a trail is whole: the store, the keys whose signatures count, the witness outside the store."""

from __future__ import annotations

from dataclasses import dataclass

from server.audit.anchor import Anchor
from server.audit.checkpoint import Notary
from server.audit.statements import statements_of
from server.audit.verify import Verification, Witness
from server.seal.keyring import Tenant
from server.store.store import Store


@dataclass(frozen=True, slots=True)
class Proof:
    store: Store
    notary: Notary
    anchor: Anchor

    async def verification(self, tenant: Tenant, witness: Witness | None = None) -> Verification:
        """Raises StoreUnavailableError."""
        statements = await statements_of(self.store, self.notary, self.anchor, tenant.number)
        return Verification(self.store, tenant, statements, witness)
