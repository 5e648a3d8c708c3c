"""One patient that cannot be read, judged or written is set aside and tried again; nobody else waits. On both databases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.contract.state_values import (
    OPENING,
    T0,
    alert_of,
    batch,
    episode_of,
    fact,
    judge,
    link,
    nothing,
    outgoing,
)
from worker.model.alert import AlertChange, Notice
from worker.model.errors import TemporaryError
from worker.model.fact import Identifier
from worker.model.time import DAY_MS, HOUR_MS, MINUTE_MS
from worker.storage import assessing, group_size, locks
from worker.storage.assessing import Assessing, OpenCase
from worker.storage.dialect import POSTGRESQL
from worker.storage.memory import MemoryState
from worker.storage.migrate import upgrade
from worker.storage.records import Assessed, Case, CountKey, Verdict
from worker.storage.schema import identifier, lp_fact, recent_fact
from worker.storage.state import SqlState

PEOPLE = [Identifier("ward", f"p{number}", "MR") for number in range(9)]
BAD = PEOPLE[3]
OTHERS = [who for who in PEOPLE if who != BAD]
SECRET = "geheim-4711"


@pytest.fixture(
    params=[
        "sqlite",
        "sqlite with shared commits",
        pytest.param("postgresql", marks=pytest.mark.integration),
    ]
)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give a migrated database of each kind."""
    if request.param.startswith("postgresql"):
        return str(request.getfixturevalue("state_url"))
    made = f"sqlite:///{tmp_path / 'state.db'}"
    upgrade(made, "state")
    return made


@pytest.fixture
def store(url: str, request: pytest.FixtureRequest) -> Iterator[SqlState]:
    is_shared = "shared" in request.node.callspec.params["url"]
    opened = SqlState(url, synchronous="OFF", commit_every=7 if is_shared else 1)
    yield opened
    opened.close()


def everybody_has_an_lp(store: SqlState) -> None:
    store.record(batch(0, *(fact(who, "lumbar-puncture") for who in PEOPLE)))


def raising(case: Case) -> Verdict:
    """Give each patient an LP, an alert and a notice with ids of his own."""
    puncture = next(item for item in case.facts if item.concept == "lumbar-puncture")
    name = puncture.patient.value
    alert = alert_of(puncture, f"e{name}", f"a{name}")
    return Verdict(
        episodes=(episode_of(puncture, f"e{name}"),),
        changes=(AlertChange(alert, "raised", is_visible=True, is_noticed=True),),
        notices=(outgoing(Notice(f"a{name}.1", f"a{name}", 1, b"{}")),),
        next_due_ms=T0 + 3 * HOUR_MS,
    )


def told(store: SqlState) -> list[str]:
    """Name the patients with an alert and a notice; whoever has one of them has both."""
    alerts = sorted(record.patients[0].value for record in store.alerts())
    notices = sorted(item.notice.alert_id[1:] for item in store.pending("file", T0 + DAY_MS, 99))
    assert alerts == notices
    return alerts


def values(people: Sequence[Identifier]) -> list[str]:
    return sorted(who.value for who in people)


def number_of(store: SqlState, who: Identifier) -> int:
    (number,) = store.find(who.value)
    return number


def spoil(store: SqlState, who: Identifier, payload: bytes) -> bytes:
    """Put other bytes in the place of a patient's facts; give the first that were there."""
    number = number_of(store, who)
    with store._db.unit() as conn:
        for table in (recent_fact, lp_fact):
            before = conn.scalar(sa.select(table.c.payload).where(table.c.patient == number))
            if before is not None:
                conn.execute(sa.update(table).where(table.c.patient == number).values(payload=payload))
                found = before
    store._forget()
    return bytes(found)


def refuse_episodes_of(store: SqlState, who: Identifier) -> None:
    """Let the database refuse the LPs of one patient, in words that hold what nobody may log."""
    name = f"e{who.value}"
    with store._db.unit() as conn:
        if conn.dialect.name == POSTGRESQL:
            conn.exec_driver_sql(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
                f" IF NEW.id = '{name}' THEN RAISE EXCEPTION '{SECRET}' USING ERRCODE = '23505'; END IF;"
                " RETURN NEW; END$$"
            )
            conn.exec_driver_sql(
                "CREATE TRIGGER refuse BEFORE INSERT ON episode FOR EACH ROW EXECUTE FUNCTION refuse()"
            )
        else:
            conn.exec_driver_sql(
                f"CREATE TRIGGER refuse BEFORE INSERT ON episode WHEN NEW.id = '{name}'"
                f" BEGIN SELECT RAISE(ABORT, '{SECRET}'); END"
            )


