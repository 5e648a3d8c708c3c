"""What notes state, sentence by sentence. Invented sentences."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from worker.decode.located_yaml import load_yaml
from worker.notes.reader import LONGEST_TEXT, NoteReading

Read = Callable[..., NoteReading]
_LONGEST_READ_S = 1.0  # generous: a slow machine under load needs a third of it


def stated(reading: NoteReading) -> set[tuple[str, ...]]:
    return {(finding, str(said.status), *said.qualifiers) for finding, said in reading.assertions}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Drowsy but rousable.", {("drowsiness", "present")}),
        (
            "No fever, headache or neck stiffness.",
            {("fever-finding", "absent"), ("headache", "absent"), ("neck-stiffness", "absent")},
        ),
        (
            "Denies fever but has neck stiffness.",
            {("fever-finding", "absent"), ("neck-stiffness", "present")},
        ),
        ("No fever, severe headache.", {("fever-finding", "absent"), ("headache", "present", "severe")}),
        ("Not confused.", {("confusion", "absent")}),
        ("Not eating, confused.", {("confusion", "present")}),
        ("No change in leg weakness.", {("leg-weakness", "present")}),
        (
            "Fever: no\nHeadache: yes\nNeck stiffness: absent",
            {("fever-finding", "absent"), ("headache", "present"), ("neck-stiffness", "absent")},
        ),
        ("Afebrile, neck supple.", {("fever-finding", "absent"), ("neck-stiffness", "absent")}),
        ("Neck pain and stiffness.", {("neck-pain", "present"), ("neck-stiffness", "present")}),
        ("?confusion overnight", {("confusion", "uncertain")}),
        ("Possible leg weakness, to be reviewed.", {("leg-weakness", "uncertain")}),
        ("No longer confused. Headache has resolved.", {("confusion", "resolved"), ("headache", "resolved")}),
        ("Confused in the past 24 hours.", {("confusion", "present")}),
        ("Previously well, now confused.", {("confusion", "present")}),
        ("History of seizures.", {("seizure", "historical")}),
        ("Mother had a seizure last year.", {("seizure", "family")}),
        ("Patient's mother reports he is confused.", {("confusion", "present")}),
        ("Wife says he was drowsy overnight.", {("drowsiness", "present")}),
        ("At risk of falls, confused overnight.", {("confusion", "present")}),
        (
            "Risk of infection, paralysis and headache.",
            {("leg-weakness", "hypothetical"), ("headache", "hypothetical")},
        ),
        ("Both legs feel weak since this morning.", {("leg-weakness", "present", "bilateral")}),
        ("Known diabetic, new leg weakness.", {("leg-weakness", "present")}),
        ("Chronic back pain, worse since last night.", {("back-pain", "present", "chronic", "worsening")}),
        (
            "Mild headache and severe back pain.",
            {("headache", "present", "mild"), ("back-pain", "present", "severe")},
        ),
        (
            "Headache 8/10, back pain 2/10.",
            {("headache", "present", "severe"), ("back-pain", "present", "mild")},
        ),
        (
            "Severe headache worse on sitting up, relieved by lying flat.",
            {("positional-headache", "present", "severe")},
        ),
        ("Headache on standing but also when lying.", {("headache", "present", "nonpostural")}),
        ("Discharge home today, wound clean.", set()),
        ("Wound discharging pus.", {("site-drainage", "present")}),
        ("Rash on the arms.", set()),
        ("No rash.", {("purpuric-rash", "absent")}),
        ("Seizure precautions in place.", set()),
        ("Seen by Dr. Grey. Drowsy.", {("drowsiness", "present")}),
        ("Skin still numb after the local anaesthetic.", {("numbness", "present", "local-anaesthetic")}),
        ("Tingling left foot since lidocaine.", {("numbness", "present", "left", "local-anaesthetic")}),
        ("Local anaesthetic given. Left foot numb.", {("numbness", "present", "left")}),
        ("Known ITP, petechiae on the shins.", {("purpuric-rash", "present", "known-itp")}),
        ("Petechiae on the shins, query ITP.", {("purpuric-rash", "present")}),
        ("Long term catheter.", {("urinary-catheter", "present")}),
        ("No urinary catheter.", {("urinary-catheter", "absent")}),
        ("Central venous catheter flushed.", set()),
        ("Power 5/5, no weakness.", {("leg-weakness", "absent")}),
        ("No weakness, power 5/5.", {("leg-weakness", "absent")}),
        ("Not fully orientated.", {("confusion", "uncertain")}),
        ("Facial droop?", {("facial-droop", "uncertain")}),
        ("Back pain and leg weakness: nil.", {("back-pain", "absent"), ("leg-weakness", "absent")}),
        ("Daughter reports mum has been confused since noon.", {("confusion", "present")}),
        ("Mum is confused.", {("confusion", "family")}),
        ("Denies headache; reports neck stiffness.", {("headache", "absent"), ("neck-stiffness", "present")}),
        ("Denies headache; neck stiffness.", {("headache", "absent"), ("neck-stiffness", "absent")}),
        ("Advised to mobilise but legs weak.", {("leg-weakness", "present")}),
        (
            "Return if fever, new leg weakness.",
            {("fever-finding", "hypothetical"), ("leg-weakness", "hypothetical")},
        ),
        ("Without warning developed leg weakness.", {("leg-weakness", "present")}),
        ("Never had such severe back pain.", {("back-pain", "present", "severe")}),
        ("No headache, cannot pass urine.", {("headache", "absent"), ("urinary-retention", "present")}),
        ("No fever, neck stiff.", {("fever-finding", "absent"), ("neck-stiffness", "present")}),
        ("No fever, stiff neck.", {("fever-finding", "absent"), ("neck-stiffness", "absent")}),
        ("No headache, drowsy.", {("headache", "absent"), ("drowsiness", "present")}),
        ("Risk of cord compression given new leg weakness.", {("leg-weakness", "present")}),
        ("History: LP done. Since then numb feet.", {("numbness", "present")}),
        ("Asked about fever, numbness; all denied.", {("fever-finding", "absent"), ("numbness", "absent")}),
        (
            "Fever, numbness, drowsiness all negative.",
            {("fever-finding", "absent"), ("numbness", "absent"), ("drowsiness", "absent")},
        ),
        (
            "Fever and headache, cultures all negative.",
            {("fever-finding", "present"), ("headache", "present")},
        ),
        ("Fever. Both negative, the cultures.", {("fever-finding", "present")}),
        ("(-) fever (+) neck pain", {("fever-finding", "absent"), ("neck-pain", "present")}),
        ("Neg for fever, headache.", {("fever-finding", "absent"), ("headache", "absent")}),
        ("You may have a headache.", {("headache", "hypothetical")}),
        ("Some people notice numbness.", {("numbness", "hypothetical")}),
        (
            "Risks discussed incl. headache, leg weakness.",
            {("headache", "hypothetical"), ("leg-weakness", "hypothetical")},
        ),
        ("After the LP: leg weakness.", {("leg-weakness", "present")}),
        ("Not eating and confused.", {("confusion", "present")}),
        ("Not confused or drowsy.", {("confusion", "absent"), ("drowsiness", "absent")}),
        ("Any headache or neck pain? No.", {("headache", "absent"), ("neck-pain", "absent")}),
        ("Any headache? Yes, since noon.", {("headache", "present")}),
        ("Any headache? Seen at noon.", {("headache", "uncertain")}),
        ("Headache since noon ?PDPH", {("headache", "present"), ("positional-headache", "uncertain")}),
        (
            "Headache Y / Fever N / Neck stiffness N",
            {("headache", "present"), ("fever-finding", "absent"), ("neck-stiffness", "absent")},
        ),
        ("Leg weakness [ ] Numbness [] Headache [x]", {("headache", "present")}),
        ("[ ] Leg weakness [X] Numbness [ ] Fever", {("numbness", "present")}),
        ("☐ Leg weakness ☑ Numbness", {("numbness", "present")}),
        (
            "Tick any that apply: fever, drowsy.",
            {("fever-finding", "hypothetical"), ("drowsiness", "hypothetical")},
        ),
        ("Kernig -ve, Brudzinski +ve.", {("neck-stiffness", "absent"), ("neck-stiffness", "present")}),
        (
            "Numb left foot with normal saddle sensation.",
            {("numbness", "present", "left"), ("saddle-numbness", "absent")},
        ),
        ("Cannula site red.", set()),
        ("Pain relief given, went back to sleep.", set()),
        ("Unable to walk because of headache.", {("headache", "present")}),
        ("Has not yet passed urine.", set()),
        ("Leg bag emptied, weak tea.", set()),
        ("Leaflet given on back pain.", {("back-pain", "hypothetical")}),
        ("Headache, worse than yesterday.", {("headache", "present", "worsening")}),
        ("Headache worse on standing.", {("positional-headache", "present")}),
        ("Old numb toe.", {("numbness", "present", "chronic")}),
        ("34 year old numb from the waist.", {("numbness", "present")}),
        ("Foot drop since 2015.", {("leg-weakness", "present", "chronic")}),
        ("More muddled than usual.", {("confusion", "present", "worsening")}),
        ("Legs weaker than her baseline.", {("leg-weakness", "present", "worsening")}),
        ("Confused compared to his usual.", {("confusion", "present")}),
        ("Confusion no worse than usual.", {("confusion", "present", "baseline", "chronic")}),
        ("Usual confusion.", {("confusion", "present", "baseline", "chronic")}),
        ("Residual hemiparesis.", {("hemiparesis", "present", "chronic")}),
        ("Catheterised for 900 ml residual.", {("urinary-catheter", "present")}),
        (
            "Pain shooting down the right leg, which is weak.",
            {("radicular-leg-pain", "present", "right"), ("leg-weakness", "present", "right")},
        ),
        ("No pain in the leg, which is weak.", {("leg-weakness", "present")}),
        ("No fever or headache, which is good.", {("fever-finding", "absent"), ("headache", "absent")}),
        ("Headache, which has resolved.", {("headache", "resolved")}),
        ("Back pain, which is severe.", {("back-pain", "present", "severe")}),
        (
            "Both legs numb, perhaps the saddle too.",
            {("numbness", "present", "bilateral"), ("saddle-numbness", "uncertain")},
        ),
        (
            "Both legs numb, saddle too.",
            {("numbness", "present", "bilateral"), ("saddle-numbness", "present")},
        ),
        ("Feet numb ?saddle", {("numbness", "present"), ("saddle-numbness", "uncertain")}),
        ("Right leg numb, ?weak", {("numbness", "present", "right"), ("leg-weakness", "uncertain", "right")}),
        ("Pain in right leg, perhaps arm weakness.", {("hemiparesis", "uncertain")}),
        ("Headache, perhaps resolved.", {("headache", "present")}),
        ("Leg weakness   ☐ No  ☑ Yes", {("leg-weakness", "present")}),
        ("Leg weakness   No [x]  Yes [ ]", {("leg-weakness", "absent")}),
        ("Leg weakness   No [ ]  Yes [x]", {("leg-weakness", "present")}),
        ("Leg weakness   Yes [ ]  No [ ]", set()),
        ("Leg weakness   Yes [x]  No [x]", set()),
        ("Leg weakness: Y / N", set()),
        ("Passed urine  Yes ☑ No ☐", {("urinary-retention", "absent")}),
        ("| Headache | no |", {("headache", "absent")}),
        ("Headache no better", {("headache", "present")}),
        ("Walked without assistance, drowsy.", {("drowsiness", "present")}),
        ("Headache that was bad all of the night has gone.", {("headache", "resolved")}),
        (
            "Leg weakness that came with a fever has gone.",
            {("leg-weakness", "present"), ("fever-finding", "resolved")},
        ),
        ("Back pain, now severe and constant.", {("back-pain", "present", "severe")}),
        ("Back pain, severe at night.", {("back-pain", "present", "severe")}),
        ("Back pain, severe nausea.", {("back-pain", "present")}),
        (
            "Mild headache, severe back pain.",
            {("headache", "present", "mild"), ("back-pain", "present", "severe")},
        ),
        ("PDPH, no longer postural.", {("positional-headache", "present", "nonpostural")}),
        (
            "Allergic to diclofenac, peptic ulcer.",
            {("nsaid-allergy", "present"), ("ulcer-history", "present")},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_sentence_states_what_it_says(read: Read, text: str, expected: set[tuple[str, ...]]) -> None:
    assert stated(read(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Return if:\n- fever\n- leg weakness",
        "Watch for fever; weakness of the legs.",
        "DISCHARGE ADVICE: fever. Leg weakness.",
        "Call us if you have a fever, or leg weakness.",
        "Safety net given: severe fever, leg weakness, seek help.",
        "After your lumbar puncture\nMost feel well. Fever. Leg weakness.",
        "POST LP LEAFLET: fever. Leg weakness.",
        "Strict return precautions: fever, leg weakness.",
        "Pt education: report fever, leg weakness.",
        "Common side effects: fever, leg weakness.",
    ],
)
def test_advice_states_nothing_of_the_patient(read: Read, text: str) -> None:
    assert stated(read(text)) == {("fever-finding", "hypothetical"), ("leg-weakness", "hypothetical")}


@pytest.mark.parametrize(
    "text", ["Well. Severe headache\nworse on standing.", "HISTORY: fever. Headache 5/10. Worse on standing."]
)
def test_a_statement_says_which_characters_of_its_sentence_say_it(read: Read, text: str) -> None:
    for _, said in read(text).assertions:
        assert said.span is not None
        assert said.phrase is not None
        assert said.sentence[slice(*said.phrase)] == text[slice(*said.span)]
        assert said.sentence in text


def test_a_statement_names_its_note_and_the_heading_above_it(read: Read) -> None:
    text = "Background: fever.\n\nNow confused."
    said = dict(read(text, "Ward round").assertions)
    assert (said["fever-finding"].title, said["fever-finding"].section) == ("Ward round", "Background")
    assert said["confusion"].section == ""


def test_a_list_of_advice_ends_where_text_goes_on(read: Read) -> None:
    found = stated(read("Return if:\n- fever\n\nToday drowsy."))
    assert found == {("fever-finding", "hypothetical"), ("drowsiness", "present")}


def test_a_section_ends_at_the_next_heading_or_blank_line(read: Read) -> None:
    found = stated(read("FAMILY HISTORY: seizures.\nON EXAMINATION: drowsy."))
    assert found == {("seizure", "family"), ("drowsiness", "present")}
    assert ("drowsiness", "present") in stated(read("Family history\nseizures\n\nDrowsy now."))
    assert ("drowsiness", "present") in stated(read("PMH: migraine\nNEW CONCERN: drowsy"))


def test_why_the_patient_came_is_baseline_wherever_it_stands(read: Read) -> None:
    found = stated(read("Plan: LP.\nIndication: fever and confusion, no seizure.\nProgress: drowsy."))
    assert found == {
        ("fever-finding", "present", "baseline"),
        ("confusion", "present", "baseline"),
        ("seizure", "absent"),
        ("drowsiness", "present"),
    }


@pytest.mark.parametrize(
    "heading", ["Addendum day 2:", "ADDENDUM 06/01 14:30:", "Addendum 7 Jan -", "Update:"]
)
def test_what_an_addendum_states_is_not_why_the_patient_came(read: Read, heading: str) -> None:
    found = stated(
        read(f"Indication: query MS, headache.\nNo complications.\n{heading} severe neck stiffness.")
    )
    assert found == {("headache", "present", "baseline"), ("neck-stiffness", "present", "severe")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Day 4 after LP for seizure under investigation.", {("seizure", "present", "baseline")}),
        ("LP for altered mental state.", {("altered-consciousness", "present", "baseline")}),
        (
            "LP yesterday for fever and confusion.",
            {("fever-finding", "present", "baseline"), ("confusion", "present", "baseline")},
        ),
        ("Post LP (seizure), comfortable.", {("seizure", "present", "baseline")}),
        (
            "Day 2 post LP for headache, leg weakness.",
            {("headache", "present", "baseline"), ("leg-weakness", "present")},
        ),
        ("Asked to see day 1 post LP for leg weakness.", {("leg-weakness", "present")}),
        ("Paracetamol given post LP for headache.", {("headache", "present")}),
        ("Post LP for 3 days severe headache.", {("headache", "present", "severe")}),
        ("Seizure after LP for query MS.", {("seizure", "present")}),
        ("Post LP (leg weakness).", {("leg-weakness", "present")}),
        ("Well post LP, (seizure).", {("seizure", "present")}),
        ("LP for seizure. Seized at 14:00.", {("seizure", "present", "baseline"), ("seizure", "present")}),
    ],
)
def test_why_the_lp_was_done_is_baseline(read: Read, text: str, expected: set[tuple[str, ...]]) -> None:
    assert stated(read(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Headache 5/10. No postural component.",
            {("headache", "present", "nonpostural"), ("positional-headache", "absent")},
        ),
        (
            "Headache. Not related to posture.",
            {("headache", "present", "nonpostural"), ("positional-headache", "absent")},
        ),
        (
            "Neck pain, not related to posture.",
            {("neck-pain", "present", "nonpostural"), ("positional-headache", "absent")},
        ),
        ("No postural component.", {("positional-headache", "absent")}),
        ("Headache since noon. It is worse on standing.", {("positional-headache", "present")}),
        (
            "Headache. Better lying flat. No fever.",
            {("positional-headache", "present"), ("fever-finding", "absent")},
        ),
        ("Headache 4/10. Dizzy on standing.", {("headache", "present")}),
        ("Headache. Return if worse on standing.", {("headache", "present")}),
        ("Headache. Seen today. Worse on standing.", {("headache", "present")}),
        (
            "Headache. Headache worse on standing.",
            {("headache", "present"), ("positional-headache", "present")},
        ),
    ],
)
def test_a_sentence_on_posture_speaks_of_the_headache_before_it(
    read: Read, text: str, expected: set[tuple[str, ...]]
) -> None:
    assert stated(read(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Indication: query MS.\nComplains of new leg weakness.",
        "Indication: query MS.\r\nLeg weakness.\r\n",
        "Indication: query MS. Procedure uneventful. Leg weakness.",
        "Reason for LP: query MS\nNew leg weakness.",
        "Indication:\nquery MS\nComplains of leg weakness.",
    ],
)
def test_what_stands_behind_an_indication_is_not_baseline(read: Read, text: str) -> None:
    assert stated(read(text)) == {("leg-weakness", "present")}


@pytest.mark.parametrize(
    "text",
    [
        "Indication: leg weakness.\nComfortable.",
        "Indication: query MS,\nleg weakness.",
        "Indication: query MS and\nLeg weakness.",
        "Indication: neuritis\nwith leg weakness.",
        "Indication: query MS. Leg weakness.",
        "Indication\nquery MS\nLeg weakness\n\nComfortable.",
        "Presenting complaint: query MS.\nLeg weakness.",
    ],
)
def test_an_indication_goes_on_with_its_sentence_or_below_its_heading(read: Read, text: str) -> None:
    assert stated(read(text)) == {("leg-weakness", "present", "baseline")}


def test_a_complaint_that_began_after_the_lp_is_not_baseline(read: Read) -> None:
    assert stated(read("PRESENTING COMPLAINT: headache since LP 3 days ago.")) == {("headache", "present")}
    assert stated(read("Admitted with fever.")) == {("fever-finding", "present", "baseline")}


def test_what_the_next_sentence_says_is_shown_with_it(read: Read) -> None:
    assertions = read("Seen. Headache 5/10.\nNo postural component. Well.").assertions
    assert [(finding, said.sentence) for finding, said in assertions] == [
        ("headache", "Headache 5/10.\nNo postural component."),
        ("positional-headache", "No postural component."),
    ]


def test_spans_are_characters_of_the_text_as_given(read: Read) -> None:
    text = "Ward round 09:00.\r\n  New Leg Weakness on the right.\r\nPlan: MRI."
    ((finding, said),) = read(text).assertions
    assert finding == "leg-weakness"
    assert said.span is not None
    assert text[slice(*said.span)] == "Leg Weakness"
    assert said.sentence == "New Leg Weakness on the right."


def test_a_wrapped_sentence_keeps_its_denial(read: Read) -> None:
    assert stated(read("Denies any\nheadache.")) == {("headache", "absent")}


def test_what_is_said_twice_is_given_once_where_it_stands_first(read: Read) -> None:
    ((_, said),) = read("Drowsy. Still drowsy.").assertions
    assert said.span == (0, 6)


def test_an_empty_note_states_nothing(read: Read) -> None:
    assert read("") == NoteReading()
    assert read(" \n\r\n ") == NoteReading()


def test_the_notes_of_the_vignettes_are_read_as_their_gold_standard_says(read: Read, root: Path) -> None:
    path = root / "mappings" / "tests" / "scenarios.yaml"
    data = load_yaml(path.read_text(), path.name).data
    assert isinstance(data, dict)
    wrong = []
    count = 0
    for vignette in data["scenarios"]:
        for fact in vignette["facts"]:
            if fact.get("c") == "note" and "text" in fact:
                gold = {(said["f"], said["s"], *sorted(said.get("q", ()))) for said in fact["extract"]}
                count += 1
                got = stated(read(fact["text"]))
                # The vignettes name side and spread only where a rule asks for them.
                bare = {tuple(word for word in said if word not in {"left", "right"}) for said in got}
                spread = {"bilateral", "progressive"}
                bare_too = {tuple(word for word in said if word not in spread) for said in bare}
                if gold not in (got, bare, bare_too):
                    wrong.append(vignette["id"])
    assert count > 30
    assert wrong == []


def test_a_text_too_long_is_read_up_to_a_whole_line_and_says_so(read: Read) -> None:
    line = "Seen on the round.\n"
    before = line * (LONGEST_TEXT // len(line) - 1)
    reading = read(f"Neck stiff.\n{before}Headache denied in clinic, and again {line * 9}Confused.")
    assert reading.is_cut
    assert stated(reading) == {("neck-stiffness", "present")}


def test_a_text_of_the_longest_length_is_read_whole(read: Read) -> None:
    text = "Confused.".rjust(LONGEST_TEXT)
    reading = read(text)
    assert not reading.is_cut
    ((_, said),) = reading.assertions
    assert said.span == (LONGEST_TEXT - 9, LONGEST_TEXT - 1)


def test_the_longest_text_takes_no_time_that_others_would_notice(read: Read) -> None:
    text = (
        "Seen on the ward round, comfortable, bloods sent, plan discussed with the family at the bedside.\n"
    )
    started = time.process_time()
    read("".join(f"Day {day}. {text}" for day in range(5_000)))
    assert time.process_time() - started < _LONGEST_READ_S


def test_a_repeated_sentence_still_hands_on_what_it_opens(read: Read) -> None:
    text = "No symptoms of:\n- fever\nWell.\nHeadache.\nNo symptoms of:\n- neck stiffness\n"
    assert stated(read(text)) == {
        ("fever-finding", "absent"),
        ("headache", "present"),
        ("neck-stiffness", "absent"),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # A verdict on something else says nothing of the finding before it.
        ("Leg weakness with absent reflexes.", {("leg-weakness", "present")}),
        ("Leg weakness and absent ankle jerks.", {("leg-weakness", "present")}),
        ("Leg weakness, ankle jerks absent.", {("leg-weakness", "present")}),
        ("Confused CT negative.", {("confusion", "present")}),
        ("Seizure with negative CT head.", {("seizure", "present")}),
        ("CT negative for bleed, saddle numbness.", {("saddle-numbness", "present")}),
        ("Numbness and leg weakness absent.", {("numbness", "absent"), ("leg-weakness", "absent")}),
        ("We do not know the cause of her confusion.", {("confusion", "present")}),
        ("Findings do not support a diagnosis of seizure.", {("seizure", "absent")}),
        # History ends where the patient comes.
        ("A history of asthma, tobacco use, presents to the ED with confusion.", {("confusion", "present")}),
        ("History of asthma, who presented on Monday, with leg weakness.", {("leg-weakness", "present")}),
        ("History of seizures, denies headache.", {("seizure", "historical"), ("headache", "absent")}),
        ("Medical history significant for seizures.", {("seizure", "historical")}),
        ("Seizure in 1996.", {("seizure", "historical")}),
        ("Diplopia began 25 years prior to this visit.", {("diplopia", "historical")}),
        ("Childhood seizures, new headache.", {("seizure", "historical"), ("headache", "present")}),
        ("A 75-year-old confused man.", {("confusion", "present")}),
        ("A 6 week old with bulging fontanelle.", {("bulging-fontanelle", "present")}),
        (
            "No fever, leg weakness worse.",
            {("fever-finding", "absent"), ("leg-weakness", "present", "worsening")},
        ),
        ("No appetite, headache ongoing, no fever.", {("headache", "present"), ("fever-finding", "absent")}),
        (
            "No fever, headache or leg weakness worse than before.",
            {("fever-finding", "absent"), ("headache", "absent"), ("leg-weakness", "absent")},
        ),
        ("Denied fever and has headache.", {("fever-finding", "absent"), ("headache", "present")}),
        ("Reports fever and denied headache.", {("fever-finding", "present"), ("headache", "absent")}),
        (
            "Drowsy and negative for fever or headache.",
            {("drowsiness", "present"), ("fever-finding", "absent"), ("headache", "absent")},
        ),
        ("History of seizures and denies headache.", {("seizure", "historical"), ("headache", "absent")}),
        (
            "Does not have any relief from paracetamol, headache worse.",
            {("headache", "present", "worsening")},
        ),
        ("Not clear if confused.", {("confusion", "uncertain")}),
        ("Urine culture negative, fever persists.", {("fever-finding", "present")}),
        ("Weak leg compared with previously.", {("leg-weakness", "present")}),
    ],
)
def test_a_verdict_on_something_else_and_the_end_of_history(
    read: Read, text: str, expected: set[tuple[str, ...]]
) -> None:
    assert stated(read(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MSK: Negative myalgia, negative stiffness, negative back pain.", {("back-pain", "absent")}),
        ("MRI negative headache persists.", {("headache", "present")}),
        ("Patient and daughter also deny weight loss, fevers.", {("fever-finding", "absent")}),
        ("Does not have any dysuria, haematuria, fever.", {("fever-finding", "absent")}),
        ("They have not noted him to have any fevers.", {("fever-finding", "absent")}),
        ("He does not feel that he is having any difficulty voiding.", {("urinary-retention", "absent")}),
        ("The patient is status post gastric bypass.", set()),
        ("Still in status.", {("seizure", "present")}),
        ("Unresponsive to conservative measures.", set()),
        ("Unresponsive to voice.", {("altered-consciousness", "present")}),
        ("Cervical radiculopathy.", set()),
        ("Lower limb cellulitis.", set()),
        ("Migraine headaches on maternal side.", {("headache", "family")}),
        (
            "Given paracetamol to help prevent febrile convulsions.",
            {("fever-finding", "hypothetical"), ("seizure", "hypothetical")},
        ),
    ],
)
def test_wordings_of_real_notes(read: Read, text: str, expected: set[tuple[str, ...]]) -> None:
    assert stated(read(text)) == expected
