"""How often things happen in the mixed cohort: published rates by id, and assumptions that say so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.simulate.hospital.rates import Rate, Rates

if TYPE_CHECKING:
    from collections.abc import Mapping

PUBLISHED: Final[Mapping[str, Rate]] = {
    "headache-any": Rate(0.19, "Duits 2016, 23 memory clinics"),
    "headache-typical-pdph": Rate(0.09, "Duits 2016"),
    "back-pain": Rate(0.17, "Duits 2016"),
    "blood-patch": Rate(0.003, "Duits 2016, 11 of 3868"),
    "hospitalised": Rate(0.007, "Duits 2016, 23 of 3868; here over the headaches of 4 or more"),
    "pdph-conventional-needle": Rate(0.110, "Nath 2018, 110 trials"),
    "pdph-atraumatic-needle": Rate(0.042, "Nath 2018, 110 trials"),
    "children-headache": Rate(0.27, "Ebinger 2004, 112 children"),
    "children-positional-headache": Rate(0.09, "Ebinger 2004"),
    "children-backache": Rate(0.40, "Ebinger 2004"),
    "spinal-haematoma-30d": Rate(0.0020, "Bodilsen 2020, 99 of 49526 without coagulopathy"),
    "traumatic-tap": Rate(0.278, "Bodilsen 2020, more than 300e6/L red cells"),
    "thrombocytopenia-lt150": Rate(0.09, "Bodilsen 2020"),
    "inr-gt-1.4": Rate(0.02, "Bodilsen 2020"),
    "intracranial-subdural-given-pdph": Rate(0.00147, "Moore 2020, obstetric neuraxial block, not LP"),
    "iatrogenic-meningitis": Rate(0.0002, "article B only, not confirmed elsewhere"),
    "fever-in-medical-inpatients": Rate(0.36, "J Gen Intern Med 1988, above 38.0 during the stay"),
    "fever-two-days": Rate(0.29, "McGowan 1987; used here as the share of fevers that last"),
    "ebp-complete-relief": Rate(0.75, "Safa-Tisseront 2001, per patch"),
    "lp-for-suspected-cns-infection-in-ed": Rate(0.76, "emergency department LP cohort, PubMed 11803005"),
    "cns-infection-among-lps": Rate(0.157, "another cohort, 489 LPs; used here outside the ED"),
    "bacterial-meningitis-normal-csf-cells": Rate(0.02, "Dutch and Danish cohorts, per episode"),
    "incident-delirium-older-inpatients": Rate(0.135, "Wu 2025"),
}
"""By the id that the list of base rates gives them; a test compares the numbers."""

OF_NOTE: Final[Mapping[str, Rate]] = {
    "cns-infection-confirmed-in-ed": Rate(0.30, "PubMed 11803005, as the list of base rates notes it"),
}
"""Published too, in the note of a listed rate."""


def _assumed(probability: float, why: str) -> Rate:
    return Rate(probability, f"assumption: {why}")


ASSUMED: Final[Mapping[str, Rate]] = {
    "bacterial-among-infections": _assumed(0.25, "the rest are viral: cells, no growth, a shorter stay"),
    "febrile-before-lp": _assumed(0.6, "of those in whom infection of the nervous system is suspected"),
    "febrile-child-before-lp": _assumed(0.9, "of children whose fever is the reason"),
    "fever-settles-by-day-two": _assumed(0.7, "of fevers from before the LP; the others go on"),
    "confused-before-lp": _assumed(0.3, "of adults in whom infection of the nervous system is suspected"),
    "headache-before-lp": _assumed(0.7, "of those whose reason is infection, headache or high pressure"),
    "neck-stiff-before-lp": _assumed(0.35, "of those in whom infection is suspected"),
    "rash-in-bacterial": _assumed(0.2, "non-blanching rash, of bacterial infections"),
    "blood-culture-in-bacterial": _assumed(0.5, "positive blood culture, of bacterial infections"),
    "blood-culture-contaminant": _assumed(0.02, "of blood cultures taken"),
    "gram-in-bacterial": _assumed(0.6, "positive stain, of bacterial infections"),
    "culture-in-bacterial": _assumed(0.7, "growth in CSF, of bacterial infections"),
    "csf-contaminant": _assumed(0.01, "growth that is called a contaminant, of CSF cultures"),
    "headache-mild": _assumed(0.35, "0 to 3 of 10, of headaches after an LP"),
    "headache-severe": _assumed(0.2, "7 to 9 of 10, of headaches after an LP; the rest 4 to 6"),
    "back-pain-moderate": _assumed(0.2, "4 to 6 of 10, of back pains after an LP"),
    "back-pain-severe": _assumed(0.02, "7 or 8 of 10, of back pains after an LP; the rest are mild"),
    "says-not-postural": _assumed(
        0.15, "of other headaches after an LP: the note says that posture changes nothing"
    ),
    "platelets-lt50": _assumed(0.01, "of LPs outside oncology"),
    "platelets-lt50-oncology": _assumed(0.12, "of LPs in oncology"),
    "anticoagulated": _assumed(0.03, "therapeutic dose within 72 h before or 24 h after"),
    "prophylaxis": _assumed(0.3, "of adult inpatients: low dose against thrombosis"),
    "traumatic-in-the-note": _assumed(0.3, "of bloody taps: the procedure note calls it traumatic"),
    "three-attempts": _assumed(0.05, "of LPs"),
    "renal": _assumed(0.06, "eGFR below 60, of adults"),
    "nsaid-after-lp": _assumed(0.08, "diclofenac, of adult inpatients"),
    "shock-during-needle": _assumed(0.05, "of LPs: pain down a leg while the needle is in"),
    "numb-local": _assumed(0.02, "of LPs: the skin is still numb from the local anaesthetic"),
    "site-bruise": _assumed(0.05, "of LPs"),
    "rash-other": _assumed(0.03, "of LPs: a rash that blanches"),
    "raised-protein": _assumed(0.25, "of LPs for a disease of the nervous system: it raises protein"),
    "low-csf-glucose": _assumed(0.02, "of LPs without infection"),
    "few-white-cells": _assumed(0.12, "6 to 30 cells, of LPs for an inflammatory disease"),
    "pressure-measured": _assumed(0.3, "of LPs; always for high pressure"),
    "pressure-raised": _assumed(0.6, "above 250 mmH2O, of LPs for suspected high pressure"),
    "chronic-deficit": _assumed(0.08, "an old weak leg, numb feet or incontinence, of adults"),
    "chronic-confusion": _assumed(0.08, "of older inpatients; half in memory clinics"),
    "delirium-scored": _assumed(0.6, "of deliria: charted as C; the others stand in notes alone"),
    "told-by-phone": _assumed(0.4, "of outpatients: a nurse calls a day or two later"),
    "unrelated-return": _assumed(0.04, "of discharged patients within two weeks, for another reason"),
    "intubated": _assumed(0.6, "of LPs in intensive care"),
    "copy-forward": _assumed(0.3, "of daily notes: yesterday's text again, with a line added"),
    "checklist": _assumed(0.5, "of daily notes: a list of what the patient does not have"),
    "missed-temperatures": _assumed(0.06, "of inpatients: two sets in a row without a temperature"),
    "leg-power-charted": _assumed(0.5, "of sets of observations on neurology wards"),
    "charted-late": _assumed(0.1, "of sets of observations: up to two hours late"),
    "mistyped": _assumed(0.02, "of inpatients: a temperature typed wrong and corrected within two hours"),
    "late-lp": _assumed(0.1, "of LPs: first documented three to ten hours later"),
    "second-lp": _assumed(0.15, "of LPs in oncology: another one three or four days later"),
    "asked-pain-score": _assumed(0.5, "of sets of observations: a pain score is asked"),
    "icu-fluctuates": _assumed(0.06, "of scores of sedated patients: one step worse for once"),
}
"""Nobody published these for LPs, or we found nobody: house choices of this simulator, each a number to argue with."""

KNOWN: Final[Mapping[str, Rate]] = {**PUBLISHED, **OF_NOTE, **ASSUMED}


def cohort_rates(overrides: Mapping[str, float] | None = None) -> Rates:
    """Return the rates of the cohort; some may be set otherwise.

    Raises: ValueError for an id that does not exist or a number that is no probability.
    """
    return Rates(overrides, known=KNOWN)
