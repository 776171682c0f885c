"""Drug names and codes of ours: brand and generic names to the ingredient, its classes, and RxNorm/HCPCS codes of ingredients.

A small table for the drugs that policies ask about. RxNorm (NLM) is public domain; clinical-drug codes are recognised by
their display, because a full RxNorm is not shipped. Names are single lower-case words, so that a text is looked up by word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Ingredient:
    name: str
    classes: frozenset[str] = frozenset()


RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
HCPCS: Final = frozenset(
    {"http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"}
)

_CLASSES: Final[dict[str, str]] = {
    "nsaid": "ibuprofen naproxen meloxicam diclofenac celecoxib indomethacin ketorolac etodolac nabumetone oxaprozin "
    "piroxicam sulindac ketoprofen flurbiprofen",
    "analgesic": "acetaminophen",
    "opioid": "tramadol oxycodone hydrocodone morphine hydromorphone fentanyl tapentadol methadone buprenorphine codeine",
    "muscle-relaxant": "cyclobenzaprine tizanidine methocarbamol baclofen carisoprodol metaxalone",
    "neuropathic": "gabapentin pregabalin duloxetine",
    "steroid": "prednisone prednisolone methylprednisolone dexamethasone budesonide triamcinolone",
    "dmard": "methotrexate sulfasalazine hydroxychloroquine leflunomide",
    "immunosuppressant": "azathioprine mercaptopurine cyclosporine acitretin tacrolimus mycophenolate mesalamine apremilast",
    "biologic": "infliximab adalimumab etanercept certolizumab golimumab tocilizumab abatacept rituximab secukinumab "
    "ixekizumab ustekinumab vedolizumab tofacitinib upadacitinib risankizumab guselkumab",
    "beta-blocker": "propranolol metoprolol timolol atenolol nadolol",
    "anticonvulsant": "topiramate valproate divalproex",
    "antidepressant": "amitriptyline nortriptyline venlafaxine",
    "arb": "candesartan",
    "cgrp": "erenumab fremanezumab galcanezumab eptinezumab atogepant",
    "triptan": "sumatriptan rizatriptan zolmitriptan eletriptan",
    "antidiabetic": "metformin glipizide glimepiride glyburide sitagliptin empagliflozin dapagliflozin pioglitazone",
    "glp-1": "semaglutide liraglutide dulaglutide tirzepatide exenatide",
    "weight": "phentermine orlistat naltrexone",
    "insulin": "insulin glargine lispro aspart degludec detemir",
    "toxin": "onabotulinumtoxina",
    "viscosupplement": "hyaluronate",
}
MIGRAINE_PREVENTIVE_CLASSES: Final = frozenset({"beta-blocker", "anticonvulsant", "antidepressant", "arb", "cgrp"})

_BRANDS: Final[dict[str, str]] = {
    "advil": "ibuprofen", "motrin": "ibuprofen", "aleve": "naproxen", "naprosyn": "naproxen", "anaprox": "naproxen",
    "mobic": "meloxicam", "voltaren": "diclofenac", "celebrex": "celecoxib", "indocin": "indomethacin",
    "toradol": "ketorolac", "lodine": "etodolac", "relafen": "nabumetone", "daypro": "oxaprozin",
    "tylenol": "acetaminophen", "paracetamol": "acetaminophen", "ultram": "tramadol", "oxycontin": "oxycodone",
    "percocet": "oxycodone", "norco": "hydrocodone", "vicodin": "hydrocodone", "dilaudid": "hydromorphone",
    "nucynta": "tapentadol", "flexeril": "cyclobenzaprine", "zanaflex": "tizanidine", "robaxin": "methocarbamol",
    "neurontin": "gabapentin", "lyrica": "pregabalin", "cymbalta": "duloxetine", "medrol": "methylprednisolone",
    "trexall": "methotrexate", "otrexup": "methotrexate", "rasuvo": "methotrexate", "mtx": "methotrexate",
    "azulfidine": "sulfasalazine", "plaquenil": "hydroxychloroquine", "arava": "leflunomide", "imuran": "azathioprine",
    "remicade": "infliximab", "inflectra": "infliximab", "renflexis": "infliximab", "avsola": "infliximab",
    "humira": "adalimumab", "enbrel": "etanercept", "cimzia": "certolizumab", "simponi": "golimumab",
    "actemra": "tocilizumab", "orencia": "abatacept", "cosentyx": "secukinumab", "taltz": "ixekizumab",
    "stelara": "ustekinumab", "entyvio": "vedolizumab", "xeljanz": "tofacitinib", "rinvoq": "upadacitinib",
    "skyrizi": "risankizumab", "tremfya": "guselkumab", "otezla": "apremilast", "inderal": "propranolol",
    "toprol": "metoprolol", "lopressor": "metoprolol", "topamax": "topiramate", "depakote": "divalproex",
    "elavil": "amitriptyline", "pamelor": "nortriptyline", "effexor": "venlafaxine", "atacand": "candesartan",
    "aimovig": "erenumab", "ajovy": "fremanezumab", "emgality": "galcanezumab", "vyepti": "eptinezumab",
    "qulipta": "atogepant", "imitrex": "sumatriptan", "maxalt": "rizatriptan", "glucophage": "metformin",
    "januvia": "sitagliptin", "jardiance": "empagliflozin", "farxiga": "dapagliflozin", "actos": "pioglitazone",
    "ozempic": "semaglutide", "wegovy": "semaglutide", "rybelsus": "semaglutide", "saxenda": "liraglutide",
    "victoza": "liraglutide", "trulicity": "dulaglutide", "mounjaro": "tirzepatide", "zepbound": "tirzepatide",
    "byetta": "exenatide", "lantus": "glargine", "basaglar": "glargine", "toujeo": "glargine", "humalog": "lispro",
    "novolog": "aspart", "tresiba": "degludec", "levemir": "detemir", "novolin": "insulin", "humulin": "insulin",
    "botox": "onabotulinumtoxina", "synvisc": "hyaluronate", "hyaluronic": "hyaluronate",
}  # fmt: skip

_CODES: Final[dict[str, str]] = {
    "5640": "ibuprofen", "7258": "naproxen", "41493": "meloxicam", "3355": "diclofenac", "140587": "celecoxib",
    "5781": "indomethacin", "161": "acetaminophen", "10689": "tramadol", "7804": "oxycodone", "5489": "hydrocodone",
    "21949": "cyclobenzaprine", "25480": "gabapentin", "72625": "duloxetine", "8640": "prednisone",
    "6851": "methotrexate", "9524": "sulfasalazine", "5521": "hydroxychloroquine", "27169": "leflunomide",
    "1256": "azathioprine", "191831": "infliximab", "327361": "adalimumab", "214555": "etanercept",
    "38404": "topiramate", "8787": "propranolol", "704": "amitriptyline", "39786": "venlafaxine", "6809": "metformin",
    "1991302": "semaglutide", "475968": "liraglutide", "2601723": "tirzepatide",
}  # fmt: skip
_HCPCS_CODES: Final = {"J1745": "infliximab", "J0585": "onabotulinumtoxina"}

_INGREDIENTS: Final[dict[str, Ingredient]] = {
    name: Ingredient(name, frozenset({group})) for group, names in _CLASSES.items() for name in names.split()
}
_WORDS: Final[dict[str, Ingredient]] = {
    **_INGREDIENTS,
    **{brand: _INGREDIENTS[name] for brand, name in _BRANDS.items()},
}
_WORD: Final = re.compile(r"[a-z]{3,30}")


def by_word(word: str) -> Ingredient | None:
    """The ingredient that a lower-case word names, by generic or brand name."""
    return _WORDS.get(word)


def by_code(system: str, code: str) -> Ingredient | None:
    """The ingredient of an RxNorm ingredient code or a HCPCS drug code; None for codes that the table does not hold."""
    table = _CODES if system == RXNORM else _HCPCS_CODES if system in HCPCS else {}
    name = table.get(code)
    return _INGREDIENTS[name] if name else None


def named_in(text: str) -> list[tuple[Ingredient, int, int]]:
    """Every ingredient named in a lower-case text, with the span of the word, in the order of the text."""
    return [
        (ingredient, match.start(), match.end())
        for match in _WORD.finditer(text)
        if (ingredient := _WORDS.get(match.group())) is not None
    ]
