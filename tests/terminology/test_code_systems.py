"""Code systems are recognised in every spelling that real messages use."""

from __future__ import annotations

import pytest

from terminology import systems
from terminology.systems import canonical_system, same_system, x12


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        ("https://codesystem.x12.org/005010/306", systems.X12_REVIEW_ACTION),
        ("http://codesystem.x12.org/005010/306", systems.X12_REVIEW_ACTION),
        ("http://codesystem.x12.org/005010/306/", systems.X12_REVIEW_ACTION),
        ("http://codesystem.x12.org/005010/1352", x12(1352)),
        ("http://codesystem.x12.org/external/886", systems.X12_DECISION_REASON),
        ("https://loinc.org", systems.LOINC),
        ("http://loinc.org/", systems.LOINC),
        ("urn:oid:2.16.840.1.113883.6.90", systems.ICD10_CM),
        ("https://www.ama-assn.org/go/cpt", systems.CPT),
        ("http://www.nubc.org/revenue-code", systems.NUBC_REVENUE),
        ("http://WWW.CMS.GOV/Medicare/Coding/HCPCSReleaseCodeSets", systems.HCPCS),
        ("http://example.org/mine", "http://example.org/mine"),
        ("https://codesystem.x12.org/005010/x", "https://codesystem.x12.org/005010/x"),
        ("", ""),
    ],
)
def test_spellings(spelling: str, canonical: str) -> None:
    assert canonical_system(spelling) == canonical
    assert canonical_system(canonical) == canonical


def test_every_constant_is_its_own_canonical_form() -> None:
    urls = [v for k, v in vars(systems).items() if k.isupper() and not k.startswith("_")]
    assert len(urls) > 40
    assert [canonical_system(url) for url in urls] == urls
    assert len(set(urls)) == len(urls)


def test_same_system() -> None:
    assert same_system("http://codesystem.x12.org/005010/1365", "https://codesystem.x12.org/005010/1365")
    assert not same_system(systems.CPT, systems.HCPCS)
