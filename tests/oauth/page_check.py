"""What a page must have for a keyboard and a screen reader, read from its HTML and its style sheet (WCAG 2.2, levels A and AA)."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"br", "input", "link", "meta", "path", "rect", "hr", "img"}


@dataclass
class Element:
    tag: str
    given: dict[str, str]
    parent: Element | None
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        if self.given.get("aria-hidden") == "true":
            return ""
        return " ".join("".join(part if isinstance(part, str) else f" {part.text} " for part in self.children).split())

    def all(self, *tags: str) -> list[Element]:
        found = [self] if self.tag in tags else []
        return found + [one for child in self.children if isinstance(child, Element) for one in child.all(*tags)]

    def within(self, *tags: str) -> bool:
        return self.parent is not None and (self.parent.tag in tags or self.parent.within(*tags))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = self.at = Element("", {}, None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self.at)
        self.at.children.append(element)
        if tag not in VOID:
            self.at = element

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.at.tag == tag, f"</{tag}> closes <{self.at.tag}>"
            assert self.at.parent is not None
            self.at = self.at.parent

    def handle_data(self, data: str) -> None:
        self.at.children.append(data)


def read(html: str) -> Element:
    reader = _Reader()
    reader.feed(html)
    assert reader.at is reader.root, f"<{reader.at.tag}> is not closed"
    return reader.root


def problems(html: str) -> list[str]:
    """Empty for a page that is as it should be."""
    root = read(html)
    found = [*_whole(root), *_headings(root), *_names(root), *_ids(root)]
    if re.search(r"<script|\son\w+=|\sstyle=|javascript:", html):
        found.append("a script or a style of its own")
    return found


def _whole(root: Element) -> list[str]:
    (page,) = root.all("html")
    found = []
    if not page.given.get("lang"):
        found.append("no language")
    titles = root.all("title")
    if len(titles) != 1 or len(titles[0].text) < len("x - Assent"):
        found.append("no title")
    if len(root.all("main")) != 1:
        found.append("not one main")
    if not any(
        meta.given.get("name") == "viewport" and "width=device-width" in meta.given["content"] for meta in root.all("meta")
    ):
        found.append("no viewport")
    if any("maximum-scale" in meta.given.get("content", "") for meta in root.all("meta")):
        found.append("no zoom")
    navs = root.all("nav")
    if len({nav.given.get("aria-label") for nav in navs} - {None}) != len(navs):
        found.append("a nav without a name of its own")
    if (
        root.all("body")[0].text
        and "Error" in titles[0].text
        and not any(e.given.get("role") == "alert" for e in root.all("p"))
    ):
        found.append("an error that is not announced")
    return found


def _headings(root: Element) -> list[str]:
    levels = [int(heading.tag[1]) for heading in root.all("h1", "h2", "h3", "h4", "h5", "h6")]
    found = [] if levels[:1] == [1] and levels.count(1) == 1 else ["not one h1, first of all headings"]
    return found + [f"h{a} is followed by h{b}" for a, b in itertools.pairwise(levels) if b > a + 1]


def _names(root: Element) -> list[str]:
    """What can be acted on has a name."""
    found = []
    labels = {label.given["for"]: label.text for label in root.all("label") if "for" in label.given}
    for element in root.all("input", "select", "textarea"):
        if element.given.get("type") == "hidden" or "hidden" in element.given:
            continue
        if not (labels.get(element.given.get("id", "")) or element.within("label") or element.given.get("aria-label")):
            found.append(f"no label: {element.given}")
        if (
            element.tag == "input"
            and element.given.get("type") in {"text", "password"}
            and "autocomplete" not in element.given
        ) and "readonly" not in element.given:
            found.append(f"no autocomplete: {element.given}")
    found += [f"no name: {element}" for element in root.all("button", "a") if not element.text]
    found += ["a fieldset without a legend" for element in root.all("fieldset") if not element.all("legend")]
    for picture in root.all("svg", "img"):
        named = picture.given.get("aria-hidden") == "true" or picture.given.get("alt") or picture.given.get("aria-label")
        if not named:
            found.append("a picture without a name")
    found += [
        f"no name: role img {element.given}"
        for element in root.all("div")
        if element.given.get("role") == "img" and not element.given.get("aria-label")
    ]
    return found


def _ids(root: Element) -> list[str]:
    everything = root.all(
        *set(
            re.findall(
                r"\w+", "html body div p input h1 h2 h3 select button a ul ol dl nav main form fieldset span label li"
            )
        )
    )
    ids = [element.given["id"] for element in everything if "id" in element.given]
    found = [f"the id {id_} twice" for id_ in set(ids) if ids.count(id_) > 1]
    for element in everything:
        for name in ("aria-describedby", "aria-labelledby", "for"):
            found += [
                f"{name} names {id_}, which is not there" for id_ in element.given.get(name, "").split() if id_ not in ids
            ]
        if element.given.get("aria-invalid") == "true" and "aria-describedby" not in element.given:
            found.append(f"wrong, and not said why: {element.given}")
    return found


def palettes(css: str) -> list[dict[str, str]]:
    """The colours by name, light and dark."""
    return [
        dict(re.findall(r"--(\w+): *(#[0-9a-f]{3,6})", block)) for block in re.findall(r":root \{([^}]*--[^}]*)\}", css)
    ]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 relative luminance."""

    def luminance(colour: str) -> float:
        digits = colour.removeprefix("#")
        if len(digits) == 3:
            digits = "".join(digit * 2 for digit in digits)
        parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
