"""Laws of routing: every alert goes somewhere in full or to the default, each topic once; who was told is told again."""

from __future__ import annotations

from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from worker.alerts.documents import AlertDocument
from worker.alerts.routing import Route, Routes, Target, Variant, targets

UNITS = ["itu", "ward 7", "theatre"]
SEVERITIES = ["emergent", "urgent", "routine", "info"]
TOPICS = {"a": Variant.FULL, "b": Variant.FULL, "c": Variant.MINIMAL, "d": Variant.FHIR}


def some(names: list[str]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(names))


@st.composite
def any_routes(draw: st.DrawFn) -> Routes:
    def route(number: int, *, is_default: bool) -> Route:
        topic = draw(st.sampled_from(sorted(TOPICS)))
        if is_default:
            return Route("default", topic, TOPICS[topic])
        units = draw(some(UNITS))
        houses = draw(some(["north", "south"])) if units else frozenset[str]()
        return Route(f"r{number}", topic, TOPICS[topic], draw(some(SEVERITIES)), units, houses)

    others = [route(number, is_default=False) for number in range(draw(st.integers(0, 4)))]
    return Routes(route(0, is_default=True), tuple(others))


@st.composite
def any_document(draw: st.DrawFn) -> AlertDocument:
    place = draw(
        st.none()
        | st.fixed_dictionaries(
            {
                "unit": st.sampled_from([*UNITS, "ITU", "somewhere"]),
                "facility": st.sampled_from(["", "North"]),
            }
        )
    )
    made = {
        "severity": draw(st.sampled_from(SEVERITIES)),
        "location": {"now": place, "at_lp": None, "remark": ""},
    }
    return cast("AlertDocument", made)  # a part is enough


any_told = st.lists(
    st.builds(Target, st.sampled_from([*TOPICS, "gone"]), st.sampled_from(list(Variant))),
    unique_by=lambda target: target.topic,
)


@given(any_document(), any_routes(), any_told)
def test_every_alert_goes_somewhere_in_full_or_to_the_default(
    document: AlertDocument, routes: Routes, told: list[Target]
) -> None:
    found = targets(document, routes, told)
    whole = [target for target in targets(document, routes) if target.variant is Variant.FULL]
    assert whole or routes.default.target in found
    assert routes.default.target in found or document["location"]["now"] is not None


@given(any_document(), any_routes(), any_told)
def test_each_topic_gets_it_once_and_in_its_own_form(
    document: AlertDocument, routes: Routes, told: list[Target]
) -> None:
    found = targets(document, routes, told)
    names = [target.topic for target in found]
    assert names == sorted(set(names))
    assert all(variant is routes.variants.get(topic, variant) for topic, variant in found)


@given(any_document(), any_routes(), any_told)
def test_who_was_told_is_told_and_the_past_takes_nothing_away(
    document: AlertDocument, routes: Routes, told: list[Target]
) -> None:
    found = targets(document, routes, told)
    names = {target.topic for target in found}
    assert {target.topic for target in told} <= names
    assert set(targets(document, routes)) <= set(found)


@given(any_routes(), st.lists(any_document(), min_size=1, max_size=5))
def test_a_later_notice_goes_wherever_an_earlier_one_went(
    routes: Routes, documents: list[AlertDocument]
) -> None:
    told: tuple[Target, ...] = ()
    for document in documents:
        following = targets(document, routes, told)
        assert set(told) <= set(following)
        told = following


@given(any_document(), any_routes())
def test_a_route_that_names_the_ward_and_severity_is_used(document: AlertDocument, routes: Routes) -> None:
    found = targets(document, routes)
    for route in routes.others:
        is_used = route.fits(document["severity"], document["location"]["now"])
        assert not is_used or route.target in found
