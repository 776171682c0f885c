"""Narratives beyond what profiles/xhtml.py refuses: attributes that XHTML's formatting has not, links that lead nowhere.

FHIR R4 narrative.html, txt-1 and "links": an address `#x` names an element's id, an anchor of a narrative, or a contained resource.
Nothing of this acts, so that it is told with the severity that the caller wants.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from profiles.conformance.context import Context, Item
from profiles.json import Json

_ATTRIBUTES: Final = frozenset(
    [
        "abbr",
        "accesskey",
        "align",
        "alt",
        "axis",
        "background",
        "bgcolor",
        "border",
        "cellhalign",
        "cellpadding",
        "cellspacing",
        "cellvalign",
        "char",
        "charoff",
        "charset",
        "cite",
        "class",
        "color",
        "colspan",
        "compact",
        "coords",
        "datetime",
        "dir",
        "face",
        "frame",
        "headers",
        "height",
        "href",
        "hreflang",
        "hspace",
        "id",
        "lang",
        "longdesc",
        "name",
        "noshade",
        "nowrap",
        "rel",
        "rev",
        "rowspan",
        "rules",
        "scope",
        "shape",
        "size",
        "span",
        "src",
        "start",
        "style",
        "summary",
        "tabindex",
        "target",
        "title",
        "type",
        "usemap",
        "valign",
        "value",
        "vspace",
        "width",
        "xml:lang",
        "xml:space",
        "xmlns",
    ]
)
_TAGS: Final = re.compile(r"<[A-Za-z][^<>]*>").findall
_NAMES: Final = re.compile(r"""\s([^\s=<>"'/]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_MOST: Final = 1024


@dataclass(frozen=True, slots=True)
class _Facts:
    strange: bool
    """Whether there is an attribute that formatting has not."""
    links: frozenset[str]
    anchors: frozenset[str]


class _Known(dict[tuple[int, int], _Facts]):
    """The facts of narratives by hash and length: the same come again."""

    def of(self, text: str) -> _Facts:
        key = (hash(text), len(text))
        found = self.get(key)
        if found is None:
            if len(self) >= _MOST:
                self.clear()
            found = self[key] = _facts(text)
        return found


_KNOWN: Final = _Known()


def check_narrative(item: Item, context: Context) -> None:
    """Check one narrative."""
    text = item.value.get("div")
    if type(text) is not str:
        return
    facts = _KNOWN.of(text)
    severity = context.run.options.narrative
    where = (item.path, "div", -1)
    if facts.strange:
        context.add(
            "primitive-format",
            "An attribute of the narrative is none of XHTML's formatting.",
            where,
            severity,
            rule="txt-1",
        )
    if facts.links and not all(link in facts.anchors or _is_anchor(link, context) for link in facts.links):
        context.add("reference-unresolved", "A link inside the narrative leads nowhere in the resource.", where, severity)


def _facts(text: str) -> _Facts:
    names: set[str] = set()
    links: set[str] = set()
    anchors: set[str] = set()
    for tag in set(_TAGS(text)):
        for name, double, single in _NAMES.findall(tag):
            value = double or single
            names.add(name)
            if name == "href" and len(value) > 1 and value[0] == "#":
                links.add(value[1:])
            elif name in ("id", "name"):
                anchors.add(value)
    strange = any(name not in _ATTRIBUTES and not name.startswith("xmlns:") for name in names)
    return _Facts(strange, frozenset(links), frozenset(anchors))


def _is_anchor(link: str, context: Context) -> bool:
    """Whether the resource, or the Bundle that it stands in, has an id or an anchor of the name."""
    roots = (
        [context.root, *(held.resource for held in context.bundle.entries)]
        if context.bundle is not None
        else [context.root]
    )
    return any(link in _anchors(root, context) for root in roots)


def _anchors(root: Json, context: Context) -> frozenset[str]:
    known = context.run.anchors
    if id(root) not in known:
        found: set[str] = set()
        waiting: list[Json] = [root]
        while waiting:
            each = waiting.pop()
            if isinstance(each, dict):
                if isinstance(each.get("id"), str):
                    found.add(each["id"])
                if isinstance(each.get("div"), str):
                    found |= _KNOWN.of(each["div"]).anchors
                waiting += each.values()
            elif isinstance(each, list):
                waiting += each
        known[id(root)] = frozenset(found)
    return known[id(root)]
