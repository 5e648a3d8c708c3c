"""The many ways in which notes say that a finding is gone, of old, or of somebody else. Invented sentences."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from worker.notes.reader import NoteReading

Read = Callable[..., NoteReading]


def stated(reading: NoteReading) -> set[tuple[str, str]]:
    return {(finding, str(said.status)) for finding, said in reading.assertions}


RESOLVED = """
Left foot numb for an hour, now gone.
Foot numb after the LP, back to normal now.
Numb toes on waking, which have since recovered fully.
Tingling of the feet wore off overnight.
Numbness (resolved).
Feet numb last night, none since.
Numb feet have cleared up.
Numbness of both feet from the LP on Friday has completely settled.
Right foot numb briefly, no recurrence.
Numb feet on day 1; gone by day 2.
Numb foot. It has since settled.
Numb feet. Both recovered.
Numb feet, all worn off.
""".strip().splitlines()

STILL_THERE = """
Numb foot almost gone.
Feet still numb, not settled.
Numb foot, nausea resolved.
Numb foot, warfarin stopped yesterday.
Numb foot had settled, back again tonight.
Numb foot resolved then recurred at noon.
Numb foot, gone to MRI.
Numb feet, appetite normal now.
Numb foot until it settled down a bit.
Numb feet, has stopped eating.
Numb feet slightly better.
Numb feet, obs back to baseline.
Foot numb, settled in bed.
Numb toes, not yet gone.
""".strip().splitlines()


@pytest.mark.parametrize("text", RESOLVED)
def test_what_was_and_is_gone_is_resolved(read: Read, text: str) -> None:
    assert stated(read(text)) == {("numbness", "resolved")}


@pytest.mark.parametrize("text", STILL_THERE)
def test_what_is_not_quite_gone_or_back_is_present(read: Read, text: str) -> None:
    assert stated(read(text)) == {("numbness", "present")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # A seizure that stopped was a seizure.
        ("Seizure at noon, stopped after two minutes.", {("seizure", "present")}),
        ("One seizure, self-terminated, none since.", {("seizure", "present")}),
        # Only what the words are said of.
        ("Foot numb, headache gone.", {("numbness", "present"), ("headache", "resolved")}),
        ("Headache, foot numb, now gone.", {("headache", "present"), ("numbness", "resolved")}),
        ("Headache and numb foot both gone.", {("headache", "resolved"), ("numbness", "resolved")}),
        ("Leg gone numb.", {("numbness", "present")}),
        ("Any numbness: none now.", {("numbness", "absent")}),
        ("No hx of numbness.", {("numbness", "absent")}),
        # A dash answers only where nothing follows; lying flat is no end of it.
        ("Numbness - none.", {("numbness", "absent")}),
        ("Wide awake - no numbness.", {("drowsiness", "absent"), ("numbness", "absent")}),
        ("Foot numb; lying flat - gone.", {("numbness", "present")}),
    ],
)
def test_what_is_gone_and_what_is_not(read: Read, text: str, expected: set[tuple[str, str]]) -> None:
    assert stated(read(text)) == expected


HISTORICAL = """
Last seizure 2019.
Seizures in 2016, none since.
Convulsion aged 6.
Convulsions as a small child.
Seizures in her twenties.
One seizure ten yrs ago.
In 2011 he had a seizure.
Encephalitis 2014 with seizures.
Prev seizure on tramadol.
Seizure at home in May 2021.
Hx seizures.
Seizure (2009).
""".strip().splitlines()

OF_NOW = """
Seizure in 2019 and again today.
Epilepsy 2015 with ongoing seizures.
12/03/2024 seizure.
Seizures since 2018.
Seizure on the ward 5 minutes ago.
A two week hx of seizures.
Wife, hx from her, seizure tonight.
Previously well, seizure.
Seizures since her stroke in 2019, no change from normal.
""".strip().splitlines()


@pytest.mark.parametrize("text", HISTORICAL)
def test_what_was_long_ago_is_historical(read: Read, text: str) -> None:
    assert stated(read(text)) == {("seizure", "historical")}


@pytest.mark.parametrize("text", OF_NOW)
def test_a_date_alone_does_not_make_what_is_there_historical(read: Read, text: str) -> None:
    assert stated(read(text)) == {("seizure", "present")}


FAMILY = """
Sister gets confused with her tablets.
Gran confused at home.
Flatmate now confused too.
Patient in the next bed confused.
My neighbour was confused after his LP.
Her elderly mother is confused; lives with them.
Another patient confused and shouting.
Visitor confused in the corridor.
""".strip().splitlines()

OF_THE_PATIENT = """
Husband found patient confused.
Wife - more confused since noon.
Daughter: confused since noon.
As per wife confused since noon.
Wife rang, confused since noon.
Mother anxious, he is confused.
Husband in attendance, confused at times.
Brought in by son confused.
Mum reports that dad is confused.
According to her sister confused at night.
Mum present. Confused.
Partner has noticed he is confused.
Wife's account: confused since noon.
Sister well, patient confused.
""".strip().splitlines()


@pytest.mark.parametrize("text", FAMILY)
def test_what_somebody_else_has_is_family(read: Read, text: str) -> None:
    assert stated(read(text)) == {("confusion", "family")}


@pytest.mark.parametrize("text", OF_THE_PATIENT)
def test_what_somebody_tells_of_the_patient_is_present(read: Read, text: str) -> None:
    assert stated(read(text)) == {("confusion", "present")}


HYPOTHETICAL = """
Call for numb feet.
Ring the ward if her feet go numb.
Come back at once with numb feet.
To ring us straight away for numb feet.
Watching for numb feet.
Neuro obs for numb feet.
Low threshold to scan if feet numb.
Mum advised numb feet mean come back.
Parents warned about numb feet.
Numb feet for a few hours can occur.
Numb feet: call us.
Numb feet are common after a spinal.
CALL 999 IF: numb feet.
WHEN TO RETURN: numb feet.
Leaflet about numb feet with her.
""".strip().splitlines()

NOT_ADVICE = """
Feet numb, told nurse at noon.
Feet numb, called the registrar.
Asked about her numb feet, seen by the team.
Feet numb since May.
Numb feet, to be scanned.
Numb feet, gone to ED.
Numb feet reported to the doctor.
Advised to rest yesterday. Now numb feet.
""".strip().splitlines()


@pytest.mark.parametrize("text", HYPOTHETICAL)
def test_what_may_come_is_hypothetical(read: Read, text: str) -> None:
    assert stated(read(text)) == {("numbness", "hypothetical")}


@pytest.mark.parametrize("text", NOT_ADVICE)
def test_what_was_told_or_done_is_no_advice(read: Read, text: str) -> None:
    assert stated(read(text)) == {("numbness", "present")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Retention vs dehydration of bladder.", {("urinary-retention", "uncertain")}),
        ("Left facial droop, equivocal.", {("facial-droop", "uncertain")}),
        ("May or may not be confused.", {("confusion", "uncertain")}),
        ("No fever, mild headache.", {("fever-finding", "absent"), ("headache", "present")}),
        ("Denies headache, just a sore back.", {("headache", "absent"), ("back-pain", "present")}),
        # Why a scan was asked for, not what was once.
        ("Hx: confusion after LP.", {("confusion", "present")}),
        ("PMHx: delirium in 2020. Currently lucid.", {("confusion", "historical"), ("confusion", "absent")}),
    ],
)
def test_doubt_and_where_a_denial_or_history_ends(
    read: Read, text: str, expected: set[tuple[str, str]]
) -> None:
    assert stated(read(text)) == expected


def qualified(reading: NoteReading) -> set[tuple[str, ...]]:
    return {(finding, *said.qualifiers) for finding, said in reading.assertions}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("L leg weak.", {("leg-weakness", "left")}),
        ("R facial droop, L hand ok.", {("facial-droop", "right")}),
        ("Numb, left foot.", {("numbness", "left")}),
        ("Neck pain L>R.", {("neck-pain",)}),
        ("Facial droop, 2 L fluid given.", {("facial-droop",)}),
        ("He left the ward with a numb foot.", {("numbness",)}),
        ("Numb, right handed.", {("numbness",)}),
        ("Facial droop, bilateral.", {("facial-droop", "bilateral")}),
        ("Photophobia, mild.", {("photophobia", "mild")}),
        ("Headache, tolerable, severe at night.", {("headache", "severe")}),
        ("Headache and severe vomiting.", {("headache",)}),
        ("Photophobia slightly better.", {("photophobia",)}),
        ("Headache worse, foot numb.", {("headache", "worsening"), ("numbness",)}),
        ("Confusion getting worse despite fluids.", {("confusion", "worsening-despite-treatment")}),
        ("Headache despite fluids.", {("headache",)}),
        ("Confused as usual.", {("confusion", "baseline", "chronic")}),
        ("Headache as bad as ever.", {("headache",)}),
        ("Headache, usual analgesia given.", {("headache",)}),
        ("Numb toes for 12 yrs.", {("numbness", "chronic")}),
        ("More confused than usual.", {("confusion", "worsening")}),
        ("p/w confusion.", {("confusion", "baseline")}),
        ("Presented with confusion 3 days post LP.", {("confusion",)}),
        ("Presented with confusion, LP 5/7 ago.", {("confusion",)}),
    ],
)
def test_what_is_said_more_of_a_finding(read: Read, text: str, expected: set[tuple[str, ...]]) -> None:
    assert qualified(read(text)) == expected


# Words of advice, of other people and of earlier times stand in each of them, and yet something is there now.
NEVER_HIDDEN = """
Patient's husband called 999 as she was confused and drowsy.
Wife found him unresponsive in bed.
Wife concerned he is confused.
Husband brought her in, legs weak.
Son says legs gone weak since the LP.
Partner reports new facial droop.
Mother noticed bulging fontanelle.
Mum worried about bulging fontanelle.
Dad says baby had a seizure at home.
Legs weak since this morning, called neurosurgeons.
Legs weak, spoke to his daughter.
New leg weakness, MRI to rule out haematoma.
Leg weakness persists, discussed with family.
Saddle numbness, referred to ED.
Saddle numbness, sent to ER immediately.
Urinary retention, told to go to ED.
Patient rang helpline: numb saddle area since last night, told to come back.
She was advised to call if worse; now has leg weakness.
Back pain resolved with morphine but returned overnight.
Headache settled then came back.
Headache comes and goes.
Leg weakness improving.
Leg weakness not resolved.
Headache has not gone.
Headache gone but leg now weak.
Fever settled with paracetamol, spiked again at 4am.
Confused, previously well.
Confused. Previously independent.
Seizure this morning, history of epilepsy.
Known epilepsy, seizure today.
Past 24h: leg weakness.
Leg weakness, LP 2019 uneventful.
Severe back pain, previous LP 2018 fine.
Drowsy on review at 2010.
Leg weakness noted at 2015 hrs.
Confusion at 20:15 today.
Reports leg weakness for 2 days.
Headache after LP, can hardly stand.
Numb legs, low threshold for MRI.
Legs numb: MRI if worse.
Numb saddle area. Call neurosurgery.
Plan: MRI spine for leg weakness.
Monitor leg weakness.
Monitoring leg weakness hourly.
Observe confusion.
Headache is common but she now has diplopia.
Check legs: right leg weak.
Assessed for leg weakness: power 3/5.
Diplopia, not there yesterday.
Double vision normal yesterday, today worse.
Leg weakness, anticoagulation stopped.
Leg weakness. Stopped heparin.
Leg weakness. None of this before the LP.
Leg weakness; nil before.
Numbness gone up to the knees.
Fever, cultures back normal.
Confused, bloods back to normal.
Facial droop, CT normal.
Facial droop and CT is normal.
Numb feet, now up to waist.
Leg weakness started when he got up.
Neighbour in next bed says patient was fitting.
Patient in bed 4 confused.
Pt in side room febrile.
Mother of two, confused and drowsy post LP.
Friend at bedside. Confused.
Sister in charge informed, leg weak.
Sister called: pt confused.
Charge sister says he is confused.
Friend drove him in with severe headache.
Wife is a nurse, noticed leg weakness.
Husband states this is not her usual confusion.
Not her usual self, confused.
Headache unlike her usual migraine.
Has had leg weakness since the LP on 12/03/2024.
2024-03-12 leg weakness.
March 2024: leg weakness.
Recovered from anaesthetic, leg weak.
Cleared for discharge, back pain severe.
Discharged when headache settled, returned with leg weakness.
Redness at the site increasing.
Pus at site, went to see GP.
Bladder scan 800 ml, retention.
If anything the headache is worse.
Headache worse if he stands.
Confused as to where she is, if roused.
Legs weak, unable to stand unless supported.
Advised of risks; headache severe today.
Consented for blood patch because of severe headache.
Return if worse; legs numb today.
Denies fever; headache today.
""".strip().splitlines()


def test_nothing_hides_what_is_there_now(read: Read) -> None:
    hidden = [
        text
        for text in NEVER_HIDDEN
        if not any(status in {"present", "uncertain"} for _, status in stated(read(text)))
    ]
    assert hidden == []
