"""Sentences written after the rules had been mended, read once, and not mended for: what is to be expected of new notes."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from held_out import Case

_PT: Final = "conservative_therapy.physical_therapy"

SECOND_SET: Final[list[Case]] = [
    ("Very little suspicion of a pathologic fracture of the femur.", {}, ["red_flags"]),
    ("We do not believe this represents malignancy.", {}, ["red_flags", "cancer"]),
    ("Tumor is felt to be a remote possibility.", {}, ["red_flags", "cancer"]),
    ("The radiologist raised concern for metastatic cancer of the spine.", {"red_flags": True}, []),
    ("Epidural abscess was considered and excluded.", {}, ["red_flags", "infection.active"]),
    ("Respiratory events occurred at a rate of 27 per hour.", {}, ["sleep.events"]),
    ("The titration study logged 88 events in total.", {"sleep.events": 88}, []),
    ("REI 14.2 events/hr on home sleep apnea testing last month.", {"sleep.ahi": Decimal("14.2")}, ["sleep.events"]),
    ("He made it to 3 of his 9 therapy appointments.", {}, [f"{_PT}.completed_weeks"]),
    ("Only half of the 12 weeks of physical therapy was completed.", {}, [f"{_PT}.completed_weeks"]),
    ("She dropped out of PT after 2 weeks of a 6-week program.", {f"{_PT}.completed_weeks": 2}, []),
    ("The elbow MRI never happened because the machine was down.", {}, ["imaging.mri.done"]),
    ("Her knee MRI fell through twice.", {}, ["imaging.mri.done"]),
    ("Insurance would not pay for the cervical MRI.", {}, ["imaging.mri.done"]),
    ("Cervical spine MRI, 09/03/2026: C5-6 disc protrusion.", {"imaging.mri.done": True}, []),
    ("Hip radiographs from 08/22/2026 were unremarkable.", {"imaging.xray.done": True, "imaging.xray.months_ago": 3}, []),
    ("Ultrasound-guided hip injection was performed last week.", {}, ["imaging"]),
    (
        "Right hip films: severe loss of joint space with bone on bone contact.",
        {"imaging.advanced_joint_disease": True},
        [],
    ),
    ("Knee radiographs demonstrate only early degenerative change.", {}, ["imaging.advanced_joint_disease"]),
    ("Grade IV Kellgren-Lawrence osteoarthritis of the left knee.", {"imaging.advanced_joint_disease": True}, []),
    ("Therapy was put on hold while she cared for her mother.", {}, [f"{_PT}.outcome"]),
    ("Is he taking lisinopril? Patient unsure.", {}, ["drugs", "medications"]),
    ("Walks without difficulty save for stairs, which he cannot manage.", {"function.limited": True}, []),
    ("Twelve weeks of PT brought her no relief whatsoever.", {f"{_PT}.outcome": "no relief"}, []),
    ("PT did nothing for his shoulder pain.", {f"{_PT}.outcome": "no relief"}, []),
    ("On recheck 11/12/2026 after finishing physical therapy, strength is unchanged.", {"exam.reexamined": True}, []),
    ("She is on vancomycin for MRSA bacteremia.", {"infection.active": True}, []),
    ("Sertraline was abandoned because of insomnia.", {"drugs.sertraline.outcome": "not tolerated"}, []),
    ("Propranolol made her dizzy and she came off it.", {"drugs.propranolol.outcome": "not tolerated"}, []),
    ("Adalimumab and etanercept, 12 weeks each, both without benefit.", {"drugs.etanercept.weeks": 12}, []),
]
