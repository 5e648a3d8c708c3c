"""Sentences of notes: how different people say the same. Written without a look at what the note reader knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

TOLD: Final[Mapping[str, tuple[str, ...]]] = {
    "headache-mild-postural": (
        "Mild headache when up, fine lying down.",
        "Slight postural headache, {score}/10, settles when flat.",
        "Says the head aches a little on standing, goes when he lies down.",
        "Dull headache on sitting up, {score}/10. Taking fluids and coffee.",
    ),
    "headache-postural": (
        "Headache worse on standing, eases lying flat, {score}/10.",
        "Ongoing postural headache since the LP, {score}/10 upright. Regular paracetamol.",
        "C/o headache on sitting up, relieved by lying down. Scores {score}/10.",
        "Low pressure type headache: {score}/10 when upright, minimal when flat.",
    ),
    "headache-severe-postural": (
        "Severe headache as soon as she sits up, {score}/10, has to lie flat again.",
        "Severe postural headache, {score}/10, with nausea. Cannot stay upright for breakfast.",
        "Excruciating headache on standing, relieved by lying. {score}/10.",
        "PDPH, severe, {score}/10 on standing.",
    ),
    "headache-other": (
        "Headache {score}/10, frontal, responded to paracetamol.",
        "Reports a headache, {score}/10. Offered analgesia.",
        "Some headache this morning, {score}/10.",
        "Tension type headache, {score}/10, usual for her.",
    ),
    "headache-not-postural": (
        "Headache {score}/10, the same lying and standing.",
        "Headache {score}/10. No postural component.",
        "Ongoing headache {score}/10, not related to posture.",
        "Headache is there day and night, lying flat makes no difference, {score}/10.",
    ),
    "headache-was-postural": (
        "The headache is no longer postural and now constant, {score}/10.",
        "Headache has changed: now also when lying flat, {score}/10.",
        "Constant headache {score}/10, it used to ease lying down and does not any more.",
    ),
    "headache-late": (
        "New headache since this morning, {score}/10, none in the week since the LP until today.",
        "Headache began today, {score}/10. Had been well since the procedure.",
    ),
    "headache-returned": (
        "The headache is back since last night, {score}/10.",
        "Headache has come back today, {score}/10.",
    ),
    "headache-after-patch": (
        "Positional headache again after the blood patch, {score}/10 on standing.",
        "Headache on standing is still there despite yesterday's blood patch, {score}/10.",
    ),
    "headache-gone": (
        "Headache has gone completely.",
        "No headache today.",
        "Headache resolved, mobilising freely.",
    ),
    "headache-worse-despite": (
        "Headache worse despite regular analgesia, {score}/10.",
        "Worsening headache in spite of paracetamol and codeine, {score}/10.",
        "Headache getting worse each day and not responding to analgesia, {score}/10.",
    ),
    "back-mild": (
        "Mild soreness at the lumbar site, {score}/10.",
        "A bit of low back pain, {score}/10, moving about.",
        "Slight backache where the needle went in, {score}/10.",
    ),
    "back-moderate": (
        "Low back pain {score}/10, paracetamol given.",
        "Back pain since the LP, {score}/10, worse on bending.",
        "Backache {score}/10, keeping him from walking far.",
    ),
    "back-severe": (
        "Severe back pain, {score}/10, cannot lie still.",
        "Severe pain in the lower back, {score}/10, analgesia escalated.",
        "Back pain is unbearable, {score}/10.",
    ),
    "back-band": (
        "Tight band of pain around the chest and back, getting worse since yesterday.",
        "Band-like back pain at the level of the ribs, increasing.",
        "Girdle-like pain in the mid back, worse today than yesterday.",
    ),
    "back-persisting": (
        "Still has lumbar back pain, {score}/10, sleeping badly.",
        "Low back pain continues, {score}/10.",
    ),
    "leg-weak": (
        "New weakness of both legs, cannot stand from the chair.",
        "Right leg is weak, 3/5, was full power yesterday.",
        "Says his legs gave way on the way to the bathroom; power 3/5 bilaterally.",
        "Unable to lift the left leg off the bed.",
    ),
    "retention": (
        "Has not passed urine for ten hours, bladder palpable.",
        "Unable to pass urine since this morning.",
        "In urinary retention.",
    ),
    "saddle": (
        "Numb around the saddle area, does not feel the toilet paper.",
        "Saddle numbness on examination.",
        "Perianal sensation reduced.",
    ),
    "radicular": (
        "Sharp pain shooting down the left leg since the afternoon.",
        "Shooting pain into the right leg when she moves, new since the LP.",
        "New sciatica on the right, started after the puncture.",
    ),
    "radicular-during": (
        "Brief electric shock down the right leg during needle insertion, gone on redirection.",
        "Fleeting shooting pain in the left leg during the procedure.",
    ),
    "numb-progressive": (
        "Numbness of both feet, now spreading up to the knees.",
        "Progressive numbness of the legs since midday.",
        "Pins and needles in both legs, ascending.",
    ),
    "numb-local": (
        "Numb patch of skin at the puncture, an hour after local anaesthetic.",
        "Skin still numb from the local anaesthetic.",
    ),
    "confused": (
        "Confused overnight, trying to climb out of bed.",
        "New confusion, disoriented in time and place.",
        "More muddled this morning, does not know where she is.",
        "Delirium: pulling at lines, not making sense.",
    ),
    "confused-still": (
        "Remains confused, disoriented in time and place.",
        "Confused as on admission, needs reminding where he is.",
        "Still muddled, no different from yesterday.",
        "Confused, pulling at lines.",
    ),
    "drowsy": (
        "Drowsy, rouses to voice and falls asleep again.",
        "Difficult to rouse this afternoon.",
        "Increasingly drowsy, answers in single words.",
    ),
    "seizure": (
        "Generalised tonic clonic seizure at the bedside, two minutes.",
        "Witnessed seizure, self-terminating.",
    ),
    "focal": (
        "New double vision on looking left, sixth nerve palsy.",
        "New left sided weakness, arm drifts.",
        "Speech slurred since lunch, facial droop on the right.",
    ),
    "neck-stiff": (
        "Neck stiff on examination, photophobia.",
        "Marked neck stiffness.",
        "Meningism present.",
    ),
    "fontanelle": ("Fontanelle tense and bulging.", "Bulging fontanelle."),
    "rash-purpuric": (
        "Non-blanching rash on both legs.",
        "Petechiae on the trunk, do not blanch.",
        "Purpuric spots on the abdomen.",
    ),
    "rash-other": ("Blanching viral rash on the trunk.", "Urticaria, blanching."),
    "site-red": (
        "Puncture site red and warm, swabbed.",
        "Redness around the LP site, about 3 cm.",
        "Yellow discharge from the puncture site.",
        "Clear fluid leaking from the LP site, dressing soaked.",
    ),
    "site-bruise": ("Small bruise at the puncture site, no redness.", "LP site bruised, dry."),
    "old-weak": (
        "Known residual weakness of the left leg from an old stroke, unchanged.",
        "Longstanding foot drop on the right, unchanged.",
    ),
    "old-numb": (
        "Known diabetic neuropathy, feet numb for years.",
        "Chronic numbness of both feet, unchanged.",
    ),
    "old-incontinent": (
        "Usual incontinence, wears pads at home.",
        "Long-term catheter in place for chronic retention.",
    ),
    "dementia": (
        "Known dementia, confused at baseline, no change.",
        "Pleasantly confused as usual.",
    ),
}
"""By the key of a symptom; `{score}` is the score of the hour."""

QUIET: Final = (
    "Comfortable overnight. Eating and drinking.",
    "Slept well, mobilising to the bathroom.",
    "Reviewed on the round, observations stable.",
    "Family visited. Plan: continue as before.",
    "No new concerns.",
    "Up and about, awaiting results.",
    "Physiotherapy seen. Independent on the stairs.",
)
CHECKLIST: Final = (
    ("headache", "No headache."),
    ("fever", "Afebrile."),
    ("neck", "Neck supple, no photophobia."),
    ("weak", "Moving all four limbs, power 5/5."),
    ("numb", "Denies numbness or leg pain."),
    ("bladder", "Passing urine normally."),
    ("rash", "No rash."),
    ("site", "Puncture site clean and dry, no redness or discharge."),
    ("mind", "Alert and orientated."),
    ("seizure", "No seizures."),
)
"""Lines of a list by the sign that they deny; a line whose sign is present is left out."""

DENIED_BY: Final[Mapping[str, str]] = {
    "headache": "headache",
    "back": "back",
    "leg-weak": "weak",
    "old-weak": "weak",
    "focal": "weak",
    "retention": "bladder",
    "old-incontinent": "bladder",
    "saddle": "numb",
    "radicular": "numb",
    "numb": "numb",
    "old-numb": "numb",
    "confused": "mind",
    "drowsy": "mind",
    "dementia": "mind",
    "seizure": "seizure",
    "neck": "neck",
    "rash": "rash",
    "site": "site",
}
"""The sign of a list by the beginning of a symptom's key."""

