"""What single sentences say and do not say: done, denied, planned, conditional, another person's, and the numbers beside."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from note_reading import read

PT = "conservative_therapy.physical_therapy"
NSAID = "conservative_therapy.nsaids"
INJ = "conservative_therapy.injections"

SAID: list[tuple[str, dict[str, Any]]] = [
    # -- physical therapy and its weeks
    (
        "He completed 8 weeks of physical therapy without relief.",
        {f"{PT}.completed_weeks": 8, f"{PT}.outcome": "no relief"},
    ),
    ("She has attended physical therapy for 6 weeks.", {f"{PT}.completed_weeks": 6}),
    ("She did PT x 6 wks with no improvement.", {f"{PT}.completed_weeks": 6, f"{PT}.outcome": "no relief"}),
    ("He has completed 6-8 weeks of formal PT.", {f"{PT}.completed_weeks": 6}),
    ("She underwent a six-week course of physical therapy.", {f"{PT}.completed_weeks": 6}),
    ("Completed twelve sessions of physical therapy over 6 weeks.", {f"{PT}.sessions": 12, f"{PT}.completed_weeks": 6}),
    ("Despite 3 months of physical therapy, her pain persists.", {f"{PT}.completed_weeks": 13}),
    ("He has been in physical therapy since September 2026.", {f"{PT}.attended": True, f"{PT}.completed_weeks": 7}),
    ("He denies any prior physical therapy.", {f"{PT}.attended": False, f"{PT}.completed_weeks": 0}),
    ("She has never done physical therapy.", {f"{PT}.attended": False}),
    ("He has not tried physical therapy, injections, or NSAIDs.", {f"{PT}.attended": False, f"{NSAID}.trialed": False}),
    ("She has completed a home exercise program for 8 weeks.", {"conservative_therapy.home_exercise.completed_weeks": 8}),
    (
        "He has failed conservative management for 3 months.",
        {"conservative_therapy.failed": True, "conservative_therapy.total_weeks": 13},
    ),
    ("She has had 10 weeks of conservative care including NSAIDs.", {"conservative_therapy.total_weeks": 10}),
    # -- drugs
    (
        "He tried ibuprofen without relief.",
        {f"{NSAID}.trialed": True, f"{NSAID}.outcome": "no relief", "medications_failed": ["ibuprofen"]},
    ),
    (
        "She failed naproxen and could not tolerate meloxicam.",
        {"drugs.naproxen.outcome": "no relief", "drugs.meloxicam.contraindicated": True},
    ),
    (
        "She took naproxen for 6 weeks with no improvement.",
        {"drugs.naproxen.weeks": 6, "drugs.naproxen.outcome": "no relief"},
    ),
    (
        "He took methotrexate 20 mg weekly for 4 months with inadequate response.",
        {
            "drugs.methotrexate.weeks": Decimal("17.3"),
            "drugs.dmard.trialed": True,
            "drugs.methotrexate.outcome": "no relief",
        },
    ),
    ("He has never taken methotrexate.", {"drugs.methotrexate.trialed": False}),
    ("She takes metformin 1000 mg twice daily.", {"drugs.metformin.trialed": True}),
    ("He uses Aleve, which helps a little.", {"drugs.naproxen.trialed": True}),
    ("NSAIDs are contraindicated because of kidney disease.", {}),
    ("She is allergic to naproxen.", {"drugs.naproxen.contraindicated": True}),
    ("For migraine prevention she failed topiramate and propranolol.", {"drugs.preventive_classes": 2}),
    ("She takes Lantus 20 units at bedtime.", {"insulin.daily": True}),
    # -- imaging
    (
        "MRI of the lumbar spine on 9/22/2026 showed an L4-5 disc herniation.",
        {
            "imaging.mri.done": True,
            "imaging.mri.months_ago": 2,
            "imaging.mri.findings": "an L4-5 disc herniation",
            "imaging.mri.body_site": "lumbar spine",
        },
    ),
    (
        "An MRI of the right knee two months ago revealed a meniscal tear.",
        {"imaging.mri.done": True, "imaging.mri.months_ago": 2, "imaging.mri.body_site": "right knee"},
    ),
    (
        "X-rays of the left knee obtained in the office today show severe joint space narrowing and osteophytes.",
        {"imaging.xray.done": True, "imaging.xray.months_ago": 0, "imaging.advanced_joint_disease": True},
    ),
    ("He has had no prior MRI.", {"imaging.mri.done": False}),
    ("She has not had an MRI of her back.", {"imaging.mri.done": False}),
    ("There is no fracture on x-ray of the hip.", {"imaging.xray.done": True}),
    ("X-ray lumbar spine, ordered and obtained today, is unremarkable.", {"imaging.xray.done": True}),
    ("PET/CT in March 2026 demonstrated a hypermetabolic nodule.", {"imaging.pet.done": True}),
    ("Venous duplex on 10/01/2026 showed reflux of 1.2 seconds.", {"imaging.duplex.done": True}),
    # -- complaint
    ("He has had low back pain for the past 3 months.", {"symptom_duration_weeks": 13}),
    ("The onset of her pain began 3 weeks ago.", {"symptom_duration_weeks": 3}),
    ("She presents with a 10-week history of left knee pain.", {"symptom_duration_weeks": 10}),
    ("Back pain since August 22, 2026 that is worsening.", {"symptom_duration_weeks": 13}),
    ("Low back pain x 6 wks.", {"symptom_duration_weeks": 6}),
    ("Back pain limits his ability to walk and climb stairs.", {"function.limited": True}),
    ("The pain does not interfere with her daily activities.", {"function.limited": False}),
    ("He reports low back pain with new urinary incontinence and saddle numbness.", {"red_flags": True}),
    ("He denies bowel or bladder incontinence or saddle anesthesia.", {"red_flags": False}),
    ("He has low back pain with no red flags.", {"red_flags": False}),
    # -- injections
    (
        "She had an epidural steroid injection in August with 60% relief.",
        {f"{INJ}.done": True, f"{INJ}.relief_percent": 60},
    ),
    ("He has had three lumbar injections this year.", {f"{INJ}.done": True, f"{INJ}.count": 3}),
    ("She denies any steroid injections.", {f"{INJ}.done": False}),
    # -- scores and sleep
    ("Epworth sleepiness scale score is 14.", {"sleep.epworth": 14}),
    (
        "The home sleep test on 10/02/2026 showed an AHI of 22.4 events/hour.",
        {"sleep.ahi": Decimal("22.4"), "sleep.home_test_done": True, "sleep.study_done": True},
    ),
    ("Her home sleep test was inconclusive.", {"sleep.home_test_inconclusive": True}),
    ("BMI is 34.2.", {"body.bmi": Decimal("34.2")}),
    ("Hemoglobin A1c 8.1% on 10/22/2026.", {"labs.hba1c": Decimal("8.1"), "labs.hba1c_months_ago": 1}),
    ("Pain is 7/10 at present.", {"function.pain_score": 7}),
    ("Weight: 220 lb.", {"body.weight_kg": Decimal("99.7")}),
    ("SpO2 87% on room air at rest.", {"oxygen.sao2": 87, "oxygen.condition": "rest"}),
    ("Saturation fell to 84% on room air while walking.", {"oxygen.sao2": 84, "oxygen.condition": "exertion"}),
    ("He has excessive daytime sleepiness and snores.", {"sleep.daytime_sleepiness": True}),
    ("She denies daytime sleepiness.", {"sleep.daytime_sleepiness": False}),
    (
        "CPAP download shows average use of 5.6 hours per night and 82% of nights with at least 4 hours.",
        {"sleep.cpap_hours_per_night": Decimal("5.6"), "sleep.cpap_percent_nights": 82},
    ),
    (
        "She has 18 headache days per month, of which 10 migraine days.",
        {"migraine.headache_days": 18, "migraine.migraine_days": 10},
    ),
    ("She has had 18 headache days per month for the past 8 months.", {"migraine.months": 8}),
    ("Chronic migraine with 20 headache days a month for more than 3 months.", {"migraine.months": Decimal("3.1")}),
    ("Headaches 16 days per month since March 2026.", {"migraine.months": Decimal("7.7")}),
    ("Medication overuse headache has been ruled out.", {"migraine.overuse_addressed": True}),
    ("She denies overuse of analgesics.", {"migraine.overuse_addressed": True}),
    ("Medication overuse was addressed in May.", {"migraine.overuse_addressed": True}),
    ("Medication overuse has not been addressed.", {"migraine.overuse_addressed": False}),
    (
        "For migraine prevention she took topiramate for 6 weeks and propranolol for 3 months without benefit.",
        {"drugs.preventive_classes": 2, "drugs.preventive_classes_60_days": 1},
    ),
    (
        "She failed three oral preventive medications for 3 months each.",
        {"drugs.preventive_classes": 3, "drugs.preventive_classes_60_days": 3},
    ),
    # -- oxygen
    ("Overnight oximetry on room air: SpO2 was at or below 88% for 23 minutes.", {"oxygen.sleep_minutes": 23}),
    ("Nocturnal oximetry showed 41 minutes with SpO2 less than or equal to 88%.", {"oxygen.sleep_minutes": 41}),
    ("Overnight oximetry: oxygen saturation <= 88% for 1.5 hours on room air.", {"oxygen.sleep_minutes": 90}),
    ("T88 was 34 minutes on the overnight study.", {"oxygen.sleep_minutes": 34}),
    (
        "SpO2 fell to 84% on room air while walking and improved to 93% on 2 L.",
        {"oxygen.sao2": 84, "oxygen.condition": "exertion", "oxygen.improves_with_oxygen": True},
    ),
    (
        "SpO2 was 85% on room air with ambulation. With 2 liters by nasal cannula it recovered to 94%.",
        {"oxygen.sao2": 85, "oxygen.improves_with_oxygen": True},
    ),
    (
        "On exertion saturation was 85% on room air and did not improve with oxygen.",
        {"oxygen.sao2": 85, "oxygen.improves_with_oxygen": False},
    ),
    # -- specialty
    ("QuantiFERON was negative in May 2026.", {"screening.tuberculosis": True}),
    ("Hepatitis B surface antigen negative.", {"screening.hepatitis_b": True}),
    ("He has moderate to severe Crohn's disease.", {"disease.severity": "moderate to severe"}),
    ("She has completed a 6 month weight management program.", {"lifestyle_program.months": 6}),
    ("Biopsy confirmed invasive adenocarcinoma.", {"cancer.biopsy_proven": True}),
    ("He was diagnosed with autism spectrum disorder by a developmental pediatrician.", {"autism.diagnosed": True}),
    ("He cannot self-propel a manual wheelchair in the home.", {"mobility.manual_chair_insufficient": True}),
    ("A face-to-face mobility examination was performed today.", {"mobility.face_to_face": True}),
    ("She denies hypoglycemia.", {"hypoglycemia.problematic": False}),
    ("He has recurrent level 2 hypoglycemia.", {"hypoglycemia.problematic": True}),
    # -- ways of saying it that rules easily miss
    ("Completed PT (6 weeks) in August.", {f"{PT}.completed_weeks": 6, "conservative_therapy.months_ago": Decimal("3.7")}),
    ("She is 6 weeks into physical therapy.", {f"{PT}.completed_weeks": 6}),
    (
        "No improvement after 6 weeks of PT, NSAIDs, and activity modification.",
        {f"{PT}.completed_weeks": 6, f"{NSAID}.outcome": "no relief"},
    ),
    (
        "Prior treatments: PT x 8 weeks, ibuprofen, Medrol dose pack, all without relief.",
        {f"{PT}.completed_weeks": 8, "drugs.ibuprofen.outcome": "no relief"},
    ),
    ("Discontinued naproxen due to GI bleeding.", {"drugs.naproxen.outcome": "not tolerated"}),
    (
        "Leflunomide not tolerated.",
        {"drugs.leflunomide.outcome": "not tolerated", "drugs.leflunomide.contraindicated": True},
    ),
    ("He has not had relief with ibuprofen.", {"drugs.ibuprofen.outcome": "no relief"}),
    ("SpO2 95% RA at rest, dropping to 86% RA with ambulation.", {"oxygen.sao2": 86, "oxygen.condition": "exertion"}),
    ("Her A1c was 9.2 in January and is now 7.4.", {"labs.hba1c": Decimal("7.4")}),
    ("Strength 5/5 throughout except 3/5 right ankle dorsiflexion.", {"exam.neuro_deficit": True}),
    ("McMurray negative, Lachman positive.", {"exam.orthopedic_sign": True}),
    ("MRI from 2019 showed a mild disc bulge.", {"imaging.mri.months_ago": Decimal("94.7")}),
    ("Pain began in March 2026 after lifting a box.", {"symptom_duration_weeks": 33}),
]

NOT_SAID: list[tuple[str, list[str]]] = [
    # -- planned
    ("We will refer her to physical therapy for 6 to 8 weeks.", [PT]),
    ("A 6 to 8 week course of physical therapy is planned.", [PT]),
    ("I recommend physical therapy twice weekly for 6 weeks.", [PT]),
    ("The patient was provided with a referral to formal physical therapy.", [PT]),
    ("Physical therapy was ordered.", [PT]),
    ("She would like to start physical therapy.", [PT]),
    ("He will follow up after he has completed 6 weeks of physical therapy.", [PT]),
    ("We discussed physical therapy.", [PT]),
    ("He is scheduled to begin physical therapy next week.", [PT]),
    ("MRI of the lumbar spine has been ordered.", ["imaging.mri.done"]),
    ("We will obtain an MRI.", ["imaging.mri.done"]),
    ("If he continues to have pain, we will obtain an MRI for further evaluation.", ["imaging.mri.done"]),
    ("The patient will follow up once the MRI results are available for review.", ["imaging.mri.done"]),
    ("She needs an MRI of the knee.", ["imaging.mri.done"]),
    ("I do not expect to see anything on x-ray, but we will obtain one.", ["imaging.xray.done"]),
    ("We may consider a steroid injection.", [INJ]),
    ("Start meloxicam 15 mg once daily.", [NSAID, "drugs.meloxicam"]),
    ("I have prescribed naproxen 500 mg twice daily for 2 weeks.", [NSAID, "drugs.naproxen"]),
    ("A sleep study was ordered.", ["sleep.study_done"]),
    ("Recommend home sleep test.", ["sleep.study_done", "sleep.home_test_done"]),
    # -- conditional
    ("If physical therapy fails, we will consider an injection.", [PT, INJ]),
    ("She could try ibuprofen.", [NSAID]),
    ("Once he completes 6 weeks of PT, an MRI could be considered.", [PT, "imaging.mri.done"]),
    # -- another person's
    ("His mother had an MRI of the brain.", ["imaging.mri.done"]),
    ("Her brother took methotrexate for years.", ["drugs.methotrexate"]),
    ("There is a family history of heart failure.", ["comorbidities"]),
    # -- numbers beside therapy that are no duration (trap 2)
    ("She attends physical therapy 3 times per week.", [f"{PT}.completed_weeks"]),
    ("He started physical therapy 6 weeks after surgery.", [f"{PT}.completed_weeks"]),
    ("He started physical therapy 2 weeks ago.", [f"{PT}.completed_weeks"]),
    ("She has done physical therapy for several weeks.", [f"{PT}.completed_weeks"]),
    ("He completed less than 4 weeks of physical therapy.", [f"{PT}.completed_weeks"]),
    ("He is 8 weeks post-op and in physical therapy.", [f"{PT}.completed_weeks"]),
    # -- durations that are not the complaint's
    ("He had back surgery 10 years ago.", ["symptom_duration_weeks"]),
    ("She has been taking ibuprofen for 3 months.", ["symptom_duration_weeks"]),
    ("The pain lasts for 2 days each time.", ["symptom_duration_weeks"]),
    ("He is a 57-year-old male with back pain.", ["symptom_duration_weeks"]),
    # -- goals and thresholds
    ("Her A1c goal is below 7.", ["labs.hba1c"]),
    ("We will repeat the A1c in 3 months.", ["labs.hba1c"]),
    ("Coverage requires a BMI over 30.", ["body.bmi"]),
    ("SpO2 94% on 2 L nasal cannula.", ["oxygen.sao2"]),
    ("Overnight on 2 L oxygen SpO2 was below 88% for 3 minutes.", ["oxygen.sleep_minutes"]),
    ("SpO2 was below 90% for 50 minutes overnight.", ["oxygen.sleep_minutes"]),
    ("Overnight oximetry did not show SpO2 below 88% for more than 5 minutes.", ["oxygen.sleep_minutes"]),
    ("Oxygen improved his sleep.", ["oxygen.improves_with_oxygen"]),
    ("She has had migraine since age 14.", ["migraine.months"]),
    ("For chronic migraine she tried topiramate for 3 months.", ["migraine.months"]),
    ("Her mother has had 20 headache days per month for 2 years.", ["migraine.months"]),
    ("Medication overuse headache is suspected.", ["migraine.overuse_addressed"]),
    ("Rule out medication overuse headache.", ["migraine.overuse_addressed"]),
    ("Her sister's medication overuse headache was treated.", ["migraine.overuse_addressed"]),
    ("She failed three oral preventive medications for 8 weeks each.", ["drugs.preventive_classes_60_days"]),
    # -- suspected is not proven, and other traps
    ("We are concerned for autism and recommend an evaluation.", ["autism.diagnosed"]),
    ("The biopsy was benign.", ["cancer.biopsy_proven"]),
    ("He received the hepatitis B vaccine.", ["screening.hepatitis_b"]),
    ("Vitals are within normal limits and kidney function is stable.", ["function.limited"]),
    ("He denies any side effects of metformin.", ["drugs.metformin"]),
    ("There is no joint space narrowing on the knee film.", []),
    ("There is CVA tenderness on the right.", ["comorbidities"]),
    ("PT/INR was 2.1.", [PT]),
    ("Insurance requires 6 weeks of physical therapy before MRI approval.", [PT, "imaging"]),
    ("Her insurance denied the MRI because she has not completed 6 weeks of physical therapy.", [PT, "imaging"]),
    ("Six weeks of PT has been recommended.", [PT]),
    ("Patient is to complete 6 weeks of PT prior to MRI.", [PT, "imaging"]),
    ("She was referred to physical therapy 8 weeks ago but never went.", [PT]),
    ("He was supposed to start physical therapy but could not due to pain.", [PT]),
    ("PT eval scheduled for next Tuesday.", [PT]),
    ("X-rays are not indicated at this time.", ["imaging"]),
    ("MRI was denied by insurance.", ["imaging"]),
    ("Outside MRI not available for review.", ["imaging"]),
    ("Rx: naproxen 500 mg BID.", [NSAID, "drugs"]),
    ("She was given a prescription for meloxicam but has not filled it.", [NSAID, "drugs"]),
    ("BMI 41.3 kg/m2, was 44 last year.", ["body.months_ago"]),
    ("His last A1c was 7.2.", ["labs.hba1c_months_ago"]),
    ("Biopsy showed no malignancy.", ["cancer"]),
    ("PPD placed today.", ["screening"]),
    ("No history of diabetes or hypertension.", ["comorbidities"]),
    ("Patient's father had sleep apnea and uses CPAP 6 hours per night.", ["sleep", "comorbidities"]),
    ("We discussed the risks of epidural steroid injection.", [INJ]),
    ("He plans to join a 6 month weight loss program.", ["lifestyle_program"]),
    ("Return to the emergency room for bowel or bladder incontinence.", ["red_flags"]),
]


@pytest.mark.parametrize(("text", "expected"), SAID, ids=[text[:60] for text, _ in SAID])
def test_what_is_said_becomes_a_fact(text: str, expected: dict[str, Any]) -> None:
    found = read(text)
    for name, value in expected.items():
        assert found.get(name) == value, found


@pytest.mark.parametrize(("text", "names"), NOT_SAID, ids=[text[:60] for text, _ in NOT_SAID])
def test_what_is_not_said_gives_no_fact(text: str, names: list[str]) -> None:
    found = read(text)
    for prefix in names:
        claims = {name: value for name, value in found.items() if name.startswith(prefix) and value is not False}
        assert not claims, found


def test_joint_space_narrowing_that_is_denied_is_not_claimed() -> None:
    assert read("There is no joint space narrowing on the knee film.").get("imaging.advanced_joint_disease") is not True


def test_a_payers_refusal_is_no_denial_by_the_patient() -> None:
    found = read("Her insurance denied the MRI because she has not completed 6 weeks of physical therapy.")
    assert found == {}


WRAPPED = """HPI: 54 y/o female with low back pain for 4 months. She completed a 6-week course
of physical therapy ending in October with no lasting benefit and had tried naproxen for 8
weeks without relief.

FAMILY HISTORY: Father with stroke.

A/P:
1. Lumbar radiculopathy. Order MRI lumbar spine. PT 2x/week for 6 weeks.
2. Start meloxicam.
"""


def test_a_wrapped_note_with_labels_is_read_by_its_sections() -> None:
    found = read(WRAPPED, section="")
    assert found[f"{PT}.completed_weeks"] == 6
    assert found["drugs.naproxen.weeks"] == 8
    assert found["symptom_duration_weeks"] == Decimal("17.3")
    assert "imaging.mri.done" not in found
    assert "drugs.meloxicam.trialed" not in found
    assert "comorbidities" not in found
