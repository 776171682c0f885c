"""What FHIRPath costs: R4's invariants on a PAS request, ours and fhirpathpy's in the same run.

    python -m benchmarks.fhirpath REQUEST.json hl7.fhir.r4.core-4.0.1.tgz

Mean over all invariants of the best of several rounds, warm, in microseconds. fhirpathpy does not know hasValue(), and is left out
where an expression uses it.
"""

from __future__ import annotations

import json as plain_json
import sys
import tarfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from profiles import json
from profiles.fhirpath import Services, compile_expression
from profiles.references import parse_reference
from profiles.structure import type_definition

TYPICAL = [
    ("Patient", "name.exists() or telecom.exists()"),
    ("Patient", "contact.all(name.exists() or telecom.exists() or address.exists() or organization.exists())"),
    ("Patient", "gender in ('male' | 'female' | 'other' | 'unknown')"),
    ("Patient", "name.where(use = 'official').given.first() = 'Ann'"),
    ("Patient", "birthDate <= @2026-01-01"),
    ("Claim", "(use.exists() and priority.exists()) implies status.exists()"),
    ("Claim", "item.all(productOrService.exists())"),
    ("Claim", "insurance.where(focal = true).count() = 1"),
    ("Claim", "item.sequence.isDistinct()"),
]


class ByAddress:
    """Knows of a reference no more than the type in its address."""

    def resolve(self, reference: str, root: Any) -> Any:
        parsed = parse_reference(reference)
        return None if parsed is None or parsed.type is None else {"resourceType": parsed.type}


SERVICES = Services(resolver=ByAddress())
Case = tuple[str, str, Any, Any]
"""(type, expression, value, the resource around it)."""


def invariants(package: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    with tarfile.open(package) as archive:
        for member in archive:
            if not member.name.startswith("package/StructureDefinition-") or (file := archive.extractfile(member)) is None:
                continue
            definition = json.loads(file.read())
            if definition.get("derivation") == "constraint":
                continue
            for element in definition["snapshot"]["element"]:
                for constraint in element.get("constraint", ()):
                    if "expression" in constraint:
                        found.setdefault(element["path"], set()).add(constraint["expression"])
    return found


def cases(value: Any, kind: str, path: str, around: Any, rules: dict[str, set[str]]) -> Iterator[Case]:
    for expression in rules.get(kind, set()) | rules.get(path, set()):
        yield kind, expression, value, around
    definition = type_definition(kind)
    if definition is None or not isinstance(value, dict):
        return
    for name, held in value.items():
        known = definition.element(name)
        for item in (held if isinstance(held, list) else [held]) if known is not None else ():
            element, type_ = known
            if type_.code == "Resource":
                yield from cases(item, item["resourceType"], item["resourceType"], item, rules)
            else:
                yield from cases(item, type_.code, f"{kind}.{element.name}", around, rules)


def best(run: Callable[[], None], rounds: int = 15) -> float:
    """Seconds of the fastest round."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def ours(rows: list[Case]) -> float:
    compiled = [(compile_expression(text, type=kind, as_filters=True), v, around) for kind, text, v, around in rows]

    def run() -> None:
        for expression, value, around in compiled:
            expression.test(value, resource=around, services=SERVICES)

    run()
    return best(run) / len(rows) * 1e6


def theirs(rows: list[Case]) -> tuple[float, int]:
    import fhirpathpy
    from fhirpathpy.models import models

    warnings.simplefilter("ignore")
    parsed: dict[str, Any] = {}
    usable = []
    for _, text, value, _ in rows:
        if "hasValue" in text or "resolve" in text or "trace" in text or "%resource" in text or "htmlChecks" in text:
            continue
        if text not in parsed:
            parsed[text] = fhirpathpy.compile(text, models["r4"])
        usable.append((parsed[text], plain_json.loads(json.dumps(value))))

    def run() -> None:
        for evaluate, value in usable:
            evaluate(value)

    run()
    return best(run, 3) / len(usable) * 1e6, len(usable)


def main() -> None:
    bundle = json.loads(Path(sys.argv[1]).read_bytes())
    rules = invariants(Path(sys.argv[2]))
    everything = list(cases(bundle, "Bundle", "Bundle", bundle, rules))
    resources = {entry["resource"]["resourceType"]: entry["resource"] for entry in bundle["entry"]} | {"Bundle": bundle}
    roots = [case for case in everything if case[2] is case[3]]
    typical = [(kind, text, resources[kind], resources[kind]) for kind, text in TYPICAL if kind in resources]
    for name, rows in (("typical", typical), ("of resources", roots), ("of all elements", everything)):
        comparable_mean, number = theirs(rows)
        print(
            f"{name:16} {len(rows):5} invariants  ours {ours(rows):7.2f} us   fhirpathpy {comparable_mean:8.1f} us ({number})"
        )
    texts = sorted({(kind, text) for kind, text, _, _ in everything})
    start = time.perf_counter()
    for kind, text in texts:
        compile_expression(f"{text} ", type=kind, as_filters=True)  # the blank: not the cached one
    print(f"compiling        {len(texts):5} expressions {(time.perf_counter() - start) / len(texts) * 1e6:6.0f} us each")


if __name__ == "__main__":
    main()
