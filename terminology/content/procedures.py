"""Kinds of procedures, and whether payers commonly want an authorization first: a code system of our own.

What a payer really asks for is in its policies (docs/policies.md); this list helps people to find the kind of a request and
to know what to expect. Codes and words are ours; procedure codes of others are not in it. A line is a group, and after the
colon its procedures with `!` where an authorization is usually needed, `?` where some payers ask for one, and nothing where
it is unusual.
"""

from __future__ import annotations

from typing import Final

from terminology.elements import Resource

PROCEDURES: Final = "https://assent.example/fhir/CodeSystem/procedure-kind"

_TABLE: Final = """
Imaging: MRI of the lumbar spine!, MRI of the cervical spine!, MRI of the knee!, MRI of the shoulder!, MRI of the brain!, CT of the abdomen?, CT of the chest?, PET-CT!, Cardiac MRI!, Bone density scan, Mammography, Chest x-ray, Ultrasound of the abdomen
Orthopedic surgery: Knee replacement!, Hip replacement!, Shoulder replacement!, Knee arthroscopy!, Rotator cuff repair!, Lumbar fusion!, Lumbar decompression!, Carpal tunnel release?, Fracture fixation
Pain procedures: Epidural injection!, Facet joint injection!, Facet ablation!, Spinal cord stimulator!, Trigger point injection?
Heart and vessels: Cardiac catheterization!, Stress test with imaging!, Pacemaker?, Implanted defibrillator!, Vein ablation!, Carotid surgery?, Electrocardiogram
Weight and digestion: Bariatric surgery!, Upper endoscopy?, Screening colonoscopy, Capsule endoscopy!, Gallbladder removal?
Sleep and breathing: Polysomnography!, Home sleep test?, CPAP device!, Home oxygen!, Sinus surgery!, Hypoglossal nerve stimulator!
Medicines given by professionals: Botulinum toxin for migraine!, Infliximab infusion!, Immunoglobulin infusion!, Hyaluronic acid injection!, Iron infusion?, Vaccination
Medicines for home: GLP-1 medicine for diabetes!, GLP-1 medicine for weight!, Growth hormone!, Biologic for arthritis!
Equipment: Power wheelchair!, Manual wheelchair?, Glucose monitor!, Insulin pump!, Hospital bed!, Prosthetic limb!, Walker
Therapy and behavior: Behavior analysis assessment!, Behavior analysis treatment!, Physical therapy?, Occupational therapy?, Speech therapy?, Transcranial magnetic stimulation!, Residential treatment!, Office psychotherapy
Genetics and laboratory: Hereditary cancer gene panel!, Whole exome sequencing!, Tumor gene panel!, Routine blood count
Surgery of the skin and breast: Breast reduction!, Eyelid surgery!, Panniculectomy!, Skin lesion removal?
Facility stays: Inpatient admission!, Skilled nursing stay!, Inpatient rehabilitation!, Home health visits!, Hospice care?
Transport and transplant: Non-emergency ambulance!, Air ambulance!, Kidney transplant!, Stem cell transplant!
"""
_NEED: Final = {"!": "usual", "?": "sometimes"}


def procedures() -> Resource:
    """The code system; the property `authorization` is usual, sometimes or unusual."""
    return {
        "resourceType": "CodeSystem",
        "url": PROCEDURES,
        "version": "1.0.0",
        "name": "ProcedureKinds",
        "title": "Kinds of procedures and their need of authorization",
        "language": "en",
        "status": "active",
        "caseSensitive": True,
        "hierarchyMeaning": "grouped-by",
        "content": "complete",
        "property": [
            {
                "code": "authorization",
                "description": "Whether payers commonly want an authorization first.",
                "type": "code",
            },
            {"code": "notSelectable", "uri": "http://hl7.org/fhir/concept-properties#notSelectable", "type": "boolean"},
        ],
        "concept": [_group(line) for line in _TABLE.strip().splitlines()],
    }


def _group(line: str) -> Resource:
    name, _, below = line.partition(":")
    return {
        "code": _code(name),
        "display": name,
        "property": [{"code": "notSelectable", "valueBoolean": True}],
        "concept": [_procedure(part.strip()) for part in below.split(",")],
    }


def _procedure(text: str) -> Resource:
    name = text.rstrip("!?")
    need = _NEED.get(text[-1], "unusual")
    return {"code": _code(name), "display": name, "property": [{"code": "authorization", "valueCode": need}]}


def _code(name: str) -> str:
    return name.lower().replace(" ", "-")
