"""How standard codes name the concepts that the writers write. Source: the codes marked verified in the concept list."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

LOINC: Final = "http://loinc.org"
SNOMED: Final = "http://snomed.info/sct"
RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
CPT: Final = "http://www.ama-assn.org/go/cpt"

HL7_SYSTEMS: Final = {LOINC: "LN", SNOMED: "SCT", RXNORM: "RXNORM", CPT: "C4"}
"""HL7 table 0396 names of the systems that are used here."""


class Kind(StrEnum):
    """Name the ways in which a concept is written."""

    PUNCTURE = "puncture"
    PROCEDURE = "procedure"
    QUANTITY = "quantity"
    ANSWER = "answer"
    TEXT = "text"
    NOTE = "note"
    DRUG = "drug"
    FINDING = "finding"
    ALLERGY = "allergy"
    ENCOUNTER = "encounter"
    DISCHARGE = "discharge"


@dataclass(frozen=True, slots=True)
class Term:
    """A code in a system; the system is a URI, or empty for a code of the sender's own."""

    system: str
    code: str
    display: str


@dataclass(frozen=True, slots=True)
class Coding:
    """How one concept is written. `unit` is its canonical unit; `site` and `specimen` what the code alone does not say."""

    kind: Kind
    term: Term
    unit: str = ""
    site: str = ""
    specimen: str = ""


def _loinc(code: str, display: str, unit: str, specimen: str = "", site: str = "") -> Coding:
    return Coding(Kind.QUANTITY, Term(LOINC, code, display), unit, site, specimen)


def _answer(code: str, display: str, specimen: str = "") -> Coding:
    return Coding(Kind.ANSWER, Term(LOINC, code, display), specimen=specimen)


def _drug(display: str) -> Coding:
    return Coding(Kind.DRUG, Term("", "", display))


_PAIN = ("72514-3", "Pain severity - 0-10 verbal numeric rating", "{score}")

CODINGS: Final[dict[str, Coding]] = {
    "lumbar-puncture": Coding(Kind.PUNCTURE, Term(SNOMED, "277762005", "Lumbar puncture")),
    "blood-patch": Coding(Kind.PROCEDURE, Term(CPT, "62273", "Epidural blood patch")),
    "body-temperature": _loinc("8310-5", "Body temperature", "Cel"),
    "heart-rate": _loinc("8867-4", "Heart rate", "/min"),
    "respiratory-rate": _loinc("9279-1", "Respiratory rate", "/min"),
    "spo2": _loinc("59408-5", "Oxygen saturation by pulse oximetry", "%"),
    "blood-pressure": Coding(Kind.TEXT, Term(LOINC, "85354-9", "Blood pressure")),
    "systolic-pressure": _loinc("8480-6", "Systolic blood pressure", "mm[Hg]"),
    "diastolic-pressure": _loinc("8462-4", "Diastolic blood pressure", "mm[Hg]"),
    "pain-score": _loinc(*_PAIN),
    "back-pain-score": _loinc(*_PAIN, site="back"),
    "headache-score": _loinc(*_PAIN, site="head"),
    "neck-pain-score": _loinc(*_PAIN, site="neck"),
    "gcs": _loinc("9269-2", "Glasgow coma score total", "{score}"),
    "gcs-eye": _loinc("9267-6", "Glasgow coma score eye opening", "{score}"),
    "gcs-verbal": _loinc("9270-0", "Glasgow coma score verbal", "{score}"),
    "gcs-motor": _loinc("9268-4", "Glasgow coma score motor", "{score}"),
    "acvpu": _answer("80288-4", "Level of consciousness AVPU"),
    "crp": _loinc("1988-5", "C reactive protein", "mg/L", "blood"),
    "wbc": _loinc("6690-2", "Leukocytes in blood", "10*9/L", "blood"),
    "platelets": _loinc("777-3", "Platelets in blood", "10*9/L", "blood"),
    "inr": _loinc("6301-6", "INR", "1", "blood"),
    "creatinine": _loinc("2160-0", "Creatinine", "mg/dL", "blood"),
    "egfr": _loinc("98979-8", "GFR by creatinine CKD-EPI 2021", "mL/min/{1.73_m2}", "blood"),
    "serum-glucose": _loinc("2345-7", "Glucose in serum or plasma", "mg/dL", "blood"),
    "csf-wbc": _loinc("26465-5", "Leukocytes in CSF", "/uL", "csf"),
    "csf-rbc": _loinc("26454-9", "Erythrocytes in CSF", "/uL", "csf"),
    "csf-protein": _loinc("2880-3", "Protein in CSF", "mg/dL", "csf"),
    "csf-glucose": _loinc("2342-4", "Glucose in CSF", "mg/dL", "csf"),
    "csf-gram": _answer("664-3", "Microscopic observation by Gram stain", "csf"),
    "csf-culture": _answer("606-4", "Bacteria in CSF by culture", "csf"),
    "blood-culture": _answer("600-7", "Bacteria in blood by culture", "blood"),
    "opening-pressure": Coding(Kind.QUANTITY, Term("", "", "CSF opening pressure"), "mm[H2O]"),
    "post-void-residual": Coding(Kind.QUANTITY, Term("", "", "Post-void residual"), "mL"),
    "leg-power": Coding(Kind.QUANTITY, Term("", "", "Leg power"), "{score}"),
    "csf-pcr": Coding(Kind.ANSWER, Term("", "", "Meningitis and encephalitis panel"), specimen="csf"),
    "needle-type": Coding(Kind.ANSWER, Term("", "", "Needle tip")),
    "needle-gauge": Coding(Kind.QUANTITY, Term("", "", "Needle gauge"), "{gauge}"),
    "attempts": Coding(Kind.QUANTITY, Term("", "", "Needle passes"), "{count}"),
    "lp-indication": Coding(Kind.ANSWER, Term("", "", "Reason for the lumbar puncture")),
    "note": Coding(Kind.NOTE, Term(LOINC, "11506-3", "Progress note")),
    "anticoagulant": _drug("anticoagulant"),
    "nsaid": _drug("NSAID"),
    "sedation": _drug("sedation"),
    "antiplatelet": _drug("antiplatelet"),
    "antimicrobial": _drug("antimicrobial"),
    "nsaid-allergy": Coding(Kind.ALLERGY, Term("", "NSAID-ALLERGY", "Allergy to an NSAID")),
    "ulcer-history": Coding(Kind.FINDING, Term("", "ULCER-HISTORY", "Peptic ulcer")),
    "puncture-site-infection": Coding(Kind.FINDING, Term(SNOMED, "128045006", "Cellulitis")),
    "severe-back-pain": Coding(Kind.FINDING, Term("", "SEVERE-BACK-PAIN", "Severe back pain")),
    "encounter": Coding(Kind.ENCOUNTER, Term("", "", "Visit")),
    "discharge": Coding(Kind.DISCHARGE, Term("", "", "Discharge")),
}

