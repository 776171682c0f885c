"""UCUM: which codes are units, and exact factors between them."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terminology.ucum import conversion_factor, parse_unit, product
from terminology.ucum.atoms import atoms, prefixes


@pytest.mark.parametrize(
    ("source", "target", "factor"),
    [
        ("kg", "g", Fraction(1000)),
        ("[in_i]", "cm", Fraction(254, 100)),
        ("[lb_av]", "kg", Fraction(45359237, 100_000_000)),
        ("mg/dL", "g/L", Fraction(1, 100)),
        ("mm[Hg]", "Pa", Fraction(133322, 1000)),
        ("10*9/L", "/nL", Fraction(1)),
        ("10*3/uL", "10*9/L", Fraction(1)),
        ("10^3", "1", Fraction(1000)),
        ("mmol/L", "mol/m3", Fraction(1)),
        ("wk", "d", Fraction(7)),
        ("a", "d", Fraction(36525, 100)),
        ("mo", "d", Fraction(304375, 10_000)),
        ("kg.m/s2", "N", Fraction(1)),
        ("ug/kg/min", "mg/kg/h", Fraction(6, 100)),
        ("mL/min/{1.73_m2}", "L/h", Fraction(6, 100)),
        ("U/L", "kat/m3", Fraction(1, 60_000)),
        ("m[IU]/mL", "[IU]/L", Fraction(1)),
        ("%", "1", Fraction(1, 100)),
        ("{score}", "1", Fraction(1)),
        ("umol{creat}", "mol", Fraction(1, 10**6)),
        ("(mg)/(dL)", "mg/dL", Fraction(1)),
        ("/min", "s-1", Fraction(1, 60)),
        ("Ki.By", "By", None),
        ("KiBy", "bit", Fraction(8192)),
        ("Cel", "Cel", Fraction(1)),
        ("Cel", "K", None),
        ("[degF]", "Cel", None),
        ("[IU]", "mol", None),
        ("[arb'U]", "[USP'U]", None),
        ("cd", "m", None),
        ("m", "s", None),
        ("cm2", "cm", None),
    ],
)
def test_factors(source: str, target: str, factor: Fraction | None) -> None:
    assert conversion_factor(source, target) == factor


@pytest.mark.parametrize(
    "code",
    ["1", "10*", "m", "cm", "dam", "m.s-1", "mm[Hg]", "m[H2O]", "[in_i'H2O]", "{a}",
     "m2{skin}", "10*-6.m", "100.m", "(m.s)", "U/(10.g){feces}", "%[slope]", "B[SPL]", "[m/s2/Hz^(1/2)]", "/m", "mol/kg/s",
     "cal_[15]", "a_g", "u", "ug", "[pH]", "[degF]", "[APL'U]/mL"],
)  # fmt: skip
def test_units(code: str) -> None:
    assert parse_unit(code) is not None


@pytest.mark.parametrize(
    "code",
    ["", " ", "m ", "mg per dL", "kgg", "kmin", "foo", "[foo]", "m//s", "m.", ".m", "m--2", "(m", "m)", "()", "{", "{a", "{a{b}}",
     "{é}", "m^2", "m**2", "5m5m", "Cel.m", "Cel2", "kCelsius", "m100", "10*999", "0", "µg", "[", "]", "2.0", "dL/mg%x"],
)  # fmt: skip
def test_no_units(code: str) -> None:
    assert parse_unit(code) is None


def test_every_atom_is_a_unit_and_metric_ones_take_every_prefix() -> None:
    for code, atom in atoms().items():
        unit = parse_unit(code)
        assert unit is not None, code
        if atom.metric and not atom.special:
            assert all(parse_unit(prefix + code) is not None for prefix in prefixes()), code
    assert len(atoms()) == 312


@pytest.mark.parametrize(
    ("left", "right", "power", "code"),
    [
        ("cm", "cm", 1, "cm2"),
        ("m", "s", -1, "m/s"),
        ("m/s", "s", 1, "m"),
        ("g", "g", -1, "1"),
        ("1", "s", -1, "/s"),
        ("mg/dL", "dL", 1, "mg"),
        ("mg{a}", "m", 1, "(mg{a}).(m)"),
        ("Cel", "m", 1, None),
        ("foo", "m", 1, None),
    ],
)
def test_products(left: str, right: str, power: int, code: str | None) -> None:
    assert product(left, right, power) == code


_CODES = st.sampled_from(
    ["kg", "mg", "[lb_av]", "m", "[in_i]", "s", "h", "L", "mmol/L", "Pa", "mm[Hg]", "10*3/uL", "%", "[IU]/L"]
)


@settings(deadline=None)
@given(_CODES, _CODES)
def test_factors_are_inverse_and_products_keep_the_measure(left: str, right: str) -> None:
    there, back = conversion_factor(left, right), conversion_factor(right, left)
    assert (there is None) == (back is None)
    assert there is None or back is None or there * back == 1
    for power in (1, -1):
        code = product(left, right, power)
        made, first, second = (parse_unit(c) if c is not None else None for c in (code, left, right))
        assert made is not None
        assert first is not None
        assert second is not None
        assert made.factor == first.factor * second.factor**power


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet="mgsLk[]{}()./*^+-0123456789_'%Hd\u00b5 ", max_size=30))
def test_any_text_is_a_unit_or_none(text: str) -> None:
    parse_unit(text)


@pytest.mark.parametrize(
    "code",
    ["m" * 100_000, "(" * 150 + "m" + ")" * 150, "10*99." * 30 + "m", "Ym99." * 30 + "m", "{" * 199, "m." * 99 + "m"],
)
def test_hostile_codes_take_no_time(code: str) -> None:
    start = time.process_time()
    parse_unit(code)
    assert time.process_time() - start < 5
