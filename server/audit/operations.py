"""The operations of the audit trail, for the registry of the server (docs/audit.md)."""

from __future__ import annotations

from operations.ports import Operation
from server.audit.disclosures_operation import disclosures_operations
from server.audit.export_operation import export_trail
from server.audit.log import AuditLog
from server.audit.proof import Proof
from server.audit.tail import tail
from server.audit.verify_operation import verify
from server.seal.keyring import Keyring, Tenant


def audit_operations(log: AuditLog, proof: Proof, keyring: Keyring) -> tuple[Operation, ...]:
    def tenant_of(name: str) -> Tenant:
        found = keyring.get(name)
        if found is None:
            raise LookupError(name)  # who asks was let in as a caller of that tenant
        return found

    store = proof.store
    return (
        verify(proof, tenant_of),
        export_trail(store, log, tenant_of),
        tail(store, log, tenant_of),
        *disclosures_operations(log),
    )