def allow_all(store: SqlState) -> None:
    with store._db.unit() as conn:
        is_server = conn.dialect.name == POSTGRESQL
        conn.exec_driver_sql("DROP TRIGGER refuse ON episode" if is_server else "DROP TRIGGER refuse")


@pytest.mark.parametrize(
    ("payload", "reason", "place"),
    [
        (b"\xc1 no msgpack", "internal error DecodeError", "storage"),
        (b"\x91\x63", "stored form 99 is newer than this release", "codec"),
        (b"\x91\x02", "internal error ValueError", "storage"),
    ],
    ids=["no bytes of ours", "of a later release", "too short"],
)
def test_a_fact_that_cannot_be_decoded_sets_its_patient_aside_alone(
    store: SqlState, payload: bytes, reason: str, place: str
) -> None:
    everybody_has_an_lp(store)
    good = spoil(store, BAD, payload)
    done = store.assess(T0, OPENING, raising)
    assert (done.due, done.cases, done.failed, done.changes) == (9, 9, 1, 8), "all in one call"
    assert told(store) == values(OTHERS)
    (item,) = store.quarantined()
    assert (item.kind, item.reason, item.place) == ("assessment", reason, place)
    assert done.failures == (item,)
    assert store.counts()[CountKey("assessment", "", reason, place)] == 1
    assert store.next_due_ms() == T0 + MINUTE_MS
    assert store.assess(T0 + MINUTE_MS, OPENING, raising).failed == 1
    assert store.next_due_ms() == T0 + 3 * MINUTE_MS, "less and less often"
    spoil(store, BAD, good)
    assert store.assess(T0 + 3 * MINUTE_MS, OPENING, raising) == Assessed(due=1, cases=1, changes=1)
    assert told(store) == values(PEOPLE), "nothing is lost"


def test_a_fact_of_a_known_lp_that_cannot_be_decoded_leaves_its_alert(store: SqlState) -> None:
    everybody_has_an_lp(store)
    judge(store, raising)
    good = spoil(store, BAD, b"")
    store.record(batch(1, *(fact(who, "gcs", 1) for who in PEOPLE)))
    assert store.assess(T0, OPENING, nothing).failed == 1
    assert told(store) == values(PEOPLE)
    assert store.episodes() == (1, 0), "the LPs of the others stand no longer by their verdict"
    assert store.next_due_ms() == T0 + MINUTE_MS
    spoil(store, BAD, good)
    (case,) = judge(store, raising, T0 + MINUTE_MS)
    assert [item.concept for item in case.facts] == ["lumbar-puncture"] * 2


def test_a_row_that_the_database_refuses_sets_its_patient_aside_alone(store: SqlState) -> None:
    everybody_has_an_lp(store)
    refuse_episodes_of(store, BAD)
    judged: list[Case] = []

    def decide(case: Case) -> Verdict:
        judged.append(case)
        return raising(case)

    done = store.assess(T0, OPENING, decide)
    assert (done.due, done.cases, done.failed, done.changes) == (9, 9, 1, 8), "all in one call"
    assert len(judged) == 9, "each once"
    assert [verdict.episodes[0].patient for verdict in done.unwritten] == [BAD]
    assert told(store) == values(OTHERS)
    (item,) = store.quarantined()
    assert (item.kind, item.place) == ("assessment", "storage")
    assert item.reason.startswith("internal error")
    assert SECRET not in str(item)
    assert store.next_due_ms() == T0 + MINUTE_MS
    allow_all(store)
    assert store.assess(T0 + MINUTE_MS, OPENING, raising) == Assessed(due=1, cases=1, changes=1)
    assert told(store) == values(PEOPLE)
    assert store.count_due(T0 + DAY_MS) == 9, "the timer of each, and no other try"


def test_who_could_not_be_written_keeps_his_timers(store: SqlState) -> None:
    everybody_has_an_lp(store)
    judge(store, lambda _case: Verdict(next_due_ms=T0 + 40_000))
    refuse_episodes_of(store, BAD)
    store.record(batch(1, fact(BAD, "gcs", 1), fact(PEOPLE[0], "gcs", 1)))
    assert store.assess(T0, OPENING, raising).failed == 1
    assert store.next_due_ms() == T0 + 40_000
    assert store.count_due(T0 + MINUTE_MS) == 8, (
        "one timer of each but the one who was written; no try beside it"
    )


