"""The rows of the matrix that show many records at once: what each must show, by a naive model over the records alone.

A row asks one question and says, for a caller, the names that the answer must hold; where that is none, a refusal (403, 404) is as good.
The model knows who refers to whom (REFERS) and what a caller reaches (matrix_world.Caller), and nothing of the server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from matrix_world import BY_NAME, RECORDS, SECRET, Caller, Record

Names = set[str]

REFERS: Final[dict[str, tuple[str, ...]]] = {
    **{f"Observation/{kind}-{who}": (f"Patient/{who}",) for kind in ("lab", "vit", "bare") for who in ("p1", "p2")},
    **{f"{name}-{who}": (f"Patient/{who}",) for name in ("Condition/c", "Task/t") for who in ("p1", "p2")},
    **{f"Coverage/v-{who}": (f"Patient/{who}", "Organization/org") for who in ("p1", "p2")},
    **{f"List/li-{who}": (f"Patient/{who}", "Observation/lab-p1", "Observation/lab-p2", "Observation/vit-p1") for who in ("p1", "p2")},
    **{f"DocumentReference/d-{who}": (f"Patient/{who}", f"Binary/b-{who}") for who in ("p1", "p2")},
    **{f"Binary/own-{who}": (f"Patient/{who}",) for who in ("p1", "p2")},
    "Group/both": ("Patient/p1", "Patient/p2"),
}  # fmt: skip
"""From each record, what it names."""


@dataclass(frozen=True)
class Row:
    """`shows` are the names in the answer and all pages behind it; `body` makes it a POST."""

    path: str
    shows: Callable[[Caller], Names]
    body: Any = None


def searched(caller: Caller, *types: str) -> Names:
    """What a search of these types finds (of all types, where none is named)."""
    return {
        record.name
        for record in RECORDS
        if (not types or record.type in types) and caller.reaches_by("s", record) and _is_found(record, caller)
    }


def _is_found(record: Record, caller: Caller) -> bool:
    """A search does not look at what a Binary was stored for: one that is nobody's own is found by who reaches all."""
    limited = all(
        scope.reach == "patient" for scope in caller.scopes if "s" in scope.letters and record.type in scope.types
    )
    return not record.context or bool(record.who) or not (limited or caller.role == "patient")


def read(caller: Caller, names: Iterable[str]) -> Names:
    return {name for name in names if caller.reaches_by("r", BY_NAME[name])}


def referred(names: Iterable[str], *types: str) -> Names:
    return {target for name in names for target in REFERS.get(name, ()) if target.partition("/")[0] in types}


def referring(names: Names, *types: str) -> Names:
    return {name for name, targets in REFERS.items() if name.partition("/")[0] in types and names.intersection(targets)}


# -- the rows ----------------------------------------------------------------------------------------------------------------


def _everything(path: str, anchor: str, patients: frozenset[str]) -> Row:
    """The records of these patients; and what those refer to, but for what is another's."""

    def shows(caller: Caller) -> Names:
        if not caller.reaches_by("r", BY_NAME[anchor]) or not caller.may_all("r", BY_NAME[anchor].type):
            return set()
        of_it = {name for name in searched(caller) if BY_NAME[name].who & patients}
        found = {name for name in of_it if caller.may_all("s", BY_NAME[name].type)}
        beside = {target for name in found for target in REFERS.get(name, ())}
        return found | read(
            caller,
            (
                name
                for name in beside
                if caller.may_all("r", BY_NAME[name].type) and (not BY_NAME[name].who or BY_NAME[name].who & patients)
            ),
        )

    return Row(path, shows)


def _listed(caller: Caller) -> Names:
    """Of a list that is seen, and without what was taken off it."""
    if not caller.reaches_by("r", BY_NAME["List/li-p1"]):
        return set()
    return searched(caller, "Observation") & {"Observation/lab-p1", "Observation/lab-p2"}


