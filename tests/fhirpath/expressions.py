"""Random FHIRPath expressions about a Patient, well-formed and mostly well-typed, for differential tests."""

from __future__ import annotations

from hypothesis import strategies as st

TEXTS = st.sampled_from(["'a'", "'Peter'", "'Jim'", "''", "'home'", "'er'", "'J'", "'03'", "'  x '"])
WHOLES = st.integers(0, 6).map(str)
DATES = st.sampled_from(
    ["birthDate", "@1974-12-25", "@2020-02-29", "@2019-12", "@1974", "@2020-01-31", "@2021-03-01", "@1999-12-31"]
)
DATE_TIMES = st.sampled_from(
    ["@2020-02-29T10:30:00Z", "@2020-02-29T10:30:00+02:00", "@2019-12-31T23:59:59.999Z", "@2021-01-01T00:00:00-05:00"]
)
DURATIONS = st.builds(
    "{} {}".format, st.integers(0, 40), st.sampled_from(["days", "weeks", "months", "years", "day", "month"])
)
QUANTITIES = st.builds(
    "{} '{}'".format,
    st.sampled_from(["1", "2.5", "1000", "0.5", "250"]),
    st.sampled_from(["g", "mg", "kg", "cm", "m", "mm", "L", "mL"]),
)
LISTS = st.sampled_from(["('a' | 'b' | 'Peter')", "'Jim'", "{}", "('er' | 'home')", "%resource.name.given"])
PATHS = st.sampled_from(
    [
        "name.given", "name.family", "name.use", "telecom.system", "telecom.value", "address.line", "address.city",
        "contact.name.given", "contact.relationship.coding.code", "identifier.value", "Patient.name.given", "gender",
        "name.where(use = 'official').given", "telecom.where(system = 'phone').value", "name[0].given", "name[5].given",
        "communication.language.text", "name.select(given | family)", "managingOrganization.reference", "link.type", "{}",
        "('a' | 'b' | 'Peter')", "name.given.first()", "name.first().family",
    ]
)  # fmt: skip

_BINARY = st.sampled_from(["+", "-", "*", "/", "div", "mod"])
_ORDER = st.sampled_from(["<", "<=", ">", ">="])
_EQUAL = st.sampled_from(["=", "!=", "~", "!~"])
_LOGIC = st.sampled_from(["and", "or", "xor", "implies"])


def _collections(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{}.{}".format, inner, st.sampled_from(["first()", "last()", "tail()", "distinct()", "single()"])),
        st.builds("{}.{}({})".format, inner, st.sampled_from(["skip", "take"]), WHOLES),
        st.builds("{}.where($this.{}({}))".format, inner, st.sampled_from(["startsWith", "endsWith", "contains"]), TEXTS),
        st.builds("{}.where(length() {} {})".format, inner, _ORDER, WHOLES),
        st.builds("{}.select({})".format, inner, st.sampled_from(["upper()", "lower()", "$this & 'x'", "toChars()"])),
        st.builds("{}.select(substring({}, {}))".format, inner, WHOLES, WHOLES),
        st.builds("{}.select(replace({}, {}))".format, inner, TEXTS, TEXTS),
        st.builds("{}.{}({})".format, inner, st.sampled_from(["combine", "union", "intersect", "exclude"]), LISTS),
        st.builds("({} | {})".format, inner, inner),
        st.builds("{}[{}]".format, inner, WHOLES),
    )


TEXT_COLLECTIONS = st.recursive(PATHS, _collections, max_leaves=4)


def _numbers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds("({} {} {})".format, inner, _BINARY, inner)


NUMBERS = st.recursive(
    st.one_of(
        WHOLES,
        st.sampled_from(["1.5", "0.25", "10.0", "3.14159", "telecom.rank.first()"]),
        st.builds("{}.count()".format, TEXT_COLLECTIONS),
        st.builds("{}.first().length()".format, TEXT_COLLECTIONS),
        st.builds("{}.first().indexOf({})".format, TEXT_COLLECTIONS, TEXTS),
    ),
    _numbers,
    max_leaves=4,
)


def _truths(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(st.builds("({} {} {})".format, inner, _LOGIC, inner), st.builds("{}.not()".format, inner))


TRUTHS = st.recursive(
    st.one_of(
        st.builds("{}.{}()".format, TEXT_COLLECTIONS, st.sampled_from(["exists", "empty", "isDistinct"])),
        st.builds("{}.{}($this.contains({}))".format, TEXT_COLLECTIONS, st.sampled_from(["exists", "all"]), TEXTS),
        st.builds("{}.{}({})".format, TEXT_COLLECTIONS, st.sampled_from(["subsetOf", "supersetOf"]), TEXT_COLLECTIONS),
        st.builds("({} {} {})".format, TEXT_COLLECTIONS, _EQUAL, TEXT_COLLECTIONS),
        st.builds("({} in {})".format, TEXTS, TEXT_COLLECTIONS),
        st.builds("({} contains {})".format, TEXT_COLLECTIONS, TEXTS),
        st.builds("({} {} {})".format, NUMBERS, _ORDER, NUMBERS),
        st.builds("({} {} {})".format, NUMBERS, _EQUAL, NUMBERS),
        st.builds("({} {} {})".format, DATES, _ORDER, DATES),
        st.builds("({} {} {})".format, DATES, _EQUAL, DATES),
        st.builds("({} {} {})".format, DATE_TIMES, _ORDER, DATE_TIMES),
        st.builds("({} {} {})".format, QUANTITIES, st.one_of(_ORDER, _EQUAL), QUANTITIES),
        st.sampled_from(["true", "false", "{}", "active", "deceased", "name", "name.first()"]),
    ),
    _truths,
    max_leaves=4,
)
EXPRESSIONS = st.one_of(
    TEXT_COLLECTIONS,
    NUMBERS,
    TRUTHS,
    st.builds("{} {} {}".format, DATES, st.sampled_from("+-"), DURATIONS),
    st.builds("iif({}, {}, {})".format, TRUTHS, TEXT_COLLECTIONS, NUMBERS),
    st.builds("{}.{}()".format, NUMBERS, st.sampled_from(["abs", "floor", "ceiling", "truncate", "sqrt"])),
    st.builds("{}.select({}.count())".format, st.sampled_from(["name", "telecom", "contact"]), TEXT_COLLECTIONS),
)
