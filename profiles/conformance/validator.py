"""The way in: validate a resource against R4 and the profiles that it claims or that the caller names."""

from __future__ import annotations

from collections.abc import Sequence

from profiles.base_validation import validate_resource
from profiles.conformance import trees
from profiles.conformance.bindings import Terminology
from profiles.conformance.code_lists import CodeLists
from profiles.conformance.context import Context, EnoughError, Item, Options, Run
from profiles.conformance.definitions import Definitions
from profiles.conformance.findings import Finding
from profiles.conformance.resources import check_resource
from profiles.json import Json
from profiles.structure import resource_types

__all__ = ["Options", "Validator"]


class Validator:
    """Validates resources with the definitions and the terminology at hand. Used by any number of threads."""

    def __init__(
        self, definitions: Definitions, terminology: Terminology | None = None, options: Options | None = None
    ) -> None:
        self._definitions = definitions
        self._terminology = CodeLists(definitions) if terminology is None else terminology
        self._options = Options() if options is None else options

    def validate(self, resource: Json, *, profiles: Sequence[str] = (), expected_type: str | None = None) -> list[Finding]:
        """All that is wrong with a resource, at most 200 findings; an empty list if nothing is.

        `profiles`: canonicals to hold it against beside those of its meta.profile. Takes any JSON value and never raises for
        it. Structural faults come first; where the structure is broken, what rests on it may be left out.
        """
        structural = validate_resource(resource, expected_type=expected_type) if self._options.structure else ()
        findings = [Finding(each.code, each.text, each.expression, each.severity) for each in structural]
        name = resource.get("resourceType") if isinstance(resource, dict) else None
        if not isinstance(resource, dict) or not isinstance(name, str) or name not in resource_types():
            return findings
        run = Run(self._definitions, self._terminology, self._options)
        context = Context(run, findings, resource, resource)
        item = Item(resource, None, name, (None, name, -1))
        try:
            check_resource(resource, item.path, context)
            for profile in profiles:
                trees.apply(profile, item, context)
        except EnoughError:
            if run.exhausted:
                text = "The resource is too large for its profiles; not all of it was checked."
                findings.append(Finding("validation-limit", text, name))
        except RecursionError:
            findings.append(
                Finding("validation-limit", "The resource is nested too deeply to be checked as a whole.", name)
            )
        return findings
