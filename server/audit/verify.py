"""Does a tenant's trail hold together? Every batch opens at its place, follows the one before it, and each signed statement fits.

The first broken link is named by its kind and by the number of the record at which it is, counted from 1 over the whole trail,
what retention took away included (docs/audit.md). Memory does not grow with the trail.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from server.audit.batches import BatchBrokenError, batches_of, opened, row_number
from server.audit.checkpoint import Checkpoint
from server.audit.statements import Statements
from server.seal.keyring import Tenant
from server.store.audit_chain import LINK_BYTES, chain_after
from server.store.store import AuditBatch, Store

NEAR: Final = 500
"""A batch that does not open at its place may belong to another one, so many places away at most."""

Kind = Literal["missing", "edited", "reordered", "truncated", "forged-checkpoint"]
Scope = Literal["all", "recent"]
"""From the beginning, or from the newest checkpoint that still fits."""


@dataclass(frozen=True, slots=True)
class Place:
    """So far the trail was looked at: the last batch, how many of them and of their records, the hash, the last record."""

    seq: int = 0
    batches: int = 0
    records: int = 0
    chain: bytes = b""
    row: int | None = None
    at: int = 0

    @property
    def head(self) -> str:
        """What an outsider may note: of the same records it is always the same."""
        return f"{self.records}:{self.chain.hex()[:32]}"


@dataclass(frozen=True, slots=True)
class Break:
    """`position`: the number of the first record that is not as it was. `after`, `before`: row numbers of the records around it."""

    kind: Kind
    position: int
    sentence: str
    after: int | None = None
    before: int | None = None
    at: int = 0
    """When the last record before it was made; microseconds, 0 where there is none."""


@dataclass(frozen=True, slots=True)
class Witness:
    """A head that somebody noted outside."""

    records: int
    head: str


class Verification:
    """`breaks` once; `place` is how far it is. `start` is where it began."""

    def __init__(self, store: Store, tenant: Tenant, statements: Statements, witness: Witness | None = None) -> None:
        self._store = store
        self._tenant = tenant
        self._statements = statements
        self._expected: deque[Checkpoint] = deque()
        self._witness = witness
        self._is_known_broken = False
        self.start = self.place = _place_of(statements.pruned.checkpoint) if statements.pruned is not None else Place()

    @property
    def pruned(self) -> int:
        """How many records retention took away."""
        return self._statements.pruned.checkpoint.records if self._statements.pruned is not None else 0

    @property
    def signed(self) -> list[str]:
        """All that is signed about the trail, oldest first."""
        gone = [self._statements.pruned.statement] if self._statements.pruned is not None else []
        return [*gone, *(signed.statement for signed in self._statements.checkpoints)]

    async def breaks(self, scope: Scope = "all") -> AsyncIterator[Break]:
        """Every broken link, in their order. Raises StoreUnavailableError."""
        if scope == "recent":
            self.start = self.place = await self._last_good()
        after = self.start.seq
        self._expected.extend(s.checkpoint for s in self._statements.checkpoints if s.checkpoint.batch > after)
        if (found := self._compare_witness()) is not None:
            yield found
        async for batch in batches_of(self._store, self._tenant.number, after):
            for found in (self._look_at(batch), self._compare(batch.seq), self._compare_witness()):
                if found is not None:
                    yield found
        for found in (self._cut_off(), self._compare_witness(at_end=True)):
            if found is not None:
                yield found
        if self._statements.forged:
            yield self._forged()

    async def _last_good(self) -> Place:
        for signed in reversed(self._statements.checkpoints):
            batch = await self._store.audit_batch(signed.checkpoint.batch)
            if batch is not None and batch.tenant == self._tenant.number and batch.chain.hex() == signed.checkpoint.chain:
                return _place_of(signed.checkpoint)
        return self.start

    def _look_at(self, batch: AuditBatch) -> Break | None:
        """What is wrong with the batch, and on to behind it."""
        before = self.place
        self.place = Place(batch.seq, before.batches + 1, before.records + batch.count, batch.chain)
        try:
            content = opened(self._tenant, batch)
        except BatchBrokenError:
            self.place = replace(self.place, row=before.row, at=before.at)
            return self._is_broken(self._not_opening(before, batch))
        if content.records:
            last = row_number(batch.seq, len(content.records) - 1)
            self.place = replace(self.place, row=last, at=content.records[-1].recorded)
        fits = chain_after(before.chain, batch.seq, batch.body) == batch.chain
        follows = fits if content.before is None else content.before == before.chain[:LINK_BYTES]
        here = Break("edited", before.records + 1, "", before.row, row_number(batch.seq, 0), before.at)
        if not follows:
            sentence = "What came between two records is missing: the later one does not follow the earlier one."
            return self._is_broken(replace(here, kind="missing", sentence=sentence))
        if not fits or len(content.records) != batch.count:
            return self._is_broken(replace(here, sentence="The hash or the number of records that is kept was changed."))
        return None

    def _not_opening(self, before: Place, batch: AuditBatch) -> Break:
        here = Break("edited", before.records + 1, "", before.row, None, before.at)
        if self._is_of_another_place(batch):
            return replace(here, kind="reordered", sentence="Records stand here that belong to another place of the trail.")
        return replace(here, sentence="The records here do not open: they were changed, or come from elsewhere.")

    def _is_of_another_place(self, batch: AuditBatch) -> bool:
        if self._is_known_broken:  # that is looked for once: of many it would cost much and tell no more
            return False
        for distance in range(1, NEAR + 1):
            for seq in (batch.seq + distance, batch.seq - distance):
                try:
                    opened(self._tenant, batch, seq)
                except BatchBrokenError:
                    continue
                return True
        return False

    def _compare(self, seq: int) -> Break | None:
        """The statements about the trail up to here, against what is here."""
        found: Break | None = None
        while self._expected and self._expected[0].batch <= seq:
            expected = self._expected.popleft()
            if expected.batch == seq and expected.chain == self.place.chain.hex():
                if expected.records != self.place.records and not self._is_known_broken:
                    found = self._signed_otherwise(expected)
                self._is_known_broken = False
                self.place = replace(self.place, batches=expected.batches, records=expected.records)
            elif not self._is_known_broken:
                found = self._is_broken(self._signed_otherwise(expected))
        return found

    def _signed_otherwise(self, expected: Checkpoint) -> Break:
        sentence = (
            f"A signed checkpoint says that {expected.records} records ended otherwise than they do: "
            "the end of the trail was cut off, or an older copy of the store put in its place, and it went on from there."
        )
        return Break("truncated", min(expected.records, self.place.records), sentence, None, self.place.row, 0)

    def _cut_off(self) -> Break | None:
        if not self._expected or self._is_known_broken:
            return None
        last = self._expected[-1]
        sentence = (
            f"The trail ends after {self.place.records} records, and a signed checkpoint says there were {last.records}: "
            "its end was cut off, or an older copy of the store put in its place."
        )
        return self._is_broken(Break("truncated", self.place.records + 1, sentence, self.place.row, None, self.place.at))

    def _compare_witness(self, *, at_end: bool = False) -> Break | None:
        """The noted head is that of some batch's end."""
        witness, place = self._witness, self.place
        if witness is None or (place.records < witness.records and not at_end):
            return None
        self._witness = None
        if place.head == witness.head:
            return None
        sentence = f"After {witness.records} records the trail had another head when that was noted outside."
        return Break("truncated", min(witness.records, place.records + 1), sentence, place.row, None, place.at)

    def _forged(self) -> Break:
        count = self._statements.forged
        sentence = f"{count} statement{'s' if count > 1 else ''} about the trail bear no signature of this installation."
        return Break("forged-checkpoint", self.place.records + 1, sentence, self.place.row, None, self.place.at)

    def _is_broken(self, found: Break) -> Break:
        self._is_known_broken = True
        return found


def _place_of(checkpoint: Checkpoint) -> Place:
    return Place(checkpoint.batch, checkpoint.batches, checkpoint.records, bytes.fromhex(checkpoint.chain))
