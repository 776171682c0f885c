"""What every server knows without being told: ICD-10-CM, our specialties, our kinds of procedures. Made at first use."""

from __future__ import annotations

from functools import lru_cache

from terminology.catalogue import MemoryCatalogue
from terminology.compile_code_system import compile_code_system
from terminology.content.icd10_cm import icd10_cm, icd10_cm_version
from terminology.content.procedures import PROCEDURES, procedures
from terminology.content.specialties import SPECIALTIES, specialties
from terminology.systems import ICD10_CM


@lru_cache(maxsize=1)
def builtin_content() -> MemoryCatalogue:
    """The catalogue; its systems are compiled when they are asked for."""
    catalogue = MemoryCatalogue()
    catalogue.add_system(ICD10_CM, icd10_cm_version(), icd10_cm)
    catalogue.add_system(SPECIALTIES, "1.0.0", lambda: compile_code_system(specialties()))
    catalogue.add_system(PROCEDURES, "1.0.0", lambda: compile_code_system(procedures()))
    for system, name in ((ICD10_CM, "icd-10-cm"), (SPECIALTIES, "specialty"), (PROCEDURES, "procedure-kind")):
        catalogue.add(
            {
                "resourceType": "ValueSet",
                "url": f"https://assent.example/fhir/ValueSet/{name}",
                "version": "1.0.0",
                "name": name,
                "status": "active",
                "compose": {"include": [{"system": system}]},
            }
        )
    return catalogue
