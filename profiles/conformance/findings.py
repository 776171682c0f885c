"""What a validation finds: an issue, the key of the rule that it breaks and, where one mend is obvious, a JSON Patch for it.

In the OperationOutcome the key and the patch stand in extensions of the issue, since R4 has no element for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from profiles.json import Resource, dumps
from profiles.outcome import Issue

RULE_EXTENSION: Final = "https://assent.example/fhir/StructureDefinition/issue-rule"
_BY_RULE: Final = frozenset({"required-element", "cardinality"})
FIX_EXTENSION: Final = "https://assent.example/fhir/StructureDefinition/issue-suggested-patch"


@dataclass(frozen=True, slots=True)
class Finding(Issue):
    """An issue of a validation. `rule`: the key of an invariant or the canonical of a profile; `fix`: JSON Patch operations."""

    rule: str | None = None
    fix: tuple[dict[str, Any], ...] = ()

    @property
    def fault(self) -> tuple[str | None, ...]:
        """The same for the same fault. A profile asks for what its base asks for, and each is told with its own name."""
        alike = self.rule is not None and self.code in _BY_RULE
        return self.code, self.expression, self.rule, None if alike else self.text

    def to_fhir(self) -> Resource:
        issue = Issue.to_fhir(self)
        extensions: list[Resource] = []
        if self.rule is not None:
            extensions.append({"url": RULE_EXTENSION, "valueString": self.rule})
        if self.fix:
            extensions.append({"url": FIX_EXTENSION, "valueString": dumps(list(self.fix)).decode()})
        return {"extension": extensions, **issue} if extensions else issue
