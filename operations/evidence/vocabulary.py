"""The names that evidence documents use: one row a fact, with its kind, unit and meaning.

Policies may ask only for these names (a test holds that) or for the aliases of DESIGN section 7. `<drug>` in a name stands
for an ingredient in lower case (`drugs.methotrexate.trialed`). `months_ago` counts back from the date of the request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["boolean", "number", "string", "list"]
Obtainable = Literal["care", "record", "outcome", "test"]
"""What a practice can truthfully bring about or write down where it is not known, by how:

care     it can be done: therapy, a trial of a drug, an examination, a study
record   it happened, or was measured, and only its date or circumstance is not written down
outcome  what care brought can be written down, whatever it was
test     it can be measured, whatever the value then is

Any other name is a state of the patient (a sign, a diagnosis, a contraindication, a severity): it is as it is.
"""


@dataclass(frozen=True, slots=True)
class Term:
    kind: Kind
    meaning: str
    unit: str | None = None


def _study(name: str) -> dict[str, Term]:
    return {
        f"{name}.done": Term("boolean", "the study was done (ordered or planned does not count)"),
        f"{name}.months_ago": Term("number", "when the most recent one was done", "mo"),
        f"{name}.findings": Term("string", "what it showed, in the report's words"),
        f"{name}.body_site": Term("string", "what was examined, in the source's words"),
    }


VOCABULARY: Final[dict[str, Term]] = {
    # -- the person and the request --------------------------------------------------------------------------------
    "age": Term("number", "age at the date of service, else at the request", "a"),
    "sex": Term("string", "administrative gender: male, female, other, unknown"),
    "diagnosis": Term("list", "ICD-10-CM codes of the Claim and of active Conditions"),
    "urgent": Term("boolean", "priority stat, or level of service urgent"),
    "place_of_service": Term("string", "CMS place-of-service code of the item"),
    "quantity": Term("number", "how much is asked for, in the item's unit"),
    "documents": Term(
        "list",
        "kinds of document in the packet: visit-note, therapy-record, imaging-report, sleep-report, order, lab-result, "
        "pathology-report, questionnaire, treatment-plan, adherence-report, other",
    ),
    # -- history ---------------------------------------------------------------------------------------------------
    "symptom_duration_weeks": Term("number", "how long the complaint has lasted", "wk"),
    "red_flags": Term("boolean", "cauda equina signs, progressive deficit, suspected cancer, infection or fracture"),
    "conservative_therapy.total_weeks": Term("number", "the longest documented course of conservative care", "wk"),
    "conservative_therapy.failed": Term("boolean", "conservative care as a whole did not help"),
    "conservative_therapy.months_ago": Term("number", "when conservative care last happened", "mo"),
    "conservative_therapy.physical_therapy.attended": Term("boolean", "physical therapy took place or is under way"),
    "conservative_therapy.physical_therapy.completed_weeks": Term("number", "weeks of physical therapy done", "wk"),
    "conservative_therapy.physical_therapy.sessions": Term("number", "sessions of physical therapy attended"),
    "conservative_therapy.physical_therapy.outcome": Term("string", "what it brought"),
    "conservative_therapy.home_exercise.completed_weeks": Term("number", "weeks of a supervised home programme", "wk"),
    "conservative_therapy.nsaids.trialed": Term("boolean", "an NSAID was taken for the complaint"),
    "conservative_therapy.nsaids.weeks": Term("number", "for how long", "wk"),
    "conservative_therapy.nsaids.outcome": Term("string", "what it brought"),
    "conservative_therapy.injections.done": Term("boolean", "a therapeutic injection was given"),
    "conservative_therapy.injections.count": Term("number", "injections in the last 12 months"),
    "conservative_therapy.injections.relief_percent": Term("number", "relief after the most recent one", "%"),
    "conservative_therapy.compression_months": Term("number", "compression therapy", "mo"),
    # -- studies ---------------------------------------------------------------------------------------------------
    **_study("imaging.mri"),
    **_study("imaging.ct"),
    **_study("imaging.xray"),
    **_study("imaging.duplex"),
    **_study("imaging.pet"),
    "imaging.pet.count": Term("number", "PET scans for this disease so far"),
    "imaging.advanced_joint_disease": Term("boolean", "narrowing, osteophytes, sclerosis, deformity or necrosis on film"),
    # -- examination and function ------------------------------------------------------------------------------------
    "exam.neuro_deficit": Term("boolean", "weakness, sensory or reflex loss on examination"),
    "exam.radiculopathy": Term("boolean", "radicular pain or sign, or neurogenic claudication"),
    "exam.orthopedic_sign": Term("boolean", "a positive named knee test, or a locked knee"),
    "exam.reexamined": Term("boolean", "examined again after conservative care"),
    "function.limited": Term("boolean", "pain or disease limits daily activities"),
    "function.pain_score": Term("number", "pain on a 0 to 10 scale"),
    "function.odi_percent": Term("number", "Oswestry disability index", "%"),
    "infection.active": Term("boolean", "an active joint or systemic infection"),
    "body.bmi": Term("number", "most recent body-mass index", "kg/m2"),
    "body.weight_kg": Term("number", "most recent weight", "kg"),
    "body.months_ago": Term("number", "when weight or BMI was taken", "mo"),
    "comorbidities": Term(
        "list",
        "hypertension, type-2-diabetes, dyslipidemia, cardiovascular-disease, stroke, heart-failure, copd, "
        "neuromuscular-disease, chronic-opioids, depression, insomnia, sleep-apnea, pulmonary-hypertension, chronic-kidney-disease",
    ),
    # -- sleep and breathing -----------------------------------------------------------------------------------------
    "sleep.evaluated": Term("boolean", "an in-person sleep evaluation took place"),
    "sleep.study_done": Term("boolean", "a sleep test was done"),
    "sleep.home_test_done": Term("boolean", "a home sleep test was done"),
    "sleep.home_test_inconclusive": Term("boolean", "the home test was negative, failed or inconclusive"),
    "sleep.ahi": Term("number", "apnea-hypopnea or respiratory disturbance index", "/h"),
    "sleep.events": Term("number", "events recorded in the test"),
    "sleep.daytime_sleepiness": Term("boolean", "daytime sleepiness is documented"),
    "sleep.epworth": Term("number", "Epworth score"),
    "sleep.cpap_hours_per_night": Term("number", "average use", "h"),
    "sleep.cpap_percent_nights": Term("number", "nights with at least 4 h", "%"),
    "oxygen.sao2": Term("number", "qualifying saturation on room air", "%"),
    "oxygen.pao2": Term("number", "qualifying arterial pressure on room air", "mm[Hg]"),
    "oxygen.condition": Term("string", "rest, sleep or exertion"),
    "oxygen.test_days_ago": Term("number", "age of the qualifying test", "d"),
    "oxygen.sleep_minutes": Term("number", "minutes of sleep spent at or below the qualifying value", "min"),
    "oxygen.improves_with_oxygen": Term("boolean", "the value on exertion is better with oxygen than without"),
    # -- drugs -------------------------------------------------------------------------------------------------------
    "medications": Term("list", "ingredients taken, lower case"),
    "medications_failed": Term("list", "ingredients that failed, or had to be stopped"),
    "drugs.<drug>.trialed": Term("boolean", "the drug was taken"),
    "drugs.<drug>.weeks": Term("number", "for how long", "wk"),
    "drugs.<drug>.outcome": Term("string", "what it brought"),
    "drugs.<drug>.contraindicated": Term("boolean", "contraindicated or not tolerated"),
    "drugs.dmard.trialed": Term("boolean", "a conventional DMARD was taken"),
    "drugs.dmard.weeks": Term("number", "the longest course of a conventional DMARD", "wk"),
    "drugs.preventive_classes": Term("number", "classes of migraine preventive tried"),
    "drugs.preventive_classes_60_days": Term("number", "classes of migraine preventive taken for 60 days or more each"),
    "screening.tuberculosis": Term("boolean", "latent tuberculosis was tested for, with a result"),
    "screening.hepatitis_b": Term("boolean", "hepatitis B was tested for, with a result"),
    "disease.severity": Term("string", "mild, moderate, severe, moderate to severe"),
    "labs.hba1c": Term("number", "most recent HbA1c", "%"),
    "labs.hba1c_months_ago": Term("number", "when it was taken", "mo"),
    "insulin.daily": Term("boolean", "takes insulin at least once a day"),
    "hypoglycemia.problematic": Term("boolean", "recurrent level 2 or one level 3 hypoglycaemia"),
    "migraine.headache_days": Term("number", "headache days a month"),
    "migraine.migraine_days": Term("number", "migraine days a month"),
    "migraine.months": Term("number", "for how long headaches have been that frequent", "mo"),
    "migraine.overuse_addressed": Term("boolean", "medication overuse was ruled out, or is being treated"),
    "lifestyle_program.months": Term("number", "months in a diet and activity programme", "mo"),
    "cancer.biopsy_proven": Term("boolean", "malignancy proven by pathology"),
    "cancer.suspected": Term("boolean", "malignancy strongly suspected"),
    "mobility.adl_limited": Term("boolean", "a mobility limit impairs daily living in the home"),
    "mobility.cane_insufficient": Term("boolean", "cane or walker does not suffice"),
    "mobility.manual_chair_insufficient": Term("boolean", "cannot propel an optimal manual chair"),
    "mobility.face_to_face": Term("boolean", "face-to-face mobility examination documented"),
    "autism.diagnosed": Term("boolean", "autism diagnosed by a qualified clinician"),
    "autism.treatment_plan": Term("boolean", "treatment plan with measurable goals and weekly hours"),
}

_OBTAINABLE: Final[dict[str, Obtainable]] = {
    "documents": "record",
    "symptom_duration_weeks": "record",
    "conservative_therapy.total_weeks": "care",
    "conservative_therapy.failed": "outcome",
    "conservative_therapy.months_ago": "care",
    "conservative_therapy.physical_therapy.attended": "care",
    "conservative_therapy.physical_therapy.completed_weeks": "care",
    "conservative_therapy.physical_therapy.sessions": "care",
    "conservative_therapy.physical_therapy.outcome": "outcome",
    "conservative_therapy.home_exercise.completed_weeks": "care",
    "conservative_therapy.nsaids.trialed": "care",
    "conservative_therapy.nsaids.weeks": "care",
    "conservative_therapy.nsaids.outcome": "outcome",
    "conservative_therapy.injections.relief_percent": "outcome",
    "conservative_therapy.compression_months": "care",
    "imaging.mri.done": "care",
    "imaging.mri.months_ago": "record",
    "imaging.ct.done": "care",
    "imaging.ct.months_ago": "record",
    "imaging.xray.done": "care",
    "imaging.xray.months_ago": "record",
    "imaging.duplex.done": "care",
    "imaging.duplex.months_ago": "record",
    "imaging.pet.months_ago": "record",
    "exam.reexamined": "care",
    "function.odi_percent": "test",
    "body.bmi": "test",
    "body.weight_kg": "test",
    "body.months_ago": "care",
    "sleep.evaluated": "care",
    "sleep.study_done": "care",
    "sleep.home_test_done": "care",
    "sleep.ahi": "test",
    "sleep.events": "test",
    "sleep.epworth": "test",
    "sleep.cpap_hours_per_night": "test",
    "sleep.cpap_percent_nights": "test",
    "oxygen.sao2": "test",
    "oxygen.pao2": "test",
    "oxygen.condition": "record",
    "oxygen.test_days_ago": "care",
    "oxygen.sleep_minutes": "test",
    "oxygen.improves_with_oxygen": "test",
    "medications_failed": "outcome",
    "drugs.<drug>.trialed": "care",
    "drugs.<drug>.weeks": "care",
    "drugs.<drug>.outcome": "outcome",
    "drugs.dmard.trialed": "care",
    "drugs.dmard.weeks": "care",
    "drugs.preventive_classes": "care",
    "drugs.preventive_classes_60_days": "care",
    "screening.tuberculosis": "care",
    "screening.hepatitis_b": "care",
    "labs.hba1c": "test",
    "labs.hba1c_months_ago": "care",
    "migraine.headache_days": "test",
    "migraine.migraine_days": "test",
    "migraine.months": "record",
    "migraine.overuse_addressed": "care",
    "lifestyle_program.months": "care",
    "mobility.face_to_face": "care",
    "autism.treatment_plan": "care",
}


def obtainable(name: str) -> Obtainable | None:
    """How a practice could supply the fact, or None for one that it can only find as it is."""
    if (how := _OBTAINABLE.get(name)) is not None or not name.startswith("drugs."):
        return how
    return _OBTAINABLE.get(f"drugs.<drug>.{name.rpartition('.')[2]}") if name.count(".") == 2 else None


def is_known(name: str) -> bool:
    """True for a name of the vocabulary, with any ingredient in place of `<drug>`."""
    if name in VOCABULARY:
        return True
    head, _, rest = name.partition(".")
    drug, _, leaf = rest.partition(".")
    return head == "drugs" and bool(drug) and f"drugs.<drug>.{leaf}" in VOCABULARY
