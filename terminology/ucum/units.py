"""Unit expressions: read them, and find the exact factor between two of them (UCUM 2.2, chapters 2 and 3).

A unit is a factor times powers of base measures. Factors are fractions, so that nothing is rounded: 1 `[in_i]` is 2.54 `cm`.
Special units (`Cel`, `[pH]`, `B`) are only compared with themselves. Codes of any length and shape are taken from anybody:
what is longer, deeper or larger than any sensible unit is no unit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from typing import Final

from terminology.ucum.atoms import atoms, prefixes

_LONGEST: Final = 200
_DEEPEST: Final = 10
_LARGEST_POWER: Final = 99
_LARGEST_FACTOR: Final = 4000
"""Bits of a factor's numerator or denominator."""

_SIMPLE: Final = re.compile(
    r"(?P<number>[0-9]{1,30})(?=[./(){]|$)"
    r"|(?P<symbol>(?:10[*^]|(?:[^\s0-9./(){}\[\]+-]|\[[^\]\s]*\])(?:[^\s0-9./(){}\[\]+-]|\[[^\]\s]*\]|(?<=_)[0-9]+)*))"
    r"(?P<power>[+-]?[0-9]{1,2})?"
)


@dataclass(frozen=True, slots=True)
class Unit:
    """`factor` times the product of the measures to their powers; `special` if it cannot be converted by a factor."""

    factor: Fraction
    dimension: tuple[tuple[str, int], ...]
    special: bool = False


_ONE: Final = Unit(Fraction(1), ())


class _NoUnitError(ValueError):
    """The text is no unit."""


@lru_cache(maxsize=2048)
def parse_unit(code: str) -> Unit | None:
    """The unit that a UCUM code stands for; None if it is none."""
    if not code or len(code) > _LONGEST:
        return None
    try:
        return _Parser(code).unit()
    except _NoUnitError:
        return None


def conversion_factor(source: str, target: str) -> Fraction | None:
    """How many `target` one `source` is; None if they measure different things, are special, or are no units."""
    first, second = parse_unit(source), parse_unit(target)
    if first is None or second is None:
        return None
    if first.special or second.special:
        return Fraction(1) if source == target else None
    return first.factor / second.factor if first.dimension == second.dimension else None


def _times(left: Unit, right: Unit, power: int = 1) -> Unit:
    """left · right^power."""
    if (right.special and (left != _ONE or power != 1)) or (left.special and right != _ONE):
        raise _NoUnitError
    measures = dict(left.dimension)
    for name, exponent in right.dimension:
        measures[name] = measures.get(name, 0) + exponent * power
    factor = left.factor * right.factor**power
    if max(factor.numerator.bit_length(), factor.denominator.bit_length()) > _LARGEST_FACTOR:
        raise _NoUnitError
    return Unit(factor, tuple(sorted((n, e) for n, e in measures.items() if e)), left.special or right.special)


@cache
def _atom(symbol: str) -> Unit | None:
    """A unit atom, with or without a prefix. The atom itself goes before a prefix: `cd` is the candela, not a centiday."""
    known = atoms()
    if symbol in known:
        atom = known[symbol]
        if atom.unit is None:
            return Unit(Fraction(1), ((symbol, 1),), atom.special)
        inner = _Parser(atom.unit).unit()
        return Unit(atom.value * inner.factor, inner.dimension)
    for length in (1, 2):
        prefix, rest = symbol[:length], symbol[length:]
        if prefix in prefixes() and rest in known and known[rest].metric:
            base = _atom(rest)
            return None if base is None else Unit(prefixes()[prefix] * base.factor, base.dimension, base.special)
    return None


class _Parser:
    def __init__(self, code: str) -> None:
        self._code = code
        self._position = 0
        self._depth = 0

    def unit(self) -> Unit:
        result = self._term()
        if self._position != len(self._code):
            raise _NoUnitError
        return result

    def _peek(self) -> str:
        return self._code[self._position : self._position + 1]

    def _term(self) -> Unit:
        """`a.b/c`, read from the left; a leading `/` divides one."""
        result = _ONE if self._peek() == "/" else self._component()
        while self._peek() in {".", "/"} and self._peek():
            power = 1 if self._peek() == "." else -1
            self._position += 1
            result = _times(result, self._component(), power)
        return result

    def _component(self) -> Unit:
        """A unit in parentheses, an atom or a number, each perhaps with a note in braces; or a note alone."""
        start = self._position
        result = _ONE
        if self._peek() == "(":
            result = self._parenthesis()
        elif self._peek() != "{":
            result = self._simple()
        if self._peek() == "{":
            end = self._code.find("}", self._position)
            note = self._code[self._position + 1 : end]
            if end < 0 or "{" in note or not note.isascii() or not note.isprintable():
                raise _NoUnitError
            self._position = end + 1
        if self._position == start:
            raise _NoUnitError
        return result

    def _parenthesis(self) -> Unit:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _NoUnitError
        self._position += 1
        result = self._term()
        if self._peek() != ")":
            raise _NoUnitError
        self._position += 1
        self._depth -= 1
        return result

    def _simple(self) -> Unit:
        """A number, or an atom with its exponent."""
        match = _SIMPLE.match(self._code, self._position)
        if match is None:
            raise _NoUnitError
        self._position = match.end()
        if match["number"] is not None and int(match["number"]):
            return Unit(Fraction(int(match["number"])), ())
        unit = _atom(match["symbol"]) if match["symbol"] else None
        power = int(match["power"] or 1)
        if unit is None or abs(power) > _LARGEST_POWER:
            raise _NoUnitError
        return unit if power == 1 else _times(_ONE, unit, power)


# -- units of results ----------------------------------------------------------------------------------------------------

_PLAIN_FACTOR: Final = re.compile(r"(?P<operator>^|[./])(?P<symbol>[^\s0-9./(){}+*^-]+)(?P<power>-?[0-9]{1,2})?(?=[./]|$)")


def product(left: str, right: str, power: int = 1) -> str | None:
    """The code of `left` times `right`^power: `cm2` of `cm` and `cm`, `m/s` of `m` and `s` to -1. None for no or special units."""
    first, second = parse_unit(left), parse_unit(right)
    if first is None or second is None or first.special or second.special:
        return None
    powers = _plain_powers(left)
    others = _plain_powers(right)
    if powers is None or others is None:
        code = f"({left}){'.' if power > 0 else '/'}({right})"
        return code if parse_unit(code) is not None else None
    for symbol, exponent in others.items():
        powers[symbol] = powers.get(symbol, 0) + exponent * power
    above = ".".join(_power(symbol, exponent) for symbol, exponent in powers.items() if exponent > 0)
    below = "".join("/" + _power(symbol, -exponent) for symbol, exponent in powers.items() if exponent < 0)
    return above + below or "1"


def _power(symbol: str, exponent: int) -> str:
    return symbol if exponent == 1 else f"{symbol}{exponent}"


def _plain_powers(code: str) -> dict[str, int] | None:
    """The powers of a unit by symbol, where it is a plain product without numbers, notes and parentheses."""
    if code == "1":
        return {}
    powers: dict[str, int] = {}
    position = 0
    while position < len(code):
        match = _PLAIN_FACTOR.match(code, position)
        if match is None:
            return None
        exponent = int(match["power"] or 1)
        powers[match["symbol"]] = powers.get(match["symbol"], 0) + (-exponent if match["operator"] == "/" else exponent)
        position = match.end()
    return powers
