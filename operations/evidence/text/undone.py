"""Studies that were meant to take place and did not: cancelled, missed, refused, not approved, broken off, still to come."""

from __future__ import annotations

from typing import Final

from operations.evidence.text.patterns import either, rx

_ALONE: Final = (  # "declined." and "missed because", but not "declined surgery"
    r"(?= ?(?:$|[,.;:)]|(?:it|this|that|the|her|his|my|test|study|scan|exam|appointment|because|due|by|secondary|for|"
    r"on|at|in|"
    r"again|until|after|and|so|as|since|then|but|last|today|twice|once|when)\b))"
)
_FAILED: Final = either(
    "cancel{1,2}ed", "cancel{1,2}ing", "cancel", "cancellation", r"no[\s-]?show(?:s|ed|ing)?",
    "did not (?:show|attend|come|go|happen|take place)",
    "missed", "skipped", "declined", "declines", "refused", "refuses", "reschedul(?:e|ed|ing)", "postponed",
    "deferred", "delayed", "put off",
    "on hold", "aborted", "abandoned", "terminated", "stopped early", "interrupted",
)  # fmt: skip
_UNABLE: Final = (
    r"(?:could|can|did|was|is)(?:n't| ?not) (?:be |able to |been )*(?:tolerate|complete|finish|undergo|have|get|lie|"
    r"hold|fit|do|perform|proceed|obtain)\w{0,3}|"
    r"(?:unable|inability|not able) to (?:tolerate|complete|finish|undergo|have|get|lie|hold|fit|do|perform|proceed|"
    r"obtain)|"
    r"too claustrophobic"
)
_REFUSED_BY_PAYER: Final = r"(?:was|were|been|is|got|being)? ?(?:denied|not approved|not authorized|not covered|rejected)"
_TO_COME: Final = (
    r"(?:is|are|was|were|has been|been|be)? ?(?:still |currently )?(?:pending|awaited|awaiting|outstanding|scheduled|"
    r"re-?scheduled|ordered|planned|upcoming)|"
    r"not yet|yet to be|to be done|has yet|(?:was|were|has been|have been|is|are)(?:n't| not| never)(?: yet| been|"
    r" ever)* (?:done|performed|obtained|completed|taken)|never (?:done|performed|obtained|completed|took)"
)
_AFTER: Final = rx(
    rf"\b(?:{_FAILED}{_ALONE}|{_UNABLE}|{_REFUSED_BY_PAYER}\b|(?:{_TO_COME})\b)|[\s(]-? ?(?:pending|scheduled|"
    rf"cancel{{1,2}}ed)\b"
)
_OBJECT: Final = (
    r"(?: (?:for|to|of|having|doing|with|on|out|get|have|undergo|complete|the|an?|his|her|their|this|that|any|repeat|"
    r"recommended|scheduled|planned|ordered|prior|recent|\w{3,14})){0,4} ?$"
)
_BEFORE: Final = rx(
    rf"\b(?:{_FAILED}|{_UNABLE}|await(?:s|ing)?|waiting (?:for|on)|pending|not yet (?:had|done|undergone|completed|"
    rf"obtained)|never (?:had|underwent|completed|got)|yet to (?:have|undergo|complete))"
    rf"{_OBJECT}"
)
_TOOK_PLACE: Final = rx(
    r"\b(?<!not )(?<!yet )(?<!be )(?<!never )(?<!to )(?<!not be )(?<!been )(?:completed|performed|obtained|done|"
    r"taken|reviewed|underwent|show(?:s|ed|ing)|reveal(?:s|ed|ing)|demonstrat(?:es|ed|ing)|confirm(?:s|ed))\b"
)
_TURN: Final = rx(r"\b(?:but|however|although|though|which|and (?=(?:he|she|they|was|were|is|has|had)\b))")


def did_not_take_place(low: str, start: int, end: int, last: int) -> bool:
    """True when the study at `start` to `end` is said not to have been done. `last` is where the next study is named.

    What stands first counts: "showed stenosis, surgery was cancelled" was done, "was cancelled" was not; but a study that was
    cancelled or scheduled first and "was completed on 6/3" was done.
    """
    after = low[end : min(last, end + 160)]
    failed = _AFTER.search(after)
    if failed is not None:
        if _TOOK_PLACE.search(after, 0, failed.start()):
            return False
        return _TOOK_PLACE.search(after, failed.end()) is None
    before = low[max(0, start - 90) : start]
    missed = _BEFORE.search(before)
    return missed is not None and not _TURN.search(missed.group()) and not _TOOK_PLACE.search(after)
