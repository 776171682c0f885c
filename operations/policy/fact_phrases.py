"""Noun phrases for the names of the vocabulary, so that a condition can be read by a clinician.

A phrase of a number has `{}` where the comparison goes ("{} weeks of physical therapy"), one of a list where its entries go.
A name without a phrase is said by its meaning in the vocabulary (operations/policy/condition_words.py).
"""

from __future__ import annotations

from typing import Final

_THERAPY: Final = "conservative_therapy"


def _study(name: str, words: str) -> dict[str, str]:
    return {
        f"imaging.{name}.done": words,
        f"imaging.{name}.months_ago": f"{words} {{}}",
        f"imaging.{name}.findings": f"{words} that shows {{}}",
        f"imaging.{name}.body_site": f"{words} of {{}}",
    }


PHRASES: Final[dict[str, str]] = {
    # -- the person and the request
    "age": "an age of {} years",
    "sex": "the administrative gender {}",
    "diagnosis": "a diagnosis code among {}",
    "urgent": "an urgent request",
    "place_of_service": "place of service {}",
    "quantity": "a quantity of {}",
    "documents": "a document of the kind {}",
    # -- history
    "symptom_duration_weeks": "symptoms for {} weeks",
    "red_flags": "a red flag (cauda equina signs, progressive deficit, suspected cancer, infection or fracture)",
    f"{_THERAPY}.total_weeks": "{} weeks of conservative care",
    f"{_THERAPY}.failed": "conservative care that did not help",
    f"{_THERAPY}.months_ago": "conservative care {}",
    f"{_THERAPY}.physical_therapy.attended": "physical therapy that took place",
    f"{_THERAPY}.physical_therapy.completed_weeks": "{} weeks of physical therapy",
    f"{_THERAPY}.physical_therapy.sessions": "{} sessions of physical therapy",
    f"{_THERAPY}.physical_therapy.outcome": "physical therapy with the outcome {}",
    f"{_THERAPY}.home_exercise.completed_weeks": "{} weeks of a supervised home exercise programme",
    f"{_THERAPY}.nsaids.trialed": "a trial of an anti-inflammatory drug (NSAID)",
    f"{_THERAPY}.nsaids.weeks": "{} weeks of an anti-inflammatory drug (NSAID)",
    f"{_THERAPY}.nsaids.outcome": "an anti-inflammatory drug (NSAID) with the outcome {}",
    f"{_THERAPY}.injections.done": "a therapeutic injection",
    f"{_THERAPY}.injections.count": "{} injections in the last 12 months",
    f"{_THERAPY}.injections.relief_percent": "{} % relief after the most recent injection",
    f"{_THERAPY}.compression_months": "{} months of compression therapy",
    # -- studies
    **_study("mri", "an MRI"),
    **_study("ct", "a CT"),
    **_study("xray", "a plain film"),
    **_study("duplex", "a duplex study"),
    **_study("pet", "a PET scan"),
    "imaging.pet.count": "{} PET scans for this disease so far",
    "imaging.advanced_joint_disease": "advanced joint disease on imaging",
    # -- examination and function
    "exam.neuro_deficit": "weakness, sensory or reflex loss on examination",
    "exam.radiculopathy": "radicular pain or sign, or neurogenic claudication",
    "exam.orthopedic_sign": "a positive named knee test, or a locked knee",
    "exam.reexamined": "another examination after conservative care",
    "function.limited": "pain or disease that limits daily activities",
    "function.pain_score": "a pain score of {} (0 to 10)",
    "function.odi_percent": "an Oswestry disability index of {} %",
    "infection.active": "an active joint or systemic infection",
    "body.bmi": "a body-mass index of {} kg/m2",
    "body.weight_kg": "a weight of {} kg",
    "body.months_ago": "weight or body-mass index taken {}",
    "comorbidities": "one of these conditions: {}",
    # -- sleep and breathing
    "sleep.evaluated": "an in-person sleep evaluation",
    "sleep.study_done": "a sleep test",
    "sleep.home_test_done": "a home sleep test",
    "sleep.home_test_inconclusive": "a home sleep test that was negative, failed or inconclusive",
    "sleep.ahi": "{} apneas and hypopneas an hour (AHI or RDI)",
    "sleep.events": "{} events recorded in the sleep test",
    "sleep.daytime_sleepiness": "daytime sleepiness",
    "sleep.epworth": "an Epworth score of {}",
    "sleep.cpap_hours_per_night": "{} hours of CPAP a night",
    "sleep.cpap_percent_nights": "{} % of nights with at least 4 hours of CPAP",
    "oxygen.sao2": "an oxygen saturation of {} % on room air",
    "oxygen.pao2": "an arterial oxygen pressure of {} mmHg on room air",
    "oxygen.condition": "an oxygen test taken at {}",
    "oxygen.test_days_ago": "an oxygen test {}",
    "oxygen.sleep_minutes": "{} minutes of sleep at the qualifying value",
    "oxygen.improves_with_oxygen": "improvement on oxygen during exertion",
    # -- drugs and disease
    "medications": "treatment with {}",
    "medications_failed": "a failed trial of {}",
    "drugs.<drug>.trialed": "a trial of <drug>",
    "drugs.<drug>.weeks": "{} weeks of <drug>",
    "drugs.<drug>.outcome": "<drug> with the outcome {}",
    "drugs.<drug>.contraindicated": "a contraindication to <drug>, or that it was not tolerated",
    "drugs.dmard.trialed": "a trial of a conventional DMARD",
    "drugs.dmard.weeks": "{} weeks of a conventional DMARD",
    "drugs.preventive_classes": "{} classes of migraine preventive tried",
    "drugs.preventive_classes_60_days": "{} classes of migraine preventive taken for 60 days or more each",
    "screening.tuberculosis": "a tuberculosis test with its result",
    "screening.hepatitis_b": "a hepatitis B test with its result",
    "disease.severity": "a disease severity of {}",
    "labs.hba1c": "an HbA1c of {} %",
    "labs.hba1c_months_ago": "an HbA1c taken {}",
    "insulin.daily": "insulin at least once a day",
    "hypoglycemia.problematic": "problematic hypoglycemia",
    "migraine.headache_days": "{} headache days a month",
    "migraine.migraine_days": "{} migraine days a month",
    "migraine.months": "headaches this frequent for {} months",
    "migraine.overuse_addressed": "medication overuse ruled out or treated",
    "lifestyle_program.months": "{} months of a diet and activity programme",
    "cancer.biopsy_proven": "malignancy proven by pathology",
    "cancer.suspected": "strongly suspected malignancy",
    "mobility.adl_limited": "a mobility limit that impairs daily living in the home",
    "mobility.cane_insufficient": "that a cane or walker does not suffice",
    "mobility.manual_chair_insufficient": "that a manual chair cannot be propelled",
    "mobility.face_to_face": "a face-to-face mobility examination",
    "autism.diagnosed": "an autism diagnosis by a qualified clinician",
    "autism.treatment_plan": "a treatment plan with measurable goals and weekly hours",
}

