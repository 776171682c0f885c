"""What a list asks: filter, order, page and attributes, in a query or in the body of `.search` (RFC 7644 sections 3.4.2 and 3.4.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from server.oauth.parameters import Parameters
from server.scim.content import members
from server.scim.errors import ScimError
from server.scim.filter import Compare, Filter, Joined, comparable, matches, parse_filter
from server.scim.schema import Content, Target, find_attribute, home, values
from server.scim.selection import EVERYTHING, Selection, read_selection

MESSAGE: Final = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
ANSWER: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
MOST: Final = 200
USUAL: Final = 100
_NUMBER: Final = re.compile(r"-?[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Query:
    """`start` counts from 1."""

    condition: Filter | None = None
    order: Target | None = None
    descending: bool = False
    start: int = 1
    count: int = USUAL
    selection: Selection = EVERYTHING

    @property
    def user_name(self) -> str | None:
        """The one name that an account must have to meet the filter, where it is plain: most directories ask just that."""
        terms = self.condition.terms if isinstance(self.condition, Joined) and self.condition.all else (self.condition,)
        for term in terms:
            if isinstance(term, Compare) and term.operator == "eq" and term.target.leaf.name == "userName":
                return term.value if isinstance(term.value, str) else None
        return None


def from_parameters(parameters: Parameters) -> Query:
    """Of a query. Raises ScimError, OAuthError."""
    names = ("filter", "sortBy", "sortOrder", "startIndex", "count")
    given: dict[str, Any] = {name: value for name in names if (value := parameters.get(name)) is not None}
    return _query(given, selection_of(parameters))


def selection_of(parameters: Parameters) -> Selection:
    """Raises ScimError, OAuthError."""
    only, without = (
        [name for name in (parameters.get(part) or "").split(",") if name.strip()]
        for part in ("attributes", "excludedAttributes")
    )
    return read_selection(only, without)


def from_body(body: Content) -> Query:
    """Of a SearchRequest. Raises ScimError."""
    sent = members(body)
    if MESSAGE.lower() not in [str(schema).lower() for schema in _texts(sent, "schemas")]:
        raise ScimError("The body's schemas name SearchRequest.", "invalidSyntax")
    names = ("filter", "sortBy", "sortOrder", "startIndex", "count")
    given = {name: value for name in names if (value := sent.get(name.lower())) is not None}
    return _query(given, read_selection(_texts(sent, "attributes"), _texts(sent, "excludedattributes")))


def _texts(sent: Mapping[str, Any], name: str) -> list[str]:
    found = sent.get(name) or []
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise ScimError(f"{name} is a list of texts.", "invalidSyntax")
    return found


def _query(given: Mapping[str, Any], selection: Selection) -> Query:
    if not all(isinstance(given.get(name, ""), str) for name in ("filter", "sortBy", "sortOrder")):
        raise ScimError("filter, sortBy and sortOrder are texts.", "invalidSyntax")
    order = find_attribute(given["sortBy"]) if "sortBy" in given else None
    if "sortBy" in given and (order is None or order.leaf.type == "complex" or order.leaf.returned == "never"):
        raise ScimError("sortBy names an attribute that there is not.", "invalidPath")
    direction = given.get("sortOrder", "ascending").lower()
    if direction not in {"ascending", "descending"}:
        raise ScimError("sortOrder is ascending or descending.", "invalidValue")
    return Query(
        parse_filter(given["filter"]) if "filter" in given else None,
        order,
        direction == "descending",
        max(1, _whole(given, "startIndex", 1)),
        min(MOST, max(0, _whole(given, "count", USUAL))),
        selection,
    )


def _whole(given: Mapping[str, Any], name: str, usual: int) -> int:
    text = str(given.get(name, usual))
    if _NUMBER.fullmatch(text) is None or isinstance(given.get(name), bool):
        raise ScimError(f"{name} is a whole number.", "invalidValue")
    return int(text)


def meets(query: Query, user: Content) -> bool:
    return query.condition is None or matches(query.condition, user)


def list_response(query: Query, users: Sequence[Content]) -> Content:
    """The page that is asked for, of all that meet the filter."""
    ordered = _ordered(query, sorted(users, key=lambda user: (user["meta"]["created"], user["id"])))
    page = [query.selection.of(user) for user in ordered[query.start - 1 : query.start - 1 + query.count]]
    content: Content = {
        "schemas": [ANSWER],
        "totalResults": len(users),
        "startIndex": query.start,
        "itemsPerPage": len(page),
    }
    return {**content, "Resources": page} if page else content


def _ordered(query: Query, users: list[Content]) -> list[Content]:
    """Those without a value are last in ascending order, and first in descending (RFC 7644 3.4.2.3)."""
    if query.order is None:
        return users
    keys = [(_sort_key(query.order, user), user) for user in users]
    having = sorted(((key, user) for key, user in keys if key is not None), key=lambda pair: pair[0])
    lacking = [user for key, user in keys if key is None]
    ascending = [*(user for _, user in having), *lacking]
    return ascending[::-1] if query.descending else ascending


def _sort_key(order: Target, user: Content) -> Any:
    """Of several values, that of the primary one, or else of the first."""
    found = home(user, order.attribute).get(order.attribute.name)
    if isinstance(found, list) and order.attribute.parts:
        first = next((item for item in found if item.get("primary")), found[0])
        value = first.get(order.leaf.name)
    else:
        value = next(values(user, order), None)
    return None if value is None else comparable(order.leaf, value)
