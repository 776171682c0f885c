"""American Soundex as the National Archives of the United States describe it: how an English surname sounds, in four signs."""

from __future__ import annotations

from typing import Final

_LENGTH: Final = 4
_DIGITS: Final = {
    letter: digit
    for digit, letters in (("1", "bfpv"), ("2", "cgjkqsxz"), ("3", "dt"), ("4", "l"), ("5", "mn"), ("6", "r"))
    for letter in letters
}
_SILENT: Final = frozenset("hw")
"""Between two letters of the same sound they do not count; a vowel does, and the second is sounded anew."""


def soundex(word: str) -> str:
    """A letter and three digits for a normalized word; empty where it does not begin with a letter from a to z."""
    letters = [letter for letter in word if "a" <= letter <= "z"]
    if not letters or letters[0] != word[0]:
        return ""
    found = letters[0].upper()
    last = _DIGITS.get(letters[0], "")
    for letter in letters[1:]:
        digit = _DIGITS.get(letter, "")
        if digit and digit != last:
            found += digit
            if len(found) == _LENGTH:
                break
        if letter not in _SILENT:
            last = digit
    return found.ljust(_LENGTH, "0")
