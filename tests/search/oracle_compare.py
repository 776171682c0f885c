"""How the oracle of searches compares one value of a query with what a parameter finds: R4 search.html 3.1.1.4, written down plainly.

Nothing here is the server's: dates are read with `datetime`, numbers are Decimals and Fractions, strings are folded with `unicodedata`.
"""

from __future__ import annotations

import math
import re
import unicodedata
from calendar import monthrange
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from oracle_values import Item

UCUM: Final = "http://unitsofmeasure.org"
_PREFIXES: Final = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")


def parts_of(text: str, sign: str) -> list[str]:
    """Split at a sign that no backslash stands before; escapes stay."""
    return [part.replace("\0", "\\") for part in re.split(r"(?<!\\)" + re.escape(sign), text.replace("\\\\", "\0\0"))]


def plain(text: str) -> str:
    """Without the escapes that queries need."""
    return re.sub(r"\\([,$|\\])", r"\1", text)


def prefixed(text: str) -> tuple[str, str]:
    return (text[:2], text[2:]) if text[:2] in _PREFIXES else ("eq", text)


# -- strings ---------------------------------------------------------------------------------------------------------------
_LIKE: Final = str.maketrans({"ø": "o", "ł": "l", "’": "'", "ı": "i"})


def folded(text: str) -> str:
    """Case, accents and white space do not count."""
    small = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(sign for sign in small if not unicodedata.combining(sign)).translate(_LIKE)
    return " ".join(bare.split())


def texts_of(item: Item) -> list[str]:
    """The parts of a name or an address; a string is its own."""
    if not isinstance(item.value, dict):
        return [item.value] if isinstance(item.value, str) else []
    names = {"HumanName": ("text", "family", "given", "prefix", "suffix")}
    wanted = names.get(item.kind, ("text", "line", "city", "district", "state", "postalCode", "country"))
    found: list[str] = []
    for name in wanted:
        part = item.value.get(name)
        found += part if isinstance(part, list) else [part] if part is not None else []
    return found


def string_fits(modifier: str | None, asked: str, items: Sequence[Item]) -> bool:
    asked = plain(asked)
    texts = [text for item in items for text in texts_of(item)]
    if modifier == "exact":
        return asked in texts
    query, words = folded(asked), folded(asked).split()
    looks: dict[str | None, Callable[[str], bool]] = {
        None: lambda text: text.startswith(query) or any(word.startswith(query) for word in text.split()),
        "contains": lambda text: query in text,
        "text": lambda text: all(any(one.startswith(word) for one in text.split()) for word in words),
        "eq": lambda text: text == query,
        "ne": lambda text: text != query,
        "sw": lambda text: text.startswith(query),
        "ew": lambda text: text.endswith(query),
    }
    return any(looks[modifier](folded(text)) for text in texts)


def _sound(word: str) -> str:
    """American Soundex."""
    numbers = {
        letter: str(n) for n, letters in enumerate(("bfpv", "cgjkqsxz", "dt", "l", "mn", "r"), 1) for letter in letters
    }
    word = "".join(letter for letter in folded(word) if "a" <= letter <= "z")
    code, last = word[:1].upper(), numbers.get(word[:1], "")
    for letter in word[1:]:
        number = numbers.get(letter, "")
        code += number if number != last else ""
        last = last if letter in "hw" else number
    return (code + "000")[:4] if code else ""


def sounds_alike(asked: str, items: Sequence[Item]) -> bool:
    wanted = {_sound(word) for word in folded(plain(asked)).split()}
    return any(wanted <= {_sound(word) for text in texts_of(item) for word in folded(text).split()} for item in items)


