"""Medical specialties and subspecialties, in a code system of our own (codes and words are ours).

The provider taxonomy that claims carry belongs to the NUCC and the AMA and is not shipped; a ConceptMap of the operator's
can lead from one to the other. Each line is a specialty and, after the colon, what lies below it.
"""

from __future__ import annotations

from typing import Final

from terminology.elements import Resource

SPECIALTIES: Final = "https://assent.example/fhir/CodeSystem/specialty"

_TABLE: Final = """
Allergy and immunology: Pediatric allergy
Anesthesiology: Pain medicine, Obstetric anesthesia, Cardiac anesthesia, Pediatric anesthesia
Cardiology: Interventional cardiology, Electrophysiology, Heart failure and transplant, Adult congenital heart disease
Dermatology: Dermatopathology, Mohs surgery, Pediatric dermatology
Emergency medicine: Medical toxicology, Emergency medical services, Undersea medicine
Endocrinology: Diabetes care, Thyroid disease
Family medicine: Adolescent medicine, Sports medicine
Gastroenterology: Hepatology, Transplant hepatology, Advanced endoscopy
General surgery: Bariatric surgery, Breast surgery, Colorectal surgery, Trauma surgery, Surgical oncology, Hand surgery
Genetics: Clinical genetics, Biochemical genetics
Geriatrics:
Hematology: Hemostasis and thrombosis, Stem cell transplant
Infectious disease: HIV medicine, Travel medicine
Internal medicine: Hospital medicine, Primary care
Nephrology: Dialysis care, Kidney transplant medicine
Neurology: Epilepsy, Headache medicine, Movement disorders, Multiple sclerosis, Neuromuscular medicine, Vascular neurology
Neurosurgery: Spine neurosurgery, Functional neurosurgery, Pediatric neurosurgery
Nuclear medicine:
Obstetrics and gynecology: Gynecologic oncology, Maternal-fetal medicine, Reproductive endocrinology, Urogynecology
Oncology: Radiation oncology, Neuro-oncology, Pediatric oncology
Ophthalmology: Retina, Glaucoma, Cornea, Oculoplastics
Orthopedic surgery: Joint replacement, Spine surgery, Foot and ankle surgery, Shoulder and elbow surgery, Pediatric orthopedics
Otolaryngology: Rhinology, Otology, Head and neck surgery, Sleep surgery
Palliative medicine:
Pathology: Cytopathology, Molecular pathology
Pediatrics: Neonatology, Pediatric cardiology, Pediatric endocrinology, Pediatric gastroenterology, Developmental pediatrics
Physical medicine and rehabilitation: Spinal cord injury medicine, Brain injury medicine
Plastic surgery: Reconstructive surgery, Craniofacial surgery
Podiatry:
Preventive medicine: Occupational medicine
Psychiatry: Child psychiatry, Addiction psychiatry, Geriatric psychiatry
Psychology: Behavior analysis, Neuropsychology
Pulmonology: Critical care medicine, Interventional pulmonology
Radiology: Interventional radiology, Neuroradiology, Breast imaging, Musculoskeletal imaging
Rheumatology: Pediatric rheumatology
Sleep medicine:
Thoracic surgery: Cardiac surgery, Lung transplant surgery
Transplant surgery:
Urology: Female urology, Male infertility, Urologic oncology
Vascular surgery: Vein care
Wound care:
"""


def specialties() -> Resource:
    """The code system."""
    concepts = []
    for line in _TABLE.strip().splitlines():
        name, _, below = line.partition(":")
        concept: Resource = {"code": _code(name), "display": name}
        children = [{"code": _code(part), "display": part} for part in (part.strip() for part in below.split(",")) if part]
        if children:
            concept["concept"] = children
        concepts.append(concept)
    return {
        "resourceType": "CodeSystem",
        "url": SPECIALTIES,
        "version": "1.0.0",
        "name": "Specialties",
        "title": "Medical specialties and subspecialties",
        "language": "en",
        "status": "active",
        "caseSensitive": True,
        "hierarchyMeaning": "is-a",
        "content": "complete",
        "concept": concepts,
    }


def _code(name: str) -> str:
    return name.lower().replace(" ", "-")