def test_operators_find_whose_assessment_failed_as_the_docs_say(store: SqlState) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to-deploy.md").read_text(encoding="utf-8")
    query = page.partition("<!-- test: failed-assessments -->\n```sql\n")[2].partition("```")[0]
    everybody_has_an_lp(store)
    spoil(store, BAD, b"")
    store.assess(T0, OPENING, raising)
    store.assess(T0 + MINUTE_MS, OPENING, raising)
    with store._db.reading() as conn:
        found = conn.exec_driver_sql(query.rstrip("; \n")).all()
    expected = (BAD.authority, BAD.value, "internal error DecodeError", "storage", 2, T0 + MINUTE_MS)
    assert [tuple(row) for row in found] == [expected]


def test_whoever_failed_goes_alone_until_he_succeeds(
    store: SqlState, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody_has_an_lp(store)
    refuse_episodes_of(store, BAD)
    sizes: list[int] = []
    write = Assessing._write

    def noted(self: Assessing, conn: sa.Connection, judged: Sequence[object], as_of_ms: int) -> int:
        sizes.append(len(judged))
        return write(self, conn, judged, as_of_ms)  # type: ignore[arg-type]

    monkeypatch.setattr(Assessing, "_write", noted)

    def portions(at: int) -> list[int]:
        sizes.clear()
        store.record(batch(at, *(fact(who, "gcs", at) for who in PEOPLE)))
        store.assess(T0, OPENING, raising)
        return list(sizes)

    store.assess(T0, OPENING, raising)
    assert sizes == [9, 4, 2, 2, 1, 1, 5]
    assert portions(1) == [8, 1]
    allow_all(store)
    assert portions(2) == [8, 1]
    assert portions(3) == [9]
    assert told(store) == values(PEOPLE)


def test_several_bad_patients_are_all_found(store: SqlState) -> None:
    everybody_has_an_lp(store)
    for who in PEOPLE[1::2]:
        spoil(store, who, b"")
    refuse_episodes_of(store, PEOPLE[8])
    assert store.assess(T0, OPENING, raising).failed == 5
    assert told(store) == values(PEOPLE[0:8:2])


def test_an_assessment_that_died_on_the_way_is_done_again(store: SqlState) -> None:
    everybody_has_an_lp(store)
    store.commit()
    refuse_episodes_of(store, BAD)

    def die(case: Case) -> Verdict:
        if case.patients == (PEOPLE[8],):
            raise KeyboardInterrupt
        return raising(case)

    with pytest.raises(KeyboardInterrupt):
        store.assess(T0, OPENING, die)
    assert store.quarantined() == ()
    assert store.assess(T0, OPENING, raising).failed == 1
    assert told(store) == values(OTHERS)


@pytest.mark.integration
def test_a_database_that_is_busy_or_closed_to_us_sets_nobody_aside(state_url: str) -> None:
    store = SqlState(state_url)
    everybody_has_an_lp(store)
    for state, expected in (("40001", TemporaryError), ("42501", sa.exc.ProgrammingError)):
        with store._db.unit() as conn:
            conn.exec_driver_sql(
                "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
                f" RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END$$"
            )
            conn.exec_driver_sql(
                "CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON episode"
                " FOR EACH ROW EXECUTE FUNCTION refuse()"
            )
        with pytest.raises(expected):
            store.assess(T0, OPENING, raising)
        assert store.quarantined() == ()
    allow_all(store)
    assert store.assess(T0, OPENING, raising).changes == 9
    store.close()


def test_numbers_given_in_work_that_was_taken_back_are_forgotten(store: SqlState) -> None:
    everybody_has_an_lp(store)
    newborn = Identifier("ward", "new", "MR")

    def stray(case: Case) -> Verdict:
        verdict = raising(case)
        if case.patients != (BAD,):
            return verdict
        puncture = fact(newborn, "lumbar-puncture")
        return Verdict(episodes=(episode_of(puncture, f"e{BAD.value}"),))

    refuse_episodes_of(store, BAD)
    assert store.assess(T0, OPENING, stray).failed == 1
    store.record(batch(1, fact(newborn, "lumbar-puncture")))
    with store._db.reading() as conn:
        known = set(conn.scalars(sa.select(identifier.c.id)))
        assert set(conn.scalars(sa.select(recent_fact.c.patient))) <= known
    (case,) = judge(store, nothing)
    assert case.patients == (newborn,)


@pytest.mark.parametrize("is_sql", [True, False], ids=["database", "memory"])
def test_a_patient_of_too_many_identifiers_is_set_aside_everywhere(
    store: SqlState, monkeypatch: pytest.MonkeyPatch, *, is_sql: bool
) -> None:
    monkeypatch.setattr(group_size, "LARGEST_GROUP", 3)
    links = [link(PEOPLE[0], who, "merge", 0) for who in PEOPLE[1:5]]
    tried = store if is_sql else MemoryState()
    tried.record(batch(0, *(fact(who, "lumbar-puncture") for who in PEOPLE), links=links))
    done = tried.assess(T0, OPENING, nothing)
    assert (done.due, done.cases, done.failed) == (9, 4, 1)
    assert done.failures == tried.quarantined()
    assert tried.quarantined()[0].reason == "a patient of more than 3 identifiers"
    assert tried.next_due_ms() is None, "time does not part them"
    parting = [link(PEOPLE[0], who, "unlink", 1) for who in PEOPLE[1:5]]
    tried.record(batch(1, fact(PEOPLE[0], "gcs", 1), links=parting))
    assert len(judge(tried, nothing)) == 1, "a message that parts them asks for another try"


def test_one_call_reads_a_bounded_number_of_patients(
    store: SqlState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "MOST_LOCKS", 4)
    everybody_has_an_lp(store)
    calls = [store.assess(T0, OPENING, raising) for _ in range(3)]
    assert [done.cases for done in calls] == [4, 4, 1]
    assert [done.busy for done in calls] == [5, 1, 0]
    assert told(store) == values(PEOPLE)


def joined_by_mistake(form: str) -> list[tuple[Identifier, Identifier]]:
    """Give the links of a hospital that was joined: all with one, or each with the next."""
    crowd = [Identifier("ward", f"c{number}", "MR") for number in range(60)]
    firsts = [crowd[0]] * 59 if form == "star" else crowd[:-1]
    return list(zip(firsts, crowd[1:], strict=True))


@pytest.mark.parametrize("form", ["star", "chain"])
def test_a_hospital_that_was_joined_by_mistake_is_not_read_for_each_of_its_patients(
    store: SqlState, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(group_size, "LARGEST_GROUP", 3)
    pairs = joined_by_mistake(form)
    crowd = sorted({who for pair in pairs for who in pair}, key=lambda who: int(who.value[1:]))
    links = [link(one, other, "merge", 0) for one, other in pairs]
    links.append(link(PEOPLE[0], PEOPLE[1], "merge", 0))
    facts = [fact(who, "lumbar-puncture") for who in (*PEOPLE, *crowd[::6])]
    store.record(batch(0, *facts, links=links))
    statements: list[str] = []
    engine = store._db._engine
    sa.event.listen(engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    done = store.assess(T0, OPENING, raising)
    assert len([text for text in statements if "FROM identity_link" in text]) < 70
    assert (done.due, done.cases, done.busy) == (19, 8, 0)
    assert done.failed == 10, "each of them who is due is told"
    assert told(store) == values([PEOPLE[0], *PEOPLE[2:]]), (
        "the others are judged, the two who are one together"
    )
    assert store.next_due_ms() == T0 + 3 * HOUR_MS
    parting = [link(one, other, "unlink", 1) for one, other in pairs]
    store.record(batch(1, *(fact(who, "gcs", 1) for who in crowd[::6]), links=parting))
    monkeypatch.setattr(group_size, "LARGEST_GROUP", 40)
    assert store.assess(T0, OPENING, raising).failed == 0
    assert told(store) == values([PEOPLE[0], *PEOPLE[2:], *crowd[::6]]), "nothing is lost"


def test_no_more_facts_are_read_at_once_than_fit(store: SqlState, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assessing, "_MOST_FACTS", 5)
    everybody_has_an_lp(store)
    store.record(batch(1, *(fact(PEOPLE[4], "gcs", hours) for hours in range(20))))
    sizes: list[int] = []
    read = Assessing.cases

    def noted(self: Assessing, conn: sa.Connection, groups: Sequence[tuple[int, ...]]) -> list[OpenCase]:
        opened = read(self, conn, groups)
        sizes.append(sum(len(item.case.facts) for item in opened))
        return opened

    monkeypatch.setattr(Assessing, "cases", noted)
    spoil(store, BAD, b"")
    assert store.assess(T0, OPENING, raising).failed == 1
    assert max(sizes) == 21, "one patient alone may have more"
    assert sorted(sizes)[-2] <= 5
    assert told(store) == values(OTHERS)
