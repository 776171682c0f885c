"""Our library against the official packages: the same verdict on official examples and on mutations of them.

Both sides are run by our validator, over R4's core package: one with the definitions of the packages (their own snapshots, value
sets and code systems), one with the library. All mutations, some minutes:

    PYTHONPATH=tests/profiles:tests/library python -m official_comparison [--share 0.1] [--package pas-2.2.1]
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from profile_mutations import mutations
from shared_data import CORE_PACKAGE, DATA

from profiles.conformance import Definitions, Finding, Validator
from profiles.conformance.packages import read_package
from profiles.json import Resource
from profiles.library import PasVersion, library

FOLDER = DATA / "ig"

HL7 = "http://hl7.org/fhir/"
US_CORE, PAS, CRD, HREX = f"{HL7}us/core/", f"{HL7}us/davinci-pas/", f"{HL7}us/davinci-crd/", f"{HL7}us/davinci-hrex/"
BACKPORT, SDC, CDEX = f"{HL7}uv/subscriptions-backport/", f"{HL7}uv/sdc/", f"{HL7}us/davinci-cdex/"

OLD = {US_CORE: "3.1.1", PAS: "2.0.1", CRD: "2.0.1", HREX: "1.0.0", BACKPORT: "1.1.0", SDC: "4.0.0"}
NEW = {US_CORE: "7.0.0", PAS: "2.2.1", CRD: "2.2.1", HREX: "1.2.0", BACKPORT: "1.1.0", SDC: "4.0.0", CDEX: "2.1.0"}

PACKAGES: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    "sdc-4.0.0": ("hl7.fhir.uv.sdc-4.0.0.compiled", "4.0.0", NEW),
    "backport-1.1.0": ("hl7.fhir.uv.subscriptions-backport.r4-1.1.0.compiled", "1.1.0", NEW),
    "us-core-3.1.1": ("hl7.fhir.us.core-3.1.1", "3.1.1", OLD),
    "us-core-7.0.0": ("hl7.fhir.us.core-7.0.0", "7.0.0", NEW),
    "us-core-6.1.0": ("hl7.fhir.us.core-6.1.0", "6.1.0", {**NEW, US_CORE: "6.1.0"}),
    "hrex-1.0.0": ("hl7.fhir.us.davinci-hrex-1.0.0", "1.0.0", OLD),
    "hrex-1.2.0": ("hl7.fhir.us.davinci-hrex-1.2.0.compiled", "1.2.0", NEW),
    "crd-2.0.1": ("hl7.fhir.us.davinci-crd-2.0.1", "2.0.1", OLD),
    "crd-2.2.1": ("hl7.fhir.us.davinci-crd-2.2.1.compiled", "2.2.1", NEW),
    "cdex-2.1.0": ("hl7.fhir.us.davinci-cdex-2.1.0.source", "2.1.0", NEW),
    "pas-2.0.1": ("hl7.fhir.us.davinci-pas-2.0.1", "2.0.1", OLD),
    "pas-2.2.1": ("hl7.fhir.us.davinci-pas-2.2.1", "2.2.1", NEW),
}
"""File, version, and what a canonical without version in it means."""


SETS: Mapping[PasVersion, tuple[str, ...]] = {
    "2.2.1": (
        "sdc-4.0.0", "backport-1.1.0", "us-core-3.1.1", "us-core-7.0.0", "us-core-6.1.0",
        "hrex-1.2.0", "crd-2.2.1", "cdex-2.1.0", "pas-2.2.1",
    ),
    "2.0.1": (
        "sdc-4.0.0", "backport-1.1.0", "us-core-7.0.0", "us-core-6.1.0", "us-core-3.1.1",
        "hrex-1.0.0", "crd-2.0.1", "pas-2.0.1",
    ),
}  # fmt: skip
"""What is known beside R4's core; the last is preferred where a canonical names no version."""

EXAMPLES: Mapping[str, PasVersion] = {
    "pas-2.2.1": "2.2.1",
    "pas-2.0.1": "2.0.1",
    "us-core-6.1.0": "2.2.1",
    "us-core-3.1.1": "2.0.1",
    "crd-2.2.1": "2.2.1",
    "crd-2.0.1": "2.0.1",
    "hrex-1.2.0": "2.2.1",
    "hrex-1.0.0": "2.0.1",
    "backport-1.1.0": "2.2.1",
}
"""Whose examples are mutated, and with which set."""


def package(name: str) -> bytes:
    return (FOLDER / f"{PACKAGES[name][0]}.tgz").read_bytes()


def pinned(value: Any, uses: Mapping[str, str]) -> Any:
    """Definitions with the version written to every canonical of a guide that has none, as the guides' publisher does it."""
    if isinstance(value, dict):
        return {key: each if key in ("url", "fixedUri") else pinned(each, uses) for key, each in value.items()}
    if isinstance(value, list):
        return [pinned(each, uses) for each in value]
    if isinstance(value, str) and "|" not in value and value.startswith(HL7) and " " not in value:
        for guide, version in uses.items():
            if value.startswith((f"{guide}StructureDefinition/", f"{guide}ValueSet/")):
                return f"{value}|{version}"
    return value


