"""Conditions and facts in plain words: "at least 6 weeks of physical therapy" for `pt_weeks gte 6`.

Everything is a noun phrase, so that it can follow "Missing:", "Nothing in the packet shows" and the like.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from operations.evidence.fact import Fact
from operations.evidence.merge import kind_of
from operations.evidence.vocabulary import VOCABULARY
from operations.policy.condition import Condition, Test
from operations.policy.fact_phrases import PHRASES, SUBJECTS
from profiles.json import Json, dumps

_MOST_ENTRIES: Final = 6
_LONGEST: Final = 60
_BOUNDS: Final = {"gte": "at least", "gt": "more than", "lte": "at most", "lt": "less than", "eq": "", "neq": "other than"}

_OPPOSITE: Final = {"gte": "lt", "gt": "lte", "lte": "gt", "lt": "gte", "eq": "neq", "neq": "eq"}


def condition_words(condition: Condition, turned: bool = False) -> str:
    """What the condition asks for; with `turned`, what an exclusion asks for instead."""
    name = condition.name
    if kind_of(name) == "boolean" and len(condition.tests) == 1 and isinstance(condition.tests[0].expected, bool):
        test = condition.tests[0]
        wanted = test.expected is (test.operator.name != "neq")
        return _yes_or_no(name, wanted is not turned)
    if turned and len(condition.tests) == 1 and (opposite := _OPPOSITE.get(condition.tests[0].operator.name)):
        return _filled(name, _bounded(opposite, condition.tests[0].expected, name))
    filled = _filled(name, " and ".join(_compared(test, name) for test in condition.tests))
    return f"anything but {filled}" if turned else filled


def fact_words(fact: Fact) -> str:
    """What a fact says."""
    if isinstance(fact.value, bool):
        return _yes_or_no(fact.name, fact.value)
    if _is_age(fact.name):
        return _filled(fact.name, f"{_plain(fact.value)} {_age_unit(fact.name)} ago")
    value = _listed(fact.value, "and") if isinstance(fact.value, list) else _plain(fact.value)
    return f"diagnosis {value}" if fact.name == "diagnosis" else _filled(fact.name, value)


def meaning_of(name: str) -> str:
    """The meaning of a name of the vocabulary, in words."""
    term = VOCABULARY.get(name)
    if term is None and name.startswith("drugs."):
        drug, leaf = name.split(".")[1], name.rpartition(".")[2]
        term = VOCABULARY.get(f"drugs.<drug>.{leaf}")
        return f"{drug}: {term.meaning}" if term else name
    if term is None:
        return name
    return term.meaning.partition(": ")[0] if term.kind == "list" else term.meaning


def subject_of(name: str) -> str:
    """What to find out or write down, without saying how it comes out."""
    parts = name.split(".")
    if parts[0] == "drugs" and len(parts) == 3 and (subject := SUBJECTS.get(f"drugs.<drug>.{parts[2]}")) is not None:
        return subject.replace("<drug>", parts[1])
    return SUBJECTS.get(name) or meaning_of(name)


def joined(phrases: Sequence[str], word: str) -> str:
    """`a, b and c`."""
    unique = list(dict.fromkeys(phrase for phrase in phrases if phrase))
    return f" {word} ".join([", ".join(unique[:-1]), unique[-1]]) if len(unique) > 1 else "".join(unique)


def _phrase(name: str) -> str:
    if (phrase := PHRASES.get(name)) is not None:
        return phrase
    parts = name.split(".")
    if parts[0] == "drugs" and len(parts) == 3 and (phrase := PHRASES.get(f"drugs.<drug>.{parts[2]}")) is not None:
        return phrase.replace("<drug>", parts[1])
    meaning = meaning_of(name)
    return meaning if meaning != name else name.replace("_", " ").replace(".", " ")


def _filled(name: str, value: str) -> str:
    phrase = _phrase(name)
    words = phrase.replace("{}", value) if "{}" in phrase else f"{phrase}: {value}"
    return " ".join(words.split())


def _yes_or_no(name: str, value: bool) -> str:
    phrase = _phrase(name).replace("{}", "").strip()
    return phrase if value else f"the absence of {phrase.removeprefix('that ')}"


def _compared(test: Test, name: str) -> str:
    expected, operator = test.expected, test.operator.name
    if operator == "between":
        ago = f" {_age_unit(name)} ago" if _is_age(name) else ""
        return f"{_plain(expected[0])} to {_plain(expected[1])}{ago}"
    if operator == "count_gte":
        return f"at least {_plain(expected)} of them"
    if isinstance(expected, list):
        return _listed(expected, "and" if operator == "contains" else "or")
    return _bounded(operator, expected, name)


def _bounded(operator: str, expected: Json, name: str) -> str:
    value = _plain(expected)
    if _is_age(name) and operator == "lte":
        return f"within the last {value} {_age_unit(name)}"
    ago = f" {_age_unit(name)} ago" if _is_age(name) else ""
    return f"{_BOUNDS.get(operator, '')} {value}{ago}".strip()


def _is_age(name: str) -> bool:
    return name.endswith(("months_ago", "days_ago"))


def _age_unit(name: str) -> str:
    return "months" if name.endswith("months_ago") else "days"


def _listed(values: Sequence[Json], word: str = "or") -> str:
    shown = [_plain(value) for value in values[:_MOST_ENTRIES]]
    if len(values) > _MOST_ENTRIES:
        return f"{', '.join(shown)} {word} {len(values) - _MOST_ENTRIES} more"
    return joined(shown, word)


def _plain(value: Json) -> str:
    text = value if isinstance(value, str) else dumps(value).decode()
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
