"""Queries for the oracle of searches, made from a seed: every kind of parameter with what it takes, links, filters, lists, orders.

Half of the values are taken from what the resources hold, so that many queries find something.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random
from typing import Final

from oracle import COMPARTMENT, HIERARCHIES, Oracle
from oracle_compare import texts_of, tokens_of
from oracle_values import COMPOSITES, EXPRESSIONS, Item
from oracle_world import ACTS, BIRTHS, CODES, DATES, IDS, NUMBERS, SYSTEMS, UCUM, UNITS, WORDS

from server.search.registry import offered_parameters

Pair = tuple[str, str]

PREFIXES: Final = ("", "", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
ASKED_DATES: Final = (*DATES, "2026-03-01T10:30", "2026-06", "2026-05-05", "1815", "2026-02-28T11:59:59.123Z")
_BIRTHS: Final = frozenset({"birthdate", "death-date"})
_TYPES: Final = tuple(type_ for type_ in EXPRESSIONS if type_ != "Resource")
_CANONICAL: Final = frozenset({"questionnaire", "instantiates-canonical"})
VALUE_SETS: Final = ("http://example.org/vs/some", "some")


def escaped(text: str) -> str:
    return re.sub(r"([\\,$|])", r"\\\1", text)


@dataclass(frozen=True)
class Question:
    """`where` follows the base; `types` are searched, in the compartment of a `patient` where there is one."""

    where: str
    types: tuple[str, ...]
    pairs: tuple[Pair, ...]
    patient: str | None = None

    def __str__(self) -> str:
        kinds = f" of {','.join(self.types)}" if len(self.types) > 1 else ""
        return f"{self.where}?{'&'.join(f'{name}={value}' for name, value in self.pairs)}{kinds}"


class Asker:
    """Makes queries about the resources of an oracle."""

    def __init__(self, seed: int, oracle: Oracle) -> None:
        self.random = Random(seed)
        self.oracle = oracle

    def question(self) -> Question:
        """Nine in ten are of one type; others of a patient's compartment, or of several types."""
        roll = self.random.random()
        if roll < 0.05:
            types = tuple(self.random.sample(_TYPES, self.random.choice((2, 3, 5))))
            return Question(
                "",
                types,
                tuple(self.plain(types[0], code) for code in ("_id", "_lastUpdated")[: self.random.choice((0, 1, 1, 2))]),
            )
        type_, pairs = self.query(self.random.choice(tuple(COMPARTMENT)) if roll < 0.1 else self.random.choice(_TYPES))
        patient = self.random.choice(self.oracle.by_type["Patient"])["id"] if roll < 0.1 else None
        return Question(type_ if patient is None else f"Patient/{patient}/{type_}", (type_,), tuple(pairs), patient)

    def query(self, type_: str) -> tuple[str, list[Pair]]:
        """What is asked of a type."""
        pairs = [self.criterion(type_) for _ in range(self.random.choice((1, 1, 1, 2, 3)))]
        roll = self.random.random()
        if roll < 0.35:
            pairs.append(("_sort", self.sort(type_)))
        if self.random.random() < 0.12:
            pairs += self.includes(type_)
        return type_, pairs

    def criterion(self, type_: str, links: int = 0) -> Pair:
        roll = self.random.random()
        if roll < 0.1 and links < 2 and (found := self._chain(type_, links)) is not None:
            return found
        if roll < 0.17 and links < 2 and (found := self._has(type_, links)) is not None:
            return found
        if roll < 0.25 and not links:
            return "_filter", self.filter(type_)
        if roll < 0.28 and type_ in {"Patient", "Observation", "Condition"} and not links:
            return "_list", self.random.choice(("l0", "List/l1", "l2,l3", "nobody"))
        if roll < 0.31 and not links:
            return self.random.choice((("_text", self.words()), ("_content", self.words())))
        codes = [*EXPRESSIONS[type_], *(code for kind, code in COMPOSITES if kind == type_)] * 3 + list(
            EXPRESSIONS["Resource"]
        )
        return self.plain(type_, self.random.choice(codes))

    def plain(self, type_: str, code: str) -> Pair:
        """One parameter with its modifier, and one to three values."""
        parameter = offered_parameters(type_)[code]
        if code == "phonetic":
            return code, self.random.choice(("Robert", "rupert", "Myller", "abcd", "Mueller,a"))
        modifier = self.modifier(parameter.type, code, "Identifier" in parameter.kinds, parameter.targets)
        if modifier == "missing":
            return f"{code}:missing", self.random.choice(("true", "false"))
        values = [self.value(type_, code, parameter.type, modifier) for _ in range(self.random.choice((1, 1, 1, 2, 3)))]
        return code + (f":{modifier}" if modifier else ""), ",".join(values)

    def modifier(self, kind: str, code: str, is_identifier: bool, targets: frozenset[str]) -> str:
        if self.random.random() < 0.5 or kind == "composite":
            return ""
        coded = ("not", "text", "missing", "in", "not-in", "above", "below", *(("of-type",) if is_identifier else ()))
        found = {
            "string": ("exact", "contains", "text", "missing"), "token": coded, "uri": ("above", "below", "missing"),
            "reference": ("identifier", "missing", *(("above", "below") * 2 if targets & HIERARCHIES else ()), *(("below",) if code in _CANONICAL else ()), *sorted(targets & set(_TYPES))),
        }.get(kind, ("missing",))  # fmt: skip
        return self.random.choice(found)

    def value(self, type_: str, code: str, kind: str, modifier: str = "") -> str:
        """One value, escaped."""
        match kind:
            case "string":
                return self._string(type_, code)
            case "token":
                return self._token(type_, code, modifier)
            case "date":
                births = (*BIRTHS, "1970-02", "2000", "1969-12-31") if code in _BIRTHS else ASKED_DATES
                return self.random.choice(PREFIXES) + self.random.choice(births)
            case "number":
                return self.random.choice(PREFIXES) + self.number()
            case "quantity":
                return self.random.choice(PREFIXES) + self.number() + self._unit()
            case "reference":
                return self._reference(type_, code, modifier)
            case "uri":
                return self._uri(type_, code, modifier)
            case "special":
                return self.random.choice(
                    ("42.25|-83.69", "42.25|-83.69|2", "0|0|20000|km", "89|0|200|km", "-42.25|-83.69|1|km")
                )
        parts = COMPOSITES[type_, code][1]
        names = ("code", "value-string", "value-date", "value-quantity")
        inner = {"token": "code", "string": names[1], "date": names[2], "quantity": names[3]}
        return "$".join(
            self.value(type_, inner[part] if type_ == "Observation" else "characteristic", part) for part, _ in parts
        )

    def number(self) -> str:
        if self.random.random() < 0.7:
            return self.random.choice(NUMBERS)
        return f"{self.random.uniform(-10, 120):.{self.random.choice((0, 1, 2))}f}"

    def _unit(self) -> str:
        code, unit = self.random.choice(UNITS)
        return self.random.choice(
            (
                "",
                "",
                f"|{UCUM}|{code}",
                f"|{UCUM}|{code}",
                f"||{code}",
                f"||{unit or code}",
                "||tablets",
                "|http://example.org/units|tab",
                "|http://example.org/units|mg",
            )
        )

    def _found(self, type_: str, code: str) -> list[Item]:
        """What the parameter finds in some resource that has something there."""
        have = self.oracle.by_type[type_]
        for _ in range(6):
            if items := self.oracle.values(self.random.choice(have), code):
                return items
        return []

    def _string(self, type_: str, code: str) -> str:
        texts = [text for item in self._found(type_, code) for text in texts_of(item)] if self.random.random() < 0.6 else []
        text = self.random.choice(texts or WORDS)
        if self.random.random() < 0.5:
            text = text[: self.random.randint(1, max(1, len(text)))]
        if self.random.random() < 0.3:
            text = text.split()[-1] if text.split() else text
        text = self.random.choice((text, text, text.upper(), text.lower()))
        return escaped(text if any(sign.isalnum() for sign in text) else "ab")

    def _token(self, type_: str, code: str, modifier: str) -> str:
        if modifier == "text":
            return escaped(self.random.choice(WORDS[:20])[:3])
        if modifier in {"in", "not-in"}:
            return self.random.choice(VALUE_SETS)
        if modifier in {"above", "below"}:
            return f"{ACTS}|{self.random.choice(('leaf', 'branch', 'root'))}"
        if modifier == "of-type":
            return "|".join((ACTS, escaped(self.random.choice(CODES)), escaped(self.random.choice(CODES))))
        if code == "_id":
            return self.random.choice((*IDS, *(one["id"] for one in self.oracle.by_type[type_])))
        items = self._found(type_, code) if self.random.random() < 0.6 else []
        pairs = [pair for item in items for pair in tokens_of(item)] or [
            (self.random.choice(SYSTEMS), self.random.choice(CODES))
        ]
        system, token = self.random.choice(pairs)
        if system is None:
            return escaped(token)
        forms = [escaped(token), f"{escaped(system)}|{escaped(token)}", f"{escaped(system or ACTS)}|", f"|{escaped(token)}"]
        return self.random.choice(forms)

    def _reference(self, type_: str, code: str, modifier: str) -> str:
        if modifier == "identifier":
            return self.random.choice(("", "urn:oid:1.2.3|", "http://example.org/mrn|")) + escaped(
                self.random.choice(CODES)
            )
        if modifier in {"above", "below"} and code not in _CANONICAL:
            return self._place(type_, code)
        items = [item for item in self._found(type_, code) if isinstance(item.value, str) or "reference" in item.value]
        if not items:
            return "http://example.org/nothing|1" if modifier == "below" else "nobody"
        item = self.random.choice(items)
        text = item.value if isinstance(item.value, str) else str(item.value["reference"])
        known = re.fullmatch(r"(.*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(/_history/1)?", text)
        if modifier == "below":
            url, _, version = text.partition("|")
            return self.random.choice((url, text, f"{url}|{version[:1]}" if version else url))
        if known is None or isinstance(item.value, str):
            return escaped(text) if re.search(r"[/:|]", text) else "nobody"
        if modifier:
            return known[3]
        return self.random.choice((known[3], f"{known[2]}/{known[3]}", f"{self.oracle.base}/{known[2]}/{known[3]}", text))

    def _place(self, type_: str, code: str) -> str:
        """One of a hierarchy that the parameter leads into, or something elsewhere."""
        target = self.random.choice(sorted(offered_parameters(type_)[code].targets & HIERARCHIES))
        id_ = self.random.choice((*(one["id"] for one in self.oracle.by_type[target]), "nobody"))
        name = f"{target}/{id_}"
        return self.random.choice((id_, name, name, f"{self.oracle.base}/{name}", f"https://elsewhere.example/fhir/{name}"))

    def _uri(self, type_: str, code: str, modifier: str) -> str:
        items = self._found(type_, code)
        text = str(self.random.choice(items).value) if items else "http://example.org/q/a/1"
        if modifier == "below":
            text = "/".join(text.split("/")[: self.random.randint(3, 6)])
        if modifier == "above":
            text += self.random.choice(("", "/more", "/more/still"))
        return escaped(text)

    def words(self) -> str:
        one, two = (self.random.choice(("abc", "mull", "ang", "rob", "reg", "cruz", "1234")) for _ in range(2))
        return self.random.choice((one, f"{one} {two}", f"{one} or {two}", f"{one},{two}"))

    # -- links -----------------------------------------------------------------------------------------------------------------
    def _references(self, type_: str) -> list[tuple[str, list[str]]]:
        found: list[tuple[str, list[str]]] = []
        for code in EXPRESSIONS[type_]:
            parameter = offered_parameters(type_)[code]
            targets = sorted(parameter.targets & set(_TYPES))
            if parameter.type == "reference" and targets:
                found.append((code, targets))
        return found

    def _chain(self, type_: str, links: int) -> Pair | None:
        if not (references := self._references(type_)):
            return None
        code, targets = self.random.choice(references)
        target = self.random.choice(targets)
        name, value = self.criterion(target, links + 1)
        return f"{code}:{target}.{name}", value

    def _has(self, type_: str, links: int) -> Pair | None:
        ways = [(other, code) for other in _TYPES for code, targets in self._references(other) if type_ in targets]
        if not ways:
            return None
        other, code = self.random.choice(ways)
        name, value = self.criterion(other, links + 1)
        return f"_has:{other}:{code}:{name}", value

    # -- filters ---------------------------------------------------------------------------------------------------------------
    def filter(self, type_: str, depth: int = 0) -> str:
        roll = self.random.random()
        if depth < 2 and roll < 0.2:
            return f"not ({self.filter(type_, depth + 1)})"
        if depth < 2 and roll < 0.5:
            return (
                f"({self.filter(type_, depth + 1)}) {self.random.choice(('and', 'or'))} ({self.filter(type_, depth + 1)})"
            )
        return self._comparison(type_)

    def _comparison(self, type_: str) -> str:
        code = self.random.choice([code for code in EXPRESSIONS[type_] if code not in {"near", "phonetic"}])
        kind = offered_parameters(type_)[code].type
        if self.random.random() < 0.15:
            return f"{code} pr {self.random.choice(('true', 'false'))}"
        operators = {
            "string": ("eq", "ne", "co", "sw", "ew"), "token": ("eq", "ne", "ss", "sb", "in", "ni"), "reference": ("eq", "ne", "re"), "uri": ("eq", "ne", "co", "sw", "ew"),
            "date": ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap", "po"), "number": PREFIXES[2:], "quantity": PREFIXES[2:],
        }[kind]  # fmt: skip
        operator = self.random.choice(operators)
        as_modifier = {"ss": "below", "sb": "above", "in": "in", "ni": "not-in"}.get(operator, "")
        value = self.value(type_, code, kind, as_modifier)
        if kind in {"date", "number", "quantity"}:
            value = re.sub(r"^(eq|ne|gt|lt|ge|le|sa|eb|ap)", "", value)
        if kind == "token" and re.search(r"\\[|\\]", value):  # a filter has no way to write these
            value = "leaf"
        value = re.sub(r"\\([,$])", r"\1", value)
        if kind in {"string", "uri"}:
            value = re.sub(r"\\([|\\])", r"\1", value)
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{code} {operator} "{quoted}"'

    # -- what comes beside -------------------------------------------------------------------------------------------------------
    def sort(self, type_: str) -> str:
        able = [
            code
            for code in (*EXPRESSIONS[type_], "_id", "_lastUpdated")
            if code not in {"near", "phonetic"} and offered_parameters(type_)[code].type != "special"
        ]
        keys = self.random.sample(able, min(len(able), self.random.choice((1, 1, 1, 2, 3))))
        return ",".join(self.random.choice(("", "-")) + key for key in keys)

    def includes(self, type_: str) -> list[Pair]:
        found: list[Pair] = []
        iterate = self.random.choice(("", "", ":iterate"))
        if references := self._references(type_):
            code, targets = self.random.choice(references)
            found.append(
                (
                    f"_include{iterate}",
                    self.random.choice(
                        (f"{type_}:{code}", f"{type_}:{code}:{self.random.choice(targets)}", f"{type_}:*", "*")
                    ),
                )
            )
        ways = [(other, code) for other in _TYPES for code, targets in self._references(other) if type_ in targets]
        if ways and self.random.random() < 0.5:
            other, code = self.random.choice(ways)
            found.append((f"_revinclude{self.random.choice(('', ':iterate'))}", f"{other}:{code}"))
        return found
