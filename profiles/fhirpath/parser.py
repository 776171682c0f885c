"""From the text of an expression to its tree (FHIRPath 2.0 chapter 6.8 "Operator precedence" and grammar in appendix B).

Precedence climbing. More lenient than the grammar in one point: after a dot any word is a name, also a reserved one
(`text.div`). Time and memory grow with the length of the text, which is limited, and so is the depth of the tree.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from profiles.fhirpath.errors import LIMIT, SYNTAX, FhirPathError
from profiles.fhirpath.lexer import Token, tokenize
from profiles.fhirpath.syntax import (
    Call,
    Chain,
    Descending,
    Indexer,
    Literal,
    Member,
    Node,
    Polarity,
    TypeTest,
    Variable,
)
from profiles.fhirpath.temporal import Date, DateTime, Time, parse_date, parse_date_time, parse_time
from profiles.fhirpath.values import CALENDAR_UNITS, quantity_in

MAX_LENGTH: Final = 65_536
"""Characters of an expression."""
MAX_HEIGHT: Final = 100
"""Levels of the tree: nested parentheses and arguments, and steps of one path."""
MAX_INTEGER: Final = 2**31 - 1

_LEVELS: Final = (
    ("implies",),
    ("or", "xor"),
    ("and",),
    ("in", "contains"),
    ("=", "!=", "~", "!~"),
    ("<", "<=", ">", ">="),
    ("|",),
    ("is", "as"),
    ("+", "-", "&"),
    ("*", "/", "div", "mod"),
)
"""Operators by precedence, the weakest first."""
_LEVEL_OF: Final = {operator: level for level, operators in enumerate(_LEVELS) for operator in operators}
_NESTED_LEVELS: Final = {_LEVEL_OF["="], _LEVEL_OF["<"], _LEVEL_OF["in"]}
"""Levels whose chains are evaluated one within the other, so that each operator makes the tree higher."""
_TYPE_LEVEL: Final = _LEVEL_OF["is"]
_WORDS_AS_NAMES: Final = {"as", "is", "in", "contains"}
_RESERVED: Final = {"and", "or", "xor", "implies", "div", "mod", "true", "false"}


def parse(text: str) -> Node:
    """The tree of an expression. Raises FhirPathError (fhirpath-syntax, fhirpath-limit)."""
    if len(text) > MAX_LENGTH:
        raise FhirPathError(LIMIT, f"The expression is longer than {MAX_LENGTH} characters.")
    parser = _Parser(tokenize(text))
    node = parser.expression(0)
    parser.expect("end", "")
    return node


class _Parser:
    """A cursor over tokens. `_open` counts the parentheses, brackets and signs that are open."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._open = 0

    # -- tokens ------------------------------------------------------------------------------------------------------

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _advance(self) -> Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _is_symbol(self, text: str) -> bool:
        return self._token.kind == "symbol" and self._token.text == text

    def _level(self) -> int:
        """The precedence of the operator that is next; -1 if none is."""
        token = self._token
        return _LEVEL_OF.get(token.text, -1) if token.kind in {"symbol", "name"} else -1

    def expect(self, kind: str, text: str) -> Token:
        token = self._token
        if token.kind != kind or (text and token.text != text):
            wanted = f"`{text}`" if text else "the end of the expression" if kind == "end" else f"a {kind}"
            found = "the expression ends" if token.kind == "end" else "there is something else"
            raise FhirPathError(SYNTAX, f"Where {wanted} should be, {found}.", token.position)
        return self._advance()

    def _checked(self, node: Node) -> Node:
        if node.height > MAX_HEIGHT:
            raise FhirPathError(LIMIT, f"The expression is nested more than {MAX_HEIGHT} levels deep.", node.position)
        return node

    # -- operators ---------------------------------------------------------------------------------------------------

    def expression(self, weakest: int) -> Node:
        """What binds at least as strongly as the operators of the level `weakest`."""
        left = self._polarity()
        while (level := self._level()) >= weakest:
            left = self._checked(self._type_test(left) if level == _TYPE_LEVEL else self._chain(left, level))
        return left

    def _chain(self, first: Node, level: int) -> Node:
        rest: list[tuple[str, Node, int]] = []
        while self._level() == level:
            token = self._advance()
            rest.append((token.text, self.expression(level + 1), token.position))
        height = 1 + max(first.height, *(operand.height for _, operand, _ in rest))
        if level in _NESTED_LEVELS:
            height += len(rest) - 1
        return Chain(rest[0][2], first, tuple(rest), height)

    def _type_test(self, operand: Node) -> Node:
        token = self._advance()
        return TypeTest(token.position, token.text, operand, self._type_name(), operand.height + 1)

    def _type_name(self) -> str:
        parts = [self._name()]
        while self._is_symbol("."):
            self._advance()
            parts.append(self._name())
        return ".".join(parts)

    def _name(self) -> str:
        if self._token.kind not in {"name", "quoted"}:
            raise FhirPathError(SYNTAX, "A name is missing.", self._token.position)
        return self._advance().text

    def _polarity(self) -> Node:
        token = self._token
        if not (token.kind == "symbol" and token.text in "+-"):
            return self._postfix()
        self._advance()
        self._enter(token)
        operand = self._polarity()
        self._open -= 1
        return self._checked(Polarity(token.position, token.text, operand, operand.height + 1))

    def _enter(self, token: Token) -> None:
        self._open += 1
        if self._open > MAX_HEIGHT // 2:
            raise FhirPathError(LIMIT, f"More than {MAX_HEIGHT // 2} brackets and signs are open.", token.position)

    # -- terms -------------------------------------------------------------------------------------------------------

    def _postfix(self) -> Node:
        node = self._term()
        while self._token.kind == "symbol" and self._token.text in ".[":
            token = self._advance()
            if token.text == "[":
                self._enter(token)
                index = self.expression(0)
                self.expect("symbol", "]")
                self._open -= 1
                node = Indexer(token.position, node, index, max(node.height, index.height) + 1)
            else:
                node = self._invocation(node)
            self._checked(node)
        return node

    def _invocation(self, target: Node) -> Node:
        token = self._token
        if token.kind == "variable":  # the grammar allows `.$this` after a path; it stands for the focus all the same
            return Variable(self._advance().position, token.text, target.height + 1)
        name = self._name()
        if token.kind == "name" and self._is_symbol("("):
            return self._call(token, target, name)
        return Member(token.position, target, name, target.height + 1)

    def _call(self, token: Token, target: Node | None, name: str) -> Node:
        self._enter(self._advance())
        arguments: list[Node] = []
        if not self._is_symbol(")"):
            arguments.append(self._argument())
            while self._is_symbol(","):
                self._advance()
                arguments.append(self._argument())
        self.expect("symbol", ")")
        self._open -= 1
        height = 1 + max((node.height for node in (*arguments, *([target] if target else []))), default=0)
        return Call(token.position, target, name, tuple(arguments), height)

    def _argument(self) -> Node:
        node = self.expression(0)
        if self._token.kind == "name" and self._token.text in {"asc", "desc"}:
            token = self._advance()
            return node if token.text == "asc" else Descending(token.position, node, node.height + 1)
        return node

    def _term(self) -> Node:
        token = self._token
        if token.kind == "symbol":
            return self._bracketed(token)
        if token.kind in {"name", "quoted"}:
            return self._named(token)
        if token.kind in {"variable", "constant"}:
            return Variable(self._advance().position, token.text)
        if token.kind == "end":
            raise FhirPathError(SYNTAX, "The expression ends where a term should be.", token.position)
        return self._literal(self._advance())

    def _bracketed(self, token: Token) -> Node:
        if token.text == "(":
            self._enter(self._advance())
            node = self.expression(0)
            self.expect("symbol", ")")
            self._open -= 1
            return node
        if token.text == "{":
            self._advance()
            self.expect("symbol", "}")
            return Literal(token.position, None)
        raise FhirPathError(SYNTAX, "An operator stands where a term should be.", token.position)

    def _named(self, token: Token) -> Node:
        word = token.kind == "name"
        if word and token.text in {"true", "false"}:
            return Literal(self._advance().position, token.text == "true")
        if word and token.text in _RESERVED - _WORDS_AS_NAMES:
            raise FhirPathError(SYNTAX, "An operator stands where a term should be.", token.position)
        self._advance()
        if word and self._is_symbol("("):
            return self._checked(self._call(token, None, token.text))
        return Member(token.position, None, token.text)

    def _literal(self, token: Token) -> Node:
        if token.kind == "string":
            return Literal(token.position, token.text)
        if token.kind == "number":
            return self._number(token)
        value: Date | DateTime | Time | None
        if token.kind == "date":
            value = parse_date(token.text[1:])
        elif token.kind == "datetime":
            value = parse_date_time(token.text[1:])
        else:
            value = parse_time(token.text[1:])
        if value is None:
            raise FhirPathError(SYNTAX, "There is no such date or time.", token.position)
        return Literal(token.position, value)

    def _number(self, token: Token) -> Node:
        unit = self._token
        if unit.kind == "string":
            self._advance()
            return Literal(token.position, quantity_in(Decimal(token.text.rstrip("L")), unit.text))
        if unit.kind == "name" and unit.text in CALENDAR_UNITS:
            self._advance()
            return Literal(token.position, quantity_in(Decimal(token.text.rstrip("L")), unit.text))
        if "." in token.text:
            return Literal(token.position, Decimal(token.text))
        long = token.text.endswith("L")
        if len(token.text) > 20 or int(token.text.rstrip("L")) > (2**63 - 1 if long else MAX_INTEGER):
            raise FhirPathError(
                SYNTAX, "The number is too large for an integer; write it with a decimal point.", token.position
            )
        return Literal(token.position, int(token.text.rstrip("L")))