SUBJECTS: Final[dict[str, str]] = {
    "symptom_duration_weeks": "how long the complaint has lasted",
    f"{_THERAPY}.failed": "what the conservative care brought",
    f"{_THERAPY}.physical_therapy.outcome": "what physical therapy brought",
    f"{_THERAPY}.nsaids.outcome": "what the anti-inflammatory drug brought",
    f"{_THERAPY}.injections.relief_percent": "how much relief the most recent injection gave",
    "imaging.mri.months_ago": "when the MRI was done",
    "imaging.ct.months_ago": "when the CT was done",
    "imaging.xray.months_ago": "when the plain film was taken",
    "imaging.duplex.months_ago": "when the duplex study was done",
    "imaging.pet.months_ago": "when the PET scan was done",
    "sleep.home_test_inconclusive": "the result of a home sleep test",
    "oxygen.sao2": "the oxygen saturation on room air",
    "oxygen.pao2": "the arterial oxygen pressure on room air",
    "oxygen.condition": "whether the oxygen test was taken at rest, asleep or on exertion",
    "oxygen.improves_with_oxygen": "the value on exertion with and without oxygen",
    "medications_failed": "what each drug that was tried brought",
    "drugs.<drug>.outcome": "what <drug> brought",
}
"""What to write down, where the phrase above would already claim how it came out."""
