"""What a validation finds: an issue, the key of the rule that it breaks and, where one mend is obvious, a JSON Patch for it.

In the OperationOutcome the key and the patch stand in extensions of the issue, since R4 has no element for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from profiles.json import Resource, dumps
from profiles.outcome import Issue

RULE_EXTENSION: Final = "https://assent.example/fhir/StructureDefinition/issue-rule"
FIX_EXTENSION: Final = "https://assent.example/fhir/StructureDefinition/issue-suggested-patch"


@dataclass(frozen=True, slots=True)
class Finding(Issue):
    """An issue of a validation. `rule`: the key of an invariant or the canonical of a profile; `fix`: JSON Patch operations."""

    rule: str | None = None
    fix: tuple[dict[str, Any], ...] = ()

    def to_fhir(self) -> Resource:
        issue = Issue.to_fhir(self)
        extensions: list[Resource] = []
        if self.rule is not None:
            extensions.append({"url": RULE_EXTENSION, "valueString": self.rule})
        if self.fix:
            extensions.append({"url": FIX_EXTENSION, "valueString": dumps(list(self.fix)).decode()})
        return {"extension": extensions, **issue} if extensions else issue