SITES: Final = {
    "back": Term(SNOMED, "77568009", "Back"),
    "head": Term(SNOMED, "69536005", "Head"),
    "neck": Term(SNOMED, "45048000", "Neck"),
}

SPECIMENS: Final = {
    "csf": Term(SNOMED, "258450006", "Cerebrospinal fluid"),
    "blood": Term(SNOMED, "119297000", "Blood"),
    "shunt": Term("", "", "CSF shunt"),
    "drain": Term("", "", "CSF drain"),
    "ventricular": Term("", "", "Ventricular CSF"),
}

ANSWERS: Final = {
    "A": Term(SNOMED, "248234008", "Mentally alert"),
    "C": Term(SNOMED, "130987000", "Acute confusion"),
    "V": Term(SNOMED, "300202002", "Responds to voice"),
    "P": Term(SNOMED, "450847001", "Responds to pain"),
    "U": Term(SNOMED, "422768004", "Unresponsive"),
    "positive": Term(SNOMED, "10828004", "Positive"),
    "negative": Term(SNOMED, "260385009", "Negative"),
}
"""Answers of coded concepts; an answer that is not here travels as text."""

INTERPRETATIONS: Final = {"positive": "POS", "negative": "NEG"}

DRUGS: Final = {
    "warfarin": Term(RXNORM, "11289", "Warfarin"),
    "apixaban": Term(RXNORM, "1364430", "apixaban"),
    "rivaroxaban": Term(RXNORM, "1114195", "rivaroxaban"),
    "dabigatran": Term(RXNORM, "1037042", "dabigatran etexilate"),
    "edoxaban": Term(RXNORM, "1599538", "edoxaban"),
    "enoxaparin": Term(RXNORM, "362788", "enoxaparin Injectable Solution"),
    "enoxaparin prophylaxis": Term(RXNORM, "362788", "enoxaparin prophylaxis 40 mg"),
    "heparin": Term(RXNORM, "1857598", "heparin Injection"),
    "diclofenac": Term(RXNORM, "3355", "diclofenac"),
    "midazolam": Term("", "MIDAZOLAM", "midazolam"),
    "propofol": Term("", "PROPOFOL", "propofol"),
    "ceftriaxone": Term("", "CEFTRIAXONE", "ceftriaxone"),
    "aspirin": Term(RXNORM, "1191", "aspirin"),
    "clopidogrel": Term("", "CLOPIDOGREL", "clopidogrel"),
}

DRUG_WORDS: Final = {
    "flush": "line flush",
    "prophylactic": "prophylactic dose",
    "therapeutic": "therapeutic dose",
    "topical": "topical",
}
"""How an order writes the qualifiers of a dose."""
"""Drugs by the name that a vignette or the hospital gives, sedatives by local codes; others travel by name alone."""
