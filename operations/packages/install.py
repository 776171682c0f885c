"""Installing a package: everything it brings, its record and who did it in one commit, or nothing.

The ids of what it brings follow from package, version and canonical. So installing it again meets itself and changes nothing, two
callers at once end with one winner and one who finds it done, and a job that was killed is simply done again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, overload

from operations.packages.contents import GUIDE, Brought, Contents, digest_of, read_contents
from operations.packages.installed import find_installed, installed_packages, missing
from operations.packages.package_name import PackageName
from operations.packages.provenance import provenance
from operations.packages.record import record_of
from operations.packages.searched_by import not_applied
from operations.ports import Changes, Context, VersionConflictError, Write
from profiles import json
from profiles.outcome import FhirError, Issue, refuse

ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class Installation:
    """What came of it. `is_new` is false when the same package was installed already. `notes` are warnings."""

    package: PackageName
    sha256: str
    is_new: bool
    counts: tuple[tuple[str, int], ...]
    notes: tuple[Issue, ...]


async def install(data: bytes, context: Context) -> Installation:
    """Raises FhirError: package-... (docs/errors.md), id-in-use, edit-conflict."""
    contents = await asyncio.to_thread(read_contents, data)
    kept: frozenset[str] = frozenset()
    for _ in range(ATTEMPTS):
        present = await installed_packages(context.records)
        others = [one.package for one in present if one.package != contents.package]
        known = await find_installed(context.records, contents.package)
        if known is not None:
            if known.sha256 != contents.sha256:
                raise refuse(
                    "package-differs",
                    f"{contents.package} is installed with other content (sha256 {known.sha256}): remove it first.",
                )
            return _told(contents, others, is_new=False)
        record = Write(record_of(contents, context.now(), context.caller.subject), after_deletion=True)
        told = provenance(context, contents.package, contents.sha256, "CREATE")
        new = tuple(brought for brought in contents.resources if brought.reference not in kept)
        try:
            await context.commit(Changes(writes=_Writes(new, (record, told))))
        except VersionConflictError:
            kept = await _kept(contents, context)
            continue
        return _told(contents, others, is_new=True)
    raise refuse("edit-conflict", "Others install or remove the same package; try again.")


class _Writes(Sequence[Write]):
    """Parsed as they are taken: all of them at once would take many times the room."""

    def __init__(self, brought: tuple[Brought, ...], more: tuple[Write, ...]) -> None:
        self._brought = brought
        self._more = more

    def __len__(self) -> int:
        return len(self._brought) + len(self._more)

    @overload
    def __getitem__(self, index: int) -> Write: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Write]: ...
    def __getitem__(self, index: int | slice) -> Write | Sequence[Write]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        if index >= len(self._brought):
            return self._more[index - len(self._brought)]
        return Write(json.loads(self._brought[index].content), after_deletion=True)


async def _kept(contents: Contents, context: Context) -> frozenset[str]:
    """What is there already as the package has it, because its record alone was deleted: that is kept.

    A conflict may also be another caller who installs the same. If it is neither, an id is somebody else's: FhirError (409).
    """
    kept = set()
    for brought in contents.resources:
        present = await context.records.read(brought.type, brought.id)
        if present is not None and digest_of(present) != brought.digest:
            raise _taken(brought.reference)
        kept |= {brought.reference} if present is not None else set()
    record_id = contents.package.record_id
    if (
        await context.records.read(GUIDE, record_id) is not None
        and await find_installed(context.records, contents.package) is None
    ):
        raise _taken(f"{GUIDE}/{record_id}")
    return frozenset(kept)


def _taken(reference: str) -> FhirError:
    return refuse("id-in-use", f"{reference} is there already, and is not what the package has: delete it first.")


def _told(contents: Contents, others: Sequence[PackageName], *, is_new: bool) -> Installation:
    counts = Counter(brought.type for brought in contents.resources)
    notes = [*missing(contents.manifest.dependencies, others), *contents.left_out, *not_applied(contents)]
    return Installation(contents.package, contents.sha256, is_new, tuple(sorted(counts.items())), tuple(notes))