ADVICE: Final = (
    "Home today. Advised to come back if fever, worsening headache, leg weakness, numbness or trouble passing urine.",
    "Discharged with the leaflet: return if confusion, fever above 38, new weakness, loss of bladder control.",
    "Going home. Safety net given: severe headache, drowsiness, redness of the puncture site, seek help.",
)
CONSENT: Final = (
    "Consent obtained after explaining headache, bleeding, infection, numbness and weakness as risks.",
    "Risks discussed: headache, back pain, infection, rarely haematoma with weakness or incontinence.",
    "Verbal consent.",
)
FAMILY: Final = (
    "FAMILY HISTORY: mother had a stroke with left sided weakness.",
    "FAMILY HISTORY: brother died of meningitis.",
    "FAMILY HISTORY: father with dementia, confused for years.",
)
REASONS: Final[Mapping[str, tuple[str, ...]]] = {
    "suspected infection": (
        "PRESENTING COMPLAINT: {days} days of fever{signs}.\nPLAN: lumbar puncture, cover for meningitis until CSF is back.",
        "HPC: unwell for {days} days, feverish{signs}.\nIMPRESSION: query meningitis or encephalitis. LP planned.",
    ),
    "thunderclap headache": (
        "PRESENTING COMPLAINT: sudden severe headache, CT normal.\nPLAN: LP at twelve hours for xanthochromia.",
    ),
    "altered mental state": (
        "PRESENTING COMPLAINT: confused since yesterday{signs}.\nPLAN: bloods, CT, lumbar puncture.",
    ),
    "seizure under investigation": (
        "PRESENTING COMPLAINT: first seizure this morning{signs}.\nPLAN: CT done, lumbar puncture today.",
    ),
    "coma of unknown cause": (
        "PRESENTING COMPLAINT: found unresponsive at home.\nPLAN: sedated and ventilated, CT normal, LP.",
    ),
    "cognitive decline": (
        "INDICATION: memory complaints for two years, biomarkers.\nPLAN: lumbar puncture as a day case.",
    ),
    "suspected high pressure": (
        "INDICATION: headache and papilloedema, opening pressure please.\nPLAN: lumbar puncture lying on the side.",
    ),
}
OTHER_REASON: Final = (
    "INDICATION: {indication}.\nPLAN: lumbar puncture with cells, protein, oligoclonal bands.",
    "REASON FOR LP: {indication}. Seen on the round, agrees to the procedure.",
)
SIGNS: Final[Mapping[str, str]] = {
    "confused": "confusion",
    "confused-still": "confusion",
    "headache": "headache",
    "neck-stiff": "neck stiffness",
    "rash-purpuric": "a non-blanching rash",
}


def told(words: str, score: int | None, rng: Random) -> str:
    """Say a symptom in one of the ways in which people say it."""
    said = rng.choice(TOLD[words])
    return said.format(score=score) if score is not None else _without_score(said)


def _without_score(said: str) -> str:
    for part in (", {score}/10", " {score}/10", " Scores {score}/10."):
        said = said.replace(part, "")
    return said.replace("{score}/10", "").replace("  ", " ").strip()


def sign_of(words: str) -> str:
    """Return the sign of a list that a symptom contradicts, empty for none."""
    return next((sign for begin, sign in DENIED_BY.items() if words.startswith(begin)), "")
