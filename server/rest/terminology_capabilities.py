"""The TerminologyCapabilities of a base (FHIR R4 terminologycapabilities.html): `GET metadata?mode=terminology`.

What can be asked is the same for every tenant; which code systems there are beside the built-in ones is what a tenant has
stored, and a search says it.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

from operations.terminology.definitions import PARAMETERS
from profiles.json import Resource
from server.rest.capability import SINCE
from server.rest.request import Base
from terminology.content.procedures import PROCEDURES
from terminology.content.specialties import SPECIALTIES
from terminology.systems import ICD10_CM

_BUILT_IN: Final = (ICD10_CM, SPECIALTIES, PROCEDURES)
_NOT_OF_THE_EXPANSION: Final = frozenset({"url", "valueSet", "valueSetVersion", "date"})


def terminology_capabilities(base: Base) -> Resource:
    """What the terminology operations can do."""
    parameters = dict.fromkeys(row.partition(":")[0] for row in PARAMETERS["ValueSet-expand"].split())
    return {
        "resourceType": "TerminologyCapabilities",
        "url": f"{base.url}/metadata?mode=terminology",
        "version": version("assent"),
        "name": "AssentTerminology",
        "title": "What Assent knows of codes",
        "status": "active",
        "date": SINCE,
        "kind": "instance",
        "codeSystem": [{"uri": uri} for uri in _BUILT_IN],
        "expansion": {
            "hierarchical": True,
            "paging": True,
            "incomplete": False,
            "parameter": [{"name": name} for name in sorted(parameters) if name not in _NOT_OF_THE_EXPANSION],
            "textFilter": "Codes that start with the text, or names with words that start with each of its words. In code systems of 2,000 "
            "codes and more a misspelt word is forgiven, and the best come first.",
        },
        "codeSearch": "all",
        "validateCode": {"translations": False},
        "translation": {"needsMap": True},
        "closure": {"translation": False},
    }