def official(version: PasVersion) -> Definitions:
    """The definitions of the official packages, those of R4's core below them."""
    known = Definitions(core())
    for name in SETS[version]:
        _, of, uses = PACKAGES[name]
        for resource in read_package(package(name)):
            if resource["resourceType"] == "StructureDefinition":
                resource = {**resource, **{key: pinned(resource.get(key), uses) for key in _RESTING if key in resource}}
            elif resource["resourceType"] == "ValueSet":
                resource = {**resource, "compose": pinned(resource.get("compose"), uses)}
            known.add({**resource, "version": of})
    return known


_RESTING = ("baseDefinition", "snapshot", "differential")


@cache
def core() -> Definitions:
    known = Definitions()
    known.load_package(CORE_PACKAGE.read_bytes())
    return known


def ours(version: PasVersion, *, alone: bool = False) -> Definitions:
    """The library, R4's core package beside it; `alone` as the server has it."""
    known = Definitions(library(version))
    if not alone:
        known.load_package(CORE_PACKAGE.read_bytes())
    return known


def examples(name: str) -> Iterator[Resource]:
    for each in read_package(package(name), folders=("package/example", "package/examples")):
        if each["resourceType"] not in ("ImplementationGuide", "CapabilityStatement"):
            yield each


Told = tuple[str, str | None, str | None]


def told(findings: list[Finding], *, errors: bool = True) -> frozenset[Told]:
    """Findings as code, place and rule: the key of a constraint, or a canonical without its version.

    Ids of elements are left out: what a type's profile says may be told at the element that has the type, or in the profile.
    """
    kept = [each for each in findings if not errors or each.severity in ("error", "fatal")]
    return frozenset((each.code, each.expression, _rule(each.rule)) for each in kept)


def _rule(rule: str | None) -> str | None:
    if rule is None or _ELEMENT_ID.match(rule):
        return None
    return rule.partition("|")[0]


_ELEMENT_ID = re.compile(r"[A-Z]\w+(\.|$)")


@dataclass(slots=True)
class Score:
    """How many verdicts there were, and on how many both sides agree: about error or none, about each error, each finding."""

    verdicts: int = 0
    refused: int = 0
    same: int = 0
    same_errors: int = 0
    same_findings: int = 0
    contexts: int = 0
    """Verdicts in which the official side refuses an extension of PAS where a profile of PAS has a slice for it."""
    apart: list[tuple[str, frozenset[Told], frozenset[Told]]] = field(default_factory=list)
    """What differs: the case, the errors that only the official side has, and those that only ours has."""
    kinds: Counter[tuple[str, Told]] = field(default_factory=Counter)

    def take(self, case: str, theirs: list[Finding], our: list[Finding]) -> None:
        a, b = told(theirs), told(our)
        all_theirs, all_our = told(theirs, errors=False), told(our, errors=False)
        narrow = frozenset(each for each in a - b if each[0] == "extension" and str(each[2]).startswith(PAS))
        if narrow:
            self.contexts += 1
            a, all_theirs = a - narrow, all_theirs - narrow
        self.verdicts += 1
        self.refused += bool(a)
        self.same += bool(a) == bool(b)
        self.same_errors += a == b
        self.same_findings += all_theirs == all_our
        if a != b:
            self.apart.append((case, a - b, b - a))
        self.kinds.update(("theirs", each) for each in all_theirs - all_our)
        self.kinds.update(("ours", each) for each in all_our - all_theirs)

    def line(self) -> str:
        shares = [100 * each / max(self.verdicts, 1) for each in (self.same, self.same_errors, self.same_findings)]
        return (
            f"{self.verdicts} verdicts, {self.refused} refused: error or none the same {shares[0]:.2f} %, "
            f"all errors {shares[1]:.2f} %, all findings {shares[2]:.2f} %; contexts set aside in {self.contexts}"
        )


def compare(name: str, share: float, seed: int = 5, *, alone: bool = False) -> Score:
    """The examples of a package and a share of their mutations, held against both sides."""
    version = EXAMPLES[name]
    theirs, our = Validator(official(version)), Validator(ours(version, alone=alone))
    score = Score()
    for example in examples(name):
        case = f"{example['resourceType']}/{example.get('id')}"
        score.take(case, theirs.validate(example), our.validate(example))
        for each in mutations(example, seed, share):
            score.take(f"{case} {each.name}", theirs.validate(each.resource), our.validate(each.resource))
    return score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0, help="how many of the mutations")
    parser.add_argument("--package", choices=list(EXAMPLES), action="append", help="whose examples; all by default")
    parser.add_argument("--alone", action="store_true", help="our side without R4's core package")
    parser.add_argument("--show", type=int, default=10, help="how many differences to print")
    options = parser.parse_args()
    for name in options.package or EXAMPLES:
        score = compare(name, options.share, alone=options.alone)
        print(f"{name}: {score.line()}")
        for case, a, b in score.apart[: options.show]:
            print(f"  {case}\n    only theirs {sorted(map(str, a))}\n    only ours {sorted(map(str, b))}")
        for (side, each), count in score.kinds.most_common(options.show):
            print(f"  {count} times only {side}: {each}")


if __name__ == "__main__":
    main()
