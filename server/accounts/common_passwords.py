"""Whether a password is one that everybody tries first (NIST SP 800-63B-4 3.1.1.2: commonly used, expected, context-specific).

Lists of leaked passwords hold short ones; what people do when fifteen characters are asked for is to lengthen one of these. So it is
not a list that is kept but how such passwords are made: a few well-known words and names in a row, something short again and again,
runs along the keyboard, the alphabet or the digits, each with digits and signs around it or in the place of letters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_WORDS: Final = frozenset(
    re.findall(
        "[a-z]+",
        """
    abc access account admin administrator amazing angel apple april assent august autumn baby babygirl baseball basketball
    batman bear blue buddy butterfly changeme charlie cheese chocolate clinic computer cookie daniel december default demo
    doctor dragon easter fall family february football forever freedom friday friend george ginger god good google guest
    happy harley health hello hockey home hospital hunter iloveyou internet january jennifer jesus jordan july june justin
    killer letme letmein in is it king liverpool login london lord love lovely magic manager march master matthew maggie may medical
    merry michael michelle monday money monkey monster my new nicole november nurse october office orange orwell pass passw
    password passwort patient pepper please pokemon practice princess purple qwerty red root rose samsung secret september
    server shadow silver soccer spring staff star starwars strong stupid summer sunday sunshine super superman system temp test
    tester thank the this thomas tigger time trustno unicorn user welcome whatever winter word work world yellow you zaq
        """,
    )
)
_RUNS: Final = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "azertyuiop",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
)
_SHORTEST_RUN: Final = 3
_FEWEST: Final = 5
"""Different characters."""
_LEET: Final = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"})


def is_common(password: str, of_whom: Sequence[str] = ()) -> bool:
    """`of_whom` are words that are known of the person: they count as well-known ones."""
    folded = password.casefold()
    known = _WORDS | {part for word in of_whom for part in re.split(r"[^a-z]+", word.casefold()) if len(part) > 2}
    letters = re.sub("[^a-z]", "", folded)
    within = re.sub("^[^a-z]+|[^a-z]+$", "", folded)
    spelled = {letters, *(re.sub("[^a-z]", "", text.translate(_LEET)) for text in (folded, within))}
    return (
        len(set(folded)) < _FEWEST
        or _is_repeated(folded)
        or _is_made_of(re.sub("[^a-z0-9]", "", folded), frozenset())
        or any(_is_made_of(spelling, known) for spelling in spelled)
    )


def _is_repeated(text: str) -> bool:
    """Whether a part of at most a third of it comes again and again."""
    return any(text == (text[:size] * len(text))[: len(text)] for size in range(1, len(text) // 3 + 1))


def _is_made_of(text: str, words: frozenset[str]) -> bool:
    """Whether it is nothing but words and runs (in either direction), one behind the other. Nothing at all is not."""
    reached = {0}
    for start in range(len(text)):
        if start in reached:
            reached.update(range(start + _SHORTEST_RUN, start + _run_at(text, start) + 1))
            reached.update(start + len(word) for word in words if text.startswith(word, start))
    return bool(text) and len(text) in reached


def _run_at(text: str, start: int) -> int:
    """How long the longest run is that begins there."""
    longest = 0
    for run in (*_RUNS, *(run[::-1] for run in _RUNS)):
        size = _SHORTEST_RUN
        while start + size <= len(text) and text[start : start + size] in run:
            longest = max(longest, size)
            size += 1
    return longest
