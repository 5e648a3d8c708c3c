"""The synthetic hospital: reproducible, in order, with rates that are named and quirks that can be set."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from worker.decode.hl7v2.message import decode_message
from worker.decode.hl7v2.split import split_messages
from worker.decode.located_yaml import load_yaml
from worker.simulate.happenings import Written
from worker.simulate.hospital import quirks
from worker.simulate.hospital.files import count, write_files
from worker.simulate.hospital.quirks import QUIRKS, Quirks, parse_quirks
from worker.simulate.hospital.rates import CHOSEN, HOUSE, PUBLISHED, Rates
from worker.simulate.hospital.ward import Hospital, Settings

ALL_LPS = Rates({"has-lp": 1.0})


def _messages(settings: Settings) -> list[Written]:
    return list(Hospital(settings).messages())


def _only(name: str, rate: float = 1.0, patients: int = 6, seed: int = 5) -> list[str]:
    settings = Settings(seed, patients=patients, habits=Quirks({name: rate}), rates=ALL_LPS)
    return [written.body.decode() for written in _messages(settings)]


def test_equal_seeds_give_equal_bytes_and_other_seeds_do_not() -> None:
    first, again = _messages(Settings(7, patients=5)), _messages(Settings(7, patients=5))
    assert first == again
    assert first != _messages(Settings(8, patients=5))


def test_a_patient_does_not_depend_on_how_many_come() -> None:
    few = _messages(Settings(7, patients=3, habits=quirks.NONE))
    many = _messages(Settings(7, patients=9, habits=quirks.NONE))
    assert {one.body for one in few} <= {one.body for one in many}


def test_messages_come_in_the_order_of_receipt() -> None:
    times = [one.received_at_ms for one in _messages(Settings(3, patients=20))]
    assert times == sorted(times)


def test_a_limit_on_messages_holds_and_the_truth_says_who_is_incomplete() -> None:
    hospital = Hospital(Settings(3, messages=200))
    assert len(list(hospital.messages())) == 200
    assert hospital.unfinished()
    assert not any(truth.is_complete for truth in hospital.unfinished())


def test_every_message_can_be_decoded_and_names_a_patient() -> None:
    for written in _messages(Settings(11, patients=12)):
        message = decode_message(written.body)
        assert message.first("PID") is not None
        assert message.peek.sending_facility == "NORTHVALE"


def test_published_rates_are_those_of_the_list(shared: Path) -> None:
    text = (shared / "clinical/base_rates.yaml").read_text(encoding="utf-8")
    data = load_yaml(text, "base_rates.yaml").data
    assert isinstance(data, dict)
    listed = {row["id"]: row["p"] for row in data["rates"] if "p" in row}
    assert {name: rate.probability for name, rate in PUBLISHED.items()} == {
        name: listed[name] for name in PUBLISHED
    }


def test_chosen_rates_say_that_they_are_chosen() -> None:
    assert all(rate.source == HOUSE for rate in CHOSEN.values())


@pytest.mark.parametrize("bad", [{"no-such": 0.1}, {"back-pain": 1.5}])
def test_wrong_rates_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="rate"):
        Rates(bad)


def test_quirks_are_read_from_text() -> None:
    assert all(parse_quirks("all")[name] == quirk.rate for name, quirk in QUIRKS.items())
    assert all(parse_quirks("none")[name] == 0 for name in QUIRKS)
    chosen = parse_quirks("all, merge=0.5,crlf=0")
    assert (chosen["merge"], chosen["crlf"], chosen["batch"]) == (0.5, 0, QUIRKS["batch"].rate)
    assert parse_quirks("merge")["merge"] == QUIRKS["merge"].rate


@pytest.mark.parametrize("bad", ["no-such", "no-such=0.1", "merge=much", "merge=2"])
def test_wrong_quirks_are_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="quirk"):
        parse_quirks(bad)


@pytest.mark.parametrize(
    ("name", "sign"),
    [
        ("crlf", "\r\n"),
        ("line-feed", "\n"),
        ("z-segment", "\rZNV|"),
        ("bp-as-text", "|ST|OBS5^BP^NV||"),
        ("junk-number", "|NM|OBS2^Pulse^NV||"),
        ("device-sentinel", "|8388607|"),
        ("type-empty", "OBX|1||"),
        ("merge", "ADT^A40"),
        ("appended-note", "MDM^T10"),
        ("fahrenheit", "|6^Temp^NVM||"),
        ("in-error-comment", "entered in error, wrong patient"),
        ("comparator", "|NM|CSFW^CSF white cells^NV||<1|"),
    ],
)
def test_each_quirk_shows_when_it_is_on_and_not_when_it_is_off(name: str, sign: str) -> None:
    with_it = _only(name, patients=12)
    without = _only(name, 0.0, patients=12)
    assert any(sign in body for body in with_it)
    if name != "junk-number":
        assert not any(sign in body for body in without)


def test_duplicates_follow_their_original() -> None:
    bodies = _only("duplicate", patients=1)
    assert bodies[0::2] == bodies[1::2]


def test_messages_without_zone_carry_no_offset() -> None:
    assert not any("+0000" in body for body in _only("no-zone"))


def test_a_file_with_batches_splits_into_the_messages_that_were_written(tmp_path: Path) -> None:
    settings = Settings(4, patients=6)
    hospital = Hospital(settings)
    summary = write_files(hospital, hospital.messages(), tmp_path / "ward", 0.3, 4)
    data = (tmp_path / "ward/messages.hl7").read_bytes()
    assert b"FHS|" in data
    assert len(list(split_messages(data))) == summary.messages == len(_messages(settings))
    lines = (tmp_path / "ward/truth.ndjson").read_text(encoding="utf-8").splitlines()
    assert len(lines) == summary.patients == 6
    assert sum(len(json.loads(line)["expected"]) for line in lines) == summary.planted


def test_framed_and_compressed_files_hold_the_same_messages(tmp_path: Path) -> None:
    for name in ("a.mllp", "b.mllp.gz"):
        hospital = Hospital(Settings(4, patients=3))
        write_files(hospital, hospital.messages(), tmp_path / name, 0.0, 4)
    plain = (tmp_path / "a.mllp").read_bytes()
    assert gzip.decompress((tmp_path / "b.mllp.gz").read_bytes()) == plain
    assert plain.count(b"\x0b") == len(_messages(Settings(4, patients=3)))


def test_counting_needs_no_files() -> None:
    hospital = Hospital(Settings(4, patients=3))
    summary = count(hospital, hospital.messages())
    assert (summary.patients, summary.messages) == (3, len(_messages(Settings(4, patients=3))))
