"""What feeds and packs remember of codes and senders stays bounded, and changes no answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from worker.decode.fhir.datatypes import CodeableConcept, Coding
from worker.mapping.concepts import Coding as Sent
from worker.mapping.fhir.codes import meaning_of
from worker.mapping.pack import MappingPack
from worker.mapping.silence import silent_feeds, unheard_concepts
from worker.model.errors import PackError
from worker.model.fact import UNVALIDATED
from worker.model.time import MINUTE_MS

MANY = 5_000


def test_a_code_means_the_same_when_it_is_asked_again(pack: MappingPack) -> None:
    feed = pack.feeds["default"]
    asked = CodeableConcept(coding=(Coding(system="http://loinc.org", code="8310-5"),))

    first, again = meaning_of(feed, asked), meaning_of(feed, asked)

    assert first == again
    assert again.target is not None
    assert again.target.concept.id == "body-temperature"


def test_text_without_a_code_is_not_remembered(pack: MappingPack) -> None:
    feed = pack.feeds["default"]
    before = dict(feed.meanings)

    meaning = meaning_of(feed, CodeableConcept(text="said in words"))

    assert (meaning.codings[0].code, meaning.target) == ("said in words", None)
    assert feed.meanings == before


def test_what_is_remembered_is_bounded(site: Callable[[str], MappingPack]) -> None:
    pack = site("title: Site")
    feed = pack.feeds["site"]

    for number in range(MANY):
        meaning_of(feed, CodeableConcept(coding=(Coding(system="urn:local", code=str(number)),)))
        pack.feed_of(f"APP{number}", "", "file")

    assert 0 < len(feed.meanings) < MANY
    assert 0 < len(pack.remembered) < MANY
    assert pack.feed_of("SITE", "", "file") is feed


def test_a_feed_that_nobody_looks_at_says_so_of_what_devices_chart(
    site: Callable[[str], MappingPack],
) -> None:
    def qualifiers(keys: str, *coding: str) -> tuple[str, ...]:
        target = site(keys).feeds["site"].find([Sent(*coding)])
        assert target is not None
        return target.qualifiers

    unseen = "unvalidated: true\ncodes: [{code: T, concept: body-temperature, unit: Cel, qualifiers: [core]}]"
    assert qualifiers(unseen, "8310-5", "", "LN") == (UNVALIDATED,)
    assert qualifiers(unseen, "T") == ("core", UNVALIDATED)
    assert qualifiers(unseen, "1988-5", "", "LN") == ()
    assert qualifiers("zone: UTC", "8310-5", "", "LN") == ()


def test_a_feed_is_silent_once_its_silence_is_longer_than_ordinary(
    site: Callable[[str], MappingPack],
) -> None:
    feeds = site("expected_rate: {quiet_after_min: 30, charts: [gcs]}").feeds
    ordinary_ms = 30 * MINUTE_MS
    assert silent_feeds(feeds.values(), {"site": 0}, ordinary_ms) == {}
    assert silent_feeds(feeds.values(), {"site": 0}, ordinary_ms + 1) == {"site": ordinary_ms}
    assert silent_feeds(feeds.values(), {"default": 0}, ordinary_ms + 1) == {}, (
        "never heard of, or says nothing"
    )
    assert unheard_concepts(feeds, {"site": ordinary_ms}) == {"gcs": ordinary_ms}


def test_what_a_feed_charts_is_a_concept(site: Callable[[str], MappingPack]) -> None:
    with pytest.raises(PackError, match=r"site\.yaml:\d+:\d+: concept 'temp' is unknown"):
        site("expected_rate: {quiet_after_min: 30, charts: [gcs, temp]}")
