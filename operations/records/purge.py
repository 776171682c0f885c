"""`$purge`: versions, a resource or a patient's whole record taken away for good, with a receipt (ours; after HAPI's $expunge).

For administrators. One commit does it, and the audit record in that commit names what went and holds the receipt: a digest over the
sealed bytes of every version. Whoever has a backup can tell from it what was there; nobody can tell from it what it said. AuditEvents
stay. A resource that is part of several patients' records is kept for the others, and what a consent hides from the caller is not there:
who must erase that as well breaks the glass.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from operations.definition import Definition, Parameter, needed
from operations.given_values import flag, text
from operations.policy.fhir_parameters import boolean, code, parameters
from operations.ports import Changes, Context, Erasure, KeptVersion, Operation, OperationInput, OperationOutput
from operations.records.referred import names_in
from profiles.outcome import refuse

What = Literal["history", "record", "everything"]
ADMINISTRATORS: Final = frozenset({"administrator"})
MOST: Final = 1000
"""Resources that one commit erases."""
_HOLDERS: Final = frozenset({"Bundle", "Binary", "Parameters"})
_WHAT: Final[tuple[What, ...]] = ("history", "record", "everything")

PURGE: Final = Definition(
    id="Resource-purge",
    code="purge",
    title="Erase for good",
    text="Takes earlier versions, the whole resource, or all of a patient's record away for good, in one commit, with a receipt. For "
    "administrators. It cannot be undone; AuditEvents stay.",
    levels=("instance",),
    on=("Resource",),
    takes=(
        needed(
            "what",
            "code",
            "history: the versions before the current one. record: the resource with all its versions, also a deleted one. "
            "everything: of a Patient, all that is or was part of the record and of nobody else's.",
        ),
        Parameter("dryRun", "boolean", "Say what would go, and take nothing away. Default: false."),
    ),
    gives=(
        needed("what", "code"),
        needed("done", "boolean", "False for a dry run."),
        needed("resources", "integer", "How many resources were touched."),
        needed("versions", "integer", "How many versions of them went."),
        needed("kept", "integer", "Resources that were kept because they are part of other patients' records."),
        needed("receipt", "string", "sha256: and the digest that the audit record holds as well."),
        Parameter("erased", "Reference", "What was touched.", most=None),
        Parameter("residue", "integer", "How many of these versions can still be found. 0, or something is wrong."),
    ),
    affects_state=True,
)


@dataclass(slots=True)
class Plan:
    """What is to go: each resource's erasure and the versions that go with it."""

    erasures: list[Erasure] = field(default_factory=list)
    gone: list[Sequence[KeptVersion]] = field(default_factory=list)
    kept: int = 0

    def add(self, type_: str, id_: str, versions: Sequence[KeptVersion], *, whole: bool) -> None:
        gone = versions if whole else versions[1:]
        if gone:
            self.erasures.append(Erasure(type_, id_, versions[0].version, whole))
            self.gone.append(gone)

    @property
    def versions(self) -> int:
        return sum(map(len, self.gone))

    @property
    def receipt(self) -> str:
        """Over each version's name and sealed bytes, in order."""
        digest = hashlib.sha256()
        for erasure, gone in zip(self.erasures, self.gone, strict=True):
            for each in gone:
                digest.update(f"{erasure.type}/{erasure.id}/_history/{each.version} {each.digest}\n".encode())
        return f"sha256:{digest.hexdigest()}"


async def _run(given: OperationInput, context: Context) -> OperationOutput:
    what = _what(given)
    return await purge(given.resource_type or "", given.resource_id or "", what, context, dry=flag(given, "dryRun"))


def _what(given: OperationInput) -> What:
    asked = text(given, "what")
    for known in _WHAT:
        if asked == known and (known != "everything" or given.resource_type == "Patient"):
            return known
    words = "what is history, record, or, for a Patient, everything."
    raise refuse("parameter-value", words, "Parameters.parameter.where(name = 'what')")


async def purge(type_: str, id_: str, what: What, context: Context, *, dry: bool = False) -> OperationOutput:
    """Erase, and answer with the receipt. Raises FhirError, VersionConflictError."""
    plan = Plan()
    if what == "everything":
        await _whole_record(plan, id_, context)
    else:
        plan.add(type_, id_, await context.records.versions(type_, id_), whole=what == "record")
    context.note_entity(f"{type_}/{id_}")
    if plan.erasures and not dry:
        for each in plan.erasures:
            if (each.type, each.id) != (type_, id_):
                context.note_entity(f"{each.type}/{each.id}")
        context.note_detail(f"what={what} resources={len(plan.erasures)} versions={plan.versions} receipt={plan.receipt}")
        await context.commit(Changes(erasures=plan.erasures))
    return OperationOutput(
        parameters(
            [
                code("what", what),
                boolean("done", not dry),
                {"name": "resources", "valueInteger": len(plan.erasures)},
                {"name": "versions", "valueInteger": plan.versions},
                {"name": "kept", "valueInteger": plan.kept},
                {"name": "receipt", "valueString": plan.receipt},
                *({"name": "erased", "valueReference": {"reference": f"{each.type}/{each.id}"}} for each in plan.erasures),
                *([] if dry else [{"name": "residue", "valueInteger": await _residue(plan, context)}]),
            ]
        )
    )


async def _whole_record(plan: Plan, patient: str, context: Context) -> None:
    """A resource is the patient's alone when its newest version is in no other record.

    What it refers to and nothing says whose it is, the Bundle of a request or the content of a document, goes with it.
    """
    beside: dict[str, None] = {}
    for type_, id_ in await context.records.ever_in_record(patient):
        versions = await context.records.versions(type_, id_)
        if not versions:
            continue
        if set(versions[0].patients) == {patient}:
            plan.add(type_, id_, versions, whole=True)
            beside |= dict.fromkeys(await _beside(type_, id_, versions, context))
        else:
            plan.kept += 1
    named = {f"{each.type}/{each.id}" for each in plan.erasures}
    for name in sorted(beside.keys() - named):
        type_, _, id_ = name.partition("/")
        versions = await context.records.versions(type_, id_)
        if not versions or set(versions[0].patients) - {patient}:
            continue
        if await _is_others(name, patient, context):
            plan.kept += 1
        else:
            plan.add(type_, id_, versions, whole=True)
    if len(plan.erasures) > MOST:
        raise refuse("search-too-costly", f"The record has more than {MOST} resources: erase some by themselves first.")


async def _beside(type_: str, id_: str, versions: Sequence[KeptVersion], context: Context) -> list[str]:
    """What all its versions refer to and may hold anybody's data."""
    found: list[str] = []
    for each in versions:
        resource = None if each.deleted else await context.records.read_version(type_, id_, each.version)
        if resource is not None:
            found += [name for name in names_in(resource, context.base_url) if name.partition("/")[0] in _HOLDERS]
    return found


async def _is_others(name: str, patient: str, context: Context) -> bool:
    """Whether a document of somebody else has the same content."""
    if not name.startswith("Binary/"):
        return False
    for address in (name, f"{context.base_url}/{name}"):
        async for found in context.records.find("DocumentReference", {"location": address}):
            if set(found.patients) - {patient}:
                return True
    return False


async def _residue(plan: Plan, context: Context) -> int:
    """Looks again, in the store."""
    left = 0
    for erasure, gone in zip(plan.erasures, plan.gone, strict=True):
        numbers = {each.version for each in gone}
        left += sum(each.version in numbers for each in await context.records.versions(erasure.type, erasure.id))
    return left


PURGE_OPERATION: Final = Operation(PURGE, _run, "d", discloses=True, roles=ADMINISTRATORS)