# -- tokens ----------------------------------------------------------------------------------------------------------------
def tokens_of(item: Item) -> Iterator[tuple[str | None, str]]:
    """(system, code); None for the system of what has no place for one, an empty text where it was left out."""
    value = item.value
    if item.kind == "CodeableConcept":
        for coding in value.get("coding", ()):
            if "code" in coding:
                yield coding.get("system", ""), coding["code"]
    elif isinstance(value, dict):
        code = value.get("code" if item.kind == "Coding" else "value")
        if code is not None:
            yield value.get("system", ""), code
    else:
        yield None, {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else str(value)


def token_fits(asked: str, items: Sequence[Item]) -> bool:
    system, *rest = [plain(part) for part in parts_of(asked, "|")]
    for item in items:
        for found, code in tokens_of(item):
            if not rest:
                is_met = code == system
            elif rest[0] == "":
                is_met = found == system
            else:
                is_met = (found, code) == (system, rest[0])
            if is_met:
                return True
    return False


def token_differs(asked: str, items: Sequence[Item]) -> bool:
    """`ne` of `_filter`: some value is another one."""
    single = [
        one
        for item in items
        for one in ([Item("Coding", coding) for coding in item.value.get("coding", ())] if item.kind == "CodeableConcept" else [item])
    ]  # fmt: skip
    return any(not token_fits(asked, [one]) for one in single)


def token_text_fits(asked: str, items: Sequence[Item]) -> bool:
    found: list[str | None] = []
    for item in items:
        if item.kind == "CodeableConcept":
            found += [item.value.get("text"), *(coding.get("display") for coding in item.value.get("coding", ()))]
        elif item.kind == "Coding":
            found.append(item.value.get("display"))
        elif item.kind == "Identifier":
            found.append(item.value.get("type", {}).get("text"))
    return string_fits(None, asked, [Item("string", text) for text in found if text is not None])


def of_type_fits(asked: str, items: Sequence[Item]) -> bool:
    system, code, value = (plain(part) for part in parts_of(asked, "|"))
    return any(
        item.value.get("value") == value
        and any(coding.get("system") == system and coding.get("code") == code for coding in item.value.get("type", {}).get("coding", ()))
        for item in items
    )  # fmt: skip


# -- dates -----------------------------------------------------------------------------------------------------------------
_DATE: Final = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PAST, _FUTURE = -(10**20), 10**20
Span = tuple[int, int]


def span_of(text: str) -> Span:
    """The first and the last microsecond of a date."""
    match = _DATE.fullmatch(text.replace(" ", "+"))
    assert match is not None, text
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    start = datetime(
        int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC
    )
    low = (start - _EPOCH) // timedelta(microseconds=1)
    if zone not in {None, "Z"}:
        away = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:])) * (-1 if zone[0] == "-" else 1)
        low -= away // timedelta(microseconds=1)
    days = 86_400_000_000
    if hour is None:
        length = days * (
            1
            if day
            else monthrange(int(year), int(month))[1]
            if month
            else (366 if monthrange(int(year), 2)[1] == 29 else 365)
        )
    elif second is None:
        length = 60_000_000
    else:
        digits = (fraction or "")[:6]
        low += int(digits.ljust(6, "0"))
        length = 10 ** (6 - len(digits))
    return low, low + length - 1


def date_spans(items: Sequence[Item]) -> list[Span]:
    found: list[Span] = []
    for item in items:
        if isinstance(item.value, str):
            found.append(span_of(item.value))
        elif item.kind == "Period":
            start, end = item.value.get("start"), item.value.get("end")
            if start or end:
                found.append((span_of(start)[0] if start else _PAST, span_of(end)[1] if end else _FUTURE))
        elif item.kind == "Timing" and item.value.get("event"):
            spans = [span_of(text) for text in item.value["event"]]
            found.append((min(low for low, _ in spans), max(high for _, high in spans)))
    return found


def compared(prefix: str, asked: tuple[Any, Any], found: tuple[Any, Any]) -> bool:
    """R4 3.1.1.4.2, for two ranges with both ends in them."""
    (low, high), (first, last) = asked, found
    inside = low <= first and last <= high
    return {
        "eq": inside, "ne": not inside, "gt": last > high, "lt": first < low, "ge": last > high or inside, "le": first < low or inside,
        "sa": first > high, "eb": last < low, "po": first <= high and low <= last, "ap": first <= high and low <= last,
    }[prefix]  # fmt: skip


def date_fits(prefix: str, text: str, items: Sequence[Item]) -> bool:
    low, high = span_of(text)
    if prefix == "ap":
        margin = max(86_400_000_000, Fraction(high - low, 10))
        return any(compared("ap", (low - margin, high + margin), span) for span in date_spans(items))
    return any(compared(prefix, (low, high), span) for span in date_spans(items))


