"""Resources inside resources: Bundle entries, Parameters, contained ones (FHIR R4 2.2.0, 2.3.0.2).

Fragment references are settled here: `#x` must name a contained resource of the resource that it stands in (ref-1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from profiles.json import Json, Resource
from profiles.structure import resource_types
from profiles.validation.accept import accepts
from profiles.validation.primitive_members import ObjectCheck
from profiles.validation.run import Path, Run

_NEAR: Final = 3
"""Resources no deeper than the entries of the outermost Bundle take the fast way first; deeper ones would take it again and again."""


def resource_type(value: Resource, path: Path, run: Run) -> str | None:
    """The resource's type, or None after saying that it has none of R4's."""
    name = value.get("resourceType")
    if type(name) is str and name in resource_types():
        return name
    what = "is no R4 resource type" if type(name) is str else "is missing or no text"
    run.add("structure", f"The resource's resourceType {what}.", path)
    return None


def standing_check(check_of: Callable[[str], ObjectCheck]) -> ObjectCheck:
    """The check of a resource that stands on its own: an entry's, a parameter's, or the one that is validated."""

    def check(value: Resource, path: Path, run: Run, depth: int) -> None:
        if 0 < depth <= _NEAR and accepts(value, depth):
            return
        name = resource_type(value, path, run)
        if name is None:
            return
        outer, run.fragments = run.fragments, []
        check_of(name)(value, path, run, depth)
        if run.fragments:
            _check_fragments(value, run)
        run.fragments = outer

    return check


def contained_check(check_of: Callable[[str], ObjectCheck]) -> ObjectCheck:
    """The check of a contained resource: it holds none itself (dom-2), and its fragments are its container's."""

    def check(value: Resource, path: Path, run: Run, depth: int) -> None:
        name = resource_type(value, path, run)
        if name is None:
            return
        if "contained" in value:
            run.add("structure", "A contained resource may not contain others.", (path, "contained", -1))
        check_of(name)(value, path, run, depth)

    return check


def _check_fragments(value: Resource, run: Run) -> None:
    contained: Json = value.get("contained")
    inside = contained if isinstance(contained, list) else []
    ids = {r.get("id") for r in inside if isinstance(r, dict) and isinstance(r.get("id"), str)}
    for fragment, where in run.fragments:
        if fragment not in ids:
            run.add("reference-unresolved", "No contained resource has the id that the fragment names.", where)
