from __future__ import annotations

import json

from tests.unit.alerts.test_render import AROUND, TEXT, open_alert
from worker.alerts.minimal import minimal
from worker.alerts.render import render_alert
from worker.model.alert import Notice
from worker.model.dead_letter import DeadLetter, decode_dead_letter, encode_dead_letter
from worker.model.message import Form
from worker.runtime.shrink import shrink
from worker.storage.records import PendingNotice


def item(kind: str, body: bytes) -> PendingNotice:
    return PendingNotice(Notice("a1.2", "a1", 2, body), 3, "all", kind, 5)


def test_a_dead_letter_shrinks_to_what_is_said_about_it() -> None:
    letter = DeadLetter(bytes(9_000), Form.HL7V2, "mllp", 5, "no patient", "PID-3", "ward")
    small = shrink(item("dead-letter", encode_dead_letter(letter)))
    assert small is not None
    assert (small.key, small.kind) == (item("", b"").key, "dead-letter")
    kept = decode_dead_letter(small.notice.body)
    assert (kept.body, kept.omitted, kept.reason) == (b"", 9_000, "no patient")
    assert shrink(small) is None, "there is nothing left to leave out"


def test_what_has_no_smaller_form_stays_as_it_is() -> None:
    assert shrink(item("alert-minimal", b"{}")) is None
    assert shrink(item("alert-fhir", json.dumps({}).encode())) is None


def test_a_full_alert_shrinks_to_the_minimal_one() -> None:
    document = render_alert(open_alert().only, TEXT, AROUND)
    small = shrink(item("alert", json.dumps(document).encode()))
    assert small is not None
    assert small.kind == "alert-minimal"
    assert json.loads(small.notice.body) == minimal(document)