def birth_fits(prefix: str, text: str, items: Sequence[Item]) -> bool:
    """Dates of birth and death are known to the day (docs/search.md)."""
    days = [Item("date", item.value[:10]) for item in items if isinstance(item.value, str)]
    if prefix != "ap":
        return date_fits(prefix, text, days)
    low, high = span_of(text)
    day = 86_400_000_000
    margin = max(1, (high + 1 - low) // day // 10) * day
    return any(compared("ap", (low - margin, high + margin), span) for span in date_spans(days))


# -- numbers -----------------------------------------------------------------------------------------------------------------
_UNITS: Final = {
    "kg": ("mass", 1000), "g": ("mass", 1), "mg": ("mass", Fraction(1, 1000)), "ug": ("mass", Fraction(1, 10**6)), "m": ("length", 1), "cm": ("length", Fraction(1, 100)),
    "mm": ("length", Fraction(1, 1000)), "min": ("time", 60), "h": ("time", 3600), "s": ("time", 1), "a": ("time", 31_557_600), "mo": ("time", 2_629_800), "d": ("time", 86_400),
}  # fmt: skip


def number_holds(prefix: str, text: str, factor: Fraction, number: Fraction) -> bool:
    """A number stands for what rounds to it, where equality is asked for; for itself where order is."""
    asked = Decimal(text)
    half = Fraction(Decimal((0, (5,), int(asked.as_tuple().exponent) - 1)))
    middle = Fraction(asked)
    if prefix == "ap":
        half = max(half, abs(middle) / 10)
    if prefix in {"eq", "ne", "ap"}:
        inside = (middle - half) * factor <= number < (middle + half) * factor
        return inside != (prefix == "ne")
    signs: dict[str, Callable[[Fraction], bool]] = {
        "gt": lambda bound: number > bound, "sa": lambda bound: number > bound, "ge": lambda bound: number >= bound,
        "lt": lambda bound: number < bound, "eb": lambda bound: number < bound, "le": lambda bound: number <= bound,
    }  # fmt: skip
    return signs[prefix](middle * factor)


def number_fits(prefix: str, text: str, items: Sequence[Item]) -> bool:
    number, *unit = [plain(part) for part in parts_of(text, "|")]
    return any(_one_number_fits(prefix, number, unit, item.value) for item in items)


def _one_number_fits(prefix: str, number: str, unit: list[str], value: Any) -> bool:
    if not isinstance(value, dict):
        return number_holds(prefix, number, Fraction(1), Fraction(value))
    if "value" not in value:
        return False
    amount = Fraction(value["value"])
    if not unit or not unit[1]:
        return number_holds(prefix, number, Fraction(1), amount)
    system, code = unit
    if not system:
        return code in {value.get("code"), value.get("unit")} and number_holds(prefix, number, Fraction(1), amount)
    if system != value.get("system"):
        return False
    if system == UCUM and code in _UNITS and value.get("code") in _UNITS:
        (asked_kind, asked_factor), (kind, factor) = _UNITS[code], _UNITS[value["code"]]
        return kind == asked_kind and number_holds(prefix, number, Fraction(asked_factor), amount * factor)
    return code == value.get("code") and number_holds(prefix, number, Fraction(1), amount)


# -- references, URIs, places --------------------------------------------------------------------------------------------------
def local(reference: Any, base: str) -> tuple[str, str] | None:
    """(type, id) of what lies on this server."""
    text = reference.get("reference") if isinstance(reference, dict) else reference
    match = (
        re.fullmatch(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(/_history/[^/]+)?", text.removeprefix(f"{base}/"))
        if isinstance(text, str)
        else None
    )
    return (match[1], match[2]) if match else None


def reference_fits(modifier: str | None, asked: str, targets: frozenset[str], items: Sequence[Item], base: str) -> bool:
    for item in items:
        if modifier == "identifier":
            identifier = item.value.get("identifier", {}) if isinstance(item.value, dict) else {}
            system, *value = [plain(part) for part in parts_of(asked, "|")]
            if identifier.get("value") == (value[0] if value else system) and (
                not value or identifier.get("system", "") == system
            ):
                return True
            continue
        text = item.value if isinstance(item.value, str) else item.value.get("reference")
        if text is None:
            continue
        wanted, found = plain(asked), local(text, base)
        if modifier == "version":
            (url, _, begin), (of, _, version) = wanted.partition("|"), text.partition("|")
            if url == of and (not begin or re.match(re.escape(begin) + r"($|[.-])", version)):
                return True
            continue
        if not re.search(r"[/:|]", wanted):
            kinds = {modifier} if modifier in targets else targets
            if found is not None and found[1] == wanted and found[0] in kinds:
                return True
        elif local(wanted, base) is not None:
            if found == local(wanted, base):
                return True
        elif text == wanted or (isinstance(item.value, str) and text.partition("|")[0] == wanted):
            return True
    return False


def uri_fits(modifier: str | None, asked: str, items: Sequence[Item]) -> bool:
    asked = plain(asked)
    base = asked.rstrip("/")
    looks: dict[str | None, Callable[[str], bool]] = {
        None: lambda text: text == asked,
        "below": lambda text: text == base or text.startswith(f"{base}/"),
        "above": lambda text: base == text.rstrip("/") or base.startswith(f"{text.rstrip('/')}/"),
        "ne": lambda text: text != asked,
        "co": lambda text: asked in text,
        "sw": lambda text: text.startswith(asked),
        "ew": lambda text: text.endswith(asked),
    }
    return any(looks[modifier](item.value) for item in items if isinstance(item.value, str))


def near_fits(asked: str, items: Sequence[Item]) -> bool:
    """Kilometres alone, as the queries have them; 50 where none are given."""
    latitude, longitude, *rest = asked.split("|")
    reach = float(rest[0]) if rest and rest[0] else 50.0
    for item in items:
        if {"latitude", "longitude"} <= set(item.value):
            one, two = math.radians(float(latitude)), math.radians(float(item.value["latitude"]))
            turn = math.radians(float(item.value["longitude"]) - float(longitude))
            cosine = math.sin(one) * math.sin(two) + math.cos(one) * math.cos(two) * math.cos(turn)
            if 6371.0088 * math.acos(max(-1.0, min(1.0, cosine))) <= reach:
                return True
    return False
