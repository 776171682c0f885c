"""Sentences that were written before the rules were looked at again: what each says, and what it does not say.

`(sentence, says, silent)`: `says` are the values a careful reader takes from it, `silent` are names (or their beginnings) that
must have no value but false. Rules are mended for kinds of wording, never for one of these sentences; `score_held_out.py`
counts how many are read right.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

_CARE: Final = "conservative_therapy"
_PT: Final = "conservative_therapy.physical_therapy"
_INJ: Final = "conservative_therapy.injections"
_NSAID: Final = "conservative_therapy.nsaids"

Case = tuple[str, dict[str, Any], list[str]]

HELD_OUT: Final[list[Case]] = [
    # -- suspicion that is low, absent or ruled out
    ("Clinical suspicion for epidural abscess is low.", {}, ["red_flags"]),
    ("Metastatic disease is unlikely given the normal bone scan.", {}, ["red_flags", "cancer"]),
    ("There is little concern for fracture of the hip at this time.", {}, ["red_flags"]),
    ("The appearance is not suspicious for malignancy.", {}, ["red_flags", "cancer"]),
    ("Discitis was ruled out by MRI last month.", {}, ["red_flags"]),
    ("I doubt cauda equina syndrome.", {}, ["red_flags"]),
    ("Findings favor degenerative change rather than metastatic cancer.", {}, ["red_flags", "cancer"]),
    ("Low clinical index of suspicion for osteomyelitis of the foot.", {}, ["red_flags", "infection.active"]),
    ("The lung nodule is highly suspicious for carcinoma.", {"cancer.suspected": True}, []),
    ("There is a high suspicion for spinal metastasis.", {"red_flags": True}, []),
    ("Suspected vertebral compression fracture after a fall.", {"red_flags": True}, []),
    # -- sleep
    ("The apnea-hypopnea index was 31.7 events per hour.", {"sleep.ahi": Decimal("31.7")}, ["sleep.events"]),
    ("Overall AHI 9.6/hr with nadir saturation of 84%.", {"sleep.ahi": Decimal("9.6")}, ["sleep.events"]),
    ("Polysomnography recorded a total of 214 respiratory events.", {"sleep.events": 214, "sleep.study_done": True}, []),
    ("Home sleep test on 09/14/2026 showed RDI of 18 events/hour.", {"sleep.ahi": 18}, ["sleep.events"]),
    # -- part of a course
    ("She attended 5 of 16 scheduled physical therapy visits.", {f"{_PT}.sessions": 5}, []),
    ("He finished only 3 out of 6 weeks of PT for his shoulder.", {f"{_PT}.completed_weeks": 3}, []),
    ("Completed 7/10 sessions of physical therapy for the neck.", {f"{_PT}.sessions": 7}, []),
    ("Attended four of the twelve prescribed physical therapy sessions.", {f"{_PT}.sessions": 4}, []),
    ("He completed all 10 of 10 weeks of physical therapy.", {f"{_PT}.completed_weeks": 10}, []),
    # -- studies that did not happen
    ("A CT of the abdomen was scheduled for 10/02/2026 but she no-showed.", {}, ["imaging"]),
    ("Knee MRI rescheduled to next month because of claustrophobia.", {}, ["imaging"]),
    ("He could not tolerate the cervical MRI and it was aborted.", {}, ["imaging.mri.done"]),
    ("She declined the x-ray of her wrist.", {}, ["imaging"]),
    ("PET scan is pending insurance approval.", {}, ["imaging"]),
    ("Her shoulder MRI was denied by her health plan in September.", {}, ["imaging"]),
    ("We are awaiting the venous duplex.", {}, ["imaging"]),
    ("The lumbar CT has not yet been performed.", {}, ["imaging"]),
    ("He missed his MRI appointment on 10/20/2026.", {}, ["imaging"]),
    ("MRI of the hip was originally scheduled for May but was completed on 06/03/2026.", {"imaging.mri.done": True}, []),
    # -- guidance is no study
    ("CT-guided biopsy of the liver mass was performed on 11/02/2026.", {}, ["imaging"]),
    ("She received a fluoroscopically guided epidural steroid injection at L5-S1.", {f"{_INJ}.done": True}, ["imaging"]),
    ("Underwent CT simulation for radiation planning.", {}, ["imaging"]),
    # -- done, day unknown
    ("Prior cervical MRI was reviewed with the patient.", {"imaging.mri.done": True}, ["imaging.mri.months_ago"]),
    ("I personally reviewed her recent knee x-rays.", {"imaging.xray.done": True}, ["imaging.xray.months_ago"]),
    ("CT of the chest on 08/22/2026: 2 cm nodule.", {"imaging.ct.done": True, "imaging.ct.months_ago": 3}, []),
    ("Radiographs of the right knee dated 11/01/2026: tricompartmental osteoarthritis.", {"imaging.xray.done": True}, []),
    # -- grades
    (
        "Hip radiographs show minimal joint space narrowing.",
        {"imaging.xray.done": True},
        ["imaging.advanced_joint_disease"],
    ),
    ("X-ray of the knee showed Kellgren-Lawrence grade 3 changes.", {"imaging.advanced_joint_disease": True}, []),
    ("Knee films reveal bone-on-bone arthritis of the medial compartment.", {"imaging.advanced_joint_disease": True}, []),
    ("X-ray showed KL grade 1 osteoarthritis of the knee.", {}, ["imaging.advanced_joint_disease"]),
    ("MRI showed moderate foraminal stenosis at L4-5.", {"imaging.mri.done": True}, ["disease.severity"]),
    ("She has moderate to severe plaque psoriasis.", {"disease.severity": "moderate to severe"}, []),
    ("He stopped physical therapy because he moved out of state.", {}, [f"{_PT}.outcome", f"{_CARE}.failed"]),
    ("PT was discontinued due to cost.", {}, [f"{_PT}.outcome", f"{_CARE}.failed"]),
    # -- questions, exceptions
    ("Has she tried adalimumab? Unknown.", {}, ["drugs", "medications"]),
    ("Ever on gabapentin? Not recorded.", {}, ["drugs", "medications"]),
    ("Independent with all ADLs except that she cannot climb stairs.", {"function.limited": True}, []),
    ("No difficulty walking other than being unable to climb stairs.", {"function.limited": True}, []),
    # -- courses and what they brought
    (
        "Ten weeks of physical therapy with no improvement.",
        {f"{_PT}.completed_weeks": 10, f"{_PT}.outcome": "no relief", f"{_CARE}.failed": True},
        [],
    ),
    ("She did 6 weeks of PT for her hip without any benefit.", {f"{_PT}.completed_weeks": 6, f"{_CARE}.failed": True}, []),
    ("Physical therapy for 7 weeks gave good relief.", {f"{_PT}.completed_weeks": 7}, [f"{_CARE}.failed"]),
    (
        "Physical therapy: 9 sessions from 7/6/2026 to 8/17/2026 with no improvement.",
        {f"{_PT}.sessions": 9, f"{_PT}.completed_weeks": 6, f"{_PT}.outcome": "no relief"},
        [],
    ),
    ("Re-evaluated on 11/03/2026 following a course of physical therapy.", {"exam.reexamined": True}, []),
    ("Reexamined after six weeks of home exercises.", {"exam.reexamined": True}, []),
    ("Follow-up visit after completing PT.", {"exam.reexamined": True}, []),
    ("Will be re-examined after physical therapy.", {}, ["exam.reexamined"]),
    # -- infection
    ("Right foot cellulitis, currently on cephalexin.", {"infection.active": True}, []),
    ("Septic arthritis of the knee being treated with IV antibiotics.", {"infection.active": True}, []),
    ("History of cellulitis two years ago, resolved.", {}, ["infection.active"]),
    # -- drugs
    (
        "Methotrexate caused nausea and was stopped.",
        {"drugs.methotrexate.trialed": True, "drugs.methotrexate.outcome": "not tolerated"},
        [],
    ),
    (
        "Gabapentin, duloxetine, and nortriptyline for 6 weeks each.",
        {"drugs.gabapentin.weeks": 6, "drugs.duloxetine.weeks": 6, "drugs.nortriptyline.weeks": 6},
        [],
    ),
    ("Semaglutide gave her severe vomiting so it was discontinued.", {"drugs.semaglutide.outcome": "not tolerated"}, []),
    ("Naproxen for 6 weeks did not help.", {f"{_NSAID}.weeks": 6, f"{_NSAID}.outcome": "no relief"}, []),
]