def _covered(caller: Caller) -> Names:
    """Round by round: what leads from one to the next must be seen itself."""
    patients = searched(caller, "Patient")
    coverages = read(caller, referring(patients, "Coverage"))
    observations = read(caller, referring(patients, "Observation"))
    return patients | coverages | observations | read(caller, referred(coverages, "Organization"))


def _of_lists(caller: Caller) -> Names:
    lists = searched(caller, "List")
    items = read(caller, referred(lists, "Observation"))
    patients = read(caller, referred(items, "Patient"))
    return lists | items | patients | read(caller, referring(patients, "Condition"))


def _newest(caller: Caller) -> Names:
    if not caller.may_all("s", "Observation"):
        return set()
    return {name for name in searched(caller, "Observation") if BY_NAME[name].who == {"p1"}}


def _matched(caller: Caller) -> Names:
    return searched(caller, "Patient") & {"Patient/p1"} if caller.may_all("s", "Patient") else set()


def _tagged(caller: Caller) -> Names:
    return searched(caller, "Observation") if caller.may_all("r", "Observation") else set()


def _both(caller: Caller) -> Names:
    """It is called on all types, of which a payer reads some."""
    names = {"Observation/lab-p1", "Observation/lab-p2"}
    return names if caller.role != "payer" and read(caller, names) == names else set()


def _several(*types: str) -> Callable[[Caller], Names]:
    """All of the types must be searchable."""

    def shows(caller: Caller) -> Names:
        named = (any(caller.may_name("s", scope, type_) for scope in caller.scopes) for type_ in types)
        return searched(caller, *types) if all(named) else set()

    return shows


PERSON: Final = {
    "resourceType": "Patient",
    "identifier": [{"system": "urn:matrix", "value": "p1"}],
    "name": [{"family": f"{SECRET}p1"}],
}
ROWS: Final = (
    _everything("Patient/p1/$everything?_count=3", "Patient/p1", frozenset({"p1"})),
    _everything("Patient/p2/$everything?_count=4", "Patient/p2", frozenset({"p2"})),
    _everything("Group/both/$everything?_count=7", "Group/both", frozenset({"p1", "p2"})),
    Row("Observation?_list=li-p1&_count=1", _listed),
    Row(
        "Patient?_revinclude=Coverage:beneficiary&_revinclude=Observation:subject&_include:iterate=Coverage:payor&_count=1",
        _covered,
    ),
    Row("List?_include=List:item&_include:iterate=Observation:subject&_revinclude:iterate=Condition:subject", _of_lists),
    Row("?_type=Observation,Condition,Organization&_count=4", _several("Observation", "Condition", "Organization")),
    Row("?_count=5&_type=Task,Coverage", _several("Task", "Coverage")),
    Row("Observation/$lastn?patient=Patient/p1&max=9", _newest),
    Row("Patient/$match", _matched, PERSON),
)
TAGS: Final = Row("Observation/$meta", _tagged)
DIFF: Final = Row("$diff?from=Observation/lab-p1&to=Observation/lab-p2", _both)


def exported(caller: Caller, level: str) -> Names | None:
    """What an export holds; None where there is none: for who is let into one patient's record, or may not read what it is of."""
    if caller.patient is not None or caller.role == "patient":
        return None
    if level == "Patient/" and not any(caller.may_name("r", scope, "Patient") for scope in caller.scopes):
        return None
    if level == "Group/both/" and not caller.reaches_by("r", BY_NAME["Group/both"]):
        return None
    found = {name for name in searched(caller) if caller.reaches_by("r", BY_NAME[name])}
    return found if level == "" else {name for name in found if BY_NAME[name].who}


def entries(bundle: dict[str, Any]) -> Iterator[str]:
    for each in bundle.get("entry", ()):
        if each.get("search", {}).get("mode") != "outcome":
            yield f"{each['resource']['resourceType']}/{each['resource']['id']}"
