"""`kill -9` of anything, again and again, while a feed flows: nothing is lost, nothing is told twice, the findings are equal.

A simulated hospital sends over MLLP, as interface engines do: what was not acknowledged is sent again. It goes through a
gateway, Kafka, two workers, PostgreSQL and a relay to the alert topic. One of worker, gateway, relay, broker and PostgreSQL is
killed at a time, some while they start, and started again at once. LPWATCH_TEST_BUS_KILLS sets how often (60).
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import pytest
from click.testing import CliRunner
from msgspec import structs

from tests.faults.evidence import end_offsets, ends, findings, out_of_turn, outbox_rows, read_topic
from tests.faults.resender import Resender
from tests.faults.roles import Broker, DatabaseServer, RoleProcess, Victim
from tests.topics import add_topic
from tools.kafka_local import FAST_RESTART, KafkaLocal
from tools.local_process import free_ports
from tools.postgres_local import PostgresLocal
from worker.cli.main import main
from worker.model.message import RawMessage
from worker.pipeline import compile_pack
from worker.runtime.engine_program import PackProgram
from worker.runtime.packs import read_layers
from worker.runtime.replay import replay
from worker.sources.files import read_files
from worker.storage.migrate import upgrade
from worker.storage.state import SqlState

pytestmark = [pytest.mark.slow, pytest.mark.integration]

KILLS = int(os.environ.get("LPWATCH_TEST_BUS_KILLS", "60"))  # noqa: TID251  how long a test takes is set from outside
SEED = int(os.environ.get("LPWATCH_TEST_KILL_SEED", "1"))  # noqa: TID251  see above
MESSAGES_IN = "hl7.in"
ALERTS = "lpwatch.alerts"
DEAD_LETTERS = "lpwatch.dead-letters"
TOLD = (ALERTS, DEAD_LETTERS)
PARTITIONS = 4
# Each hundred kills: what is killed how often. The broker takes the longest to come back.
SHARES = {"worker": 40, "gateway": 20, "relay": 20, "PostgreSQL": 12, "broker": 8}
# How long after the next messages were let go it is killed, at most: while it stores, reads, assesses or tells them.
MOMENT_S = {"worker": 1.0, "gateway": 0.03, "relay": 1.5, "PostgreSQL": 1.0, "broker": 0.1}
WHILE_STARTING = 0.15
UNREADABLE_EVERY = 40
# Many complications: without alerts the test proves nothing.
RATES = (
    "has-lp=1,febrile-before-lp=0,fever-in-medical-inpatients=0.9,fever-two-days=0.7,cns-infection-among-lps=0.8,"
    "traumatic-tap=0.6,pain-spike=0.6,missed-temperatures=0.3,incident-delirium-older-inpatients=0.6,platelets-lt50=0.3"
)
QUIRKS = "all,merge=0.4,mistyped=0.5,late-lp=0.3,batch=0"


@dataclass
class Installation:
    """Everything that runs, under the name under which it is killed."""

    kafka: KafkaLocal
    postgres: PostgresLocal
    victims: dict[str, list[Victim]]
    roles: dict[str, RoleProcess]
    mllp: tuple[str, int]
    url: str


@dataclass
class Torment:
    """What was done to it."""

    kills: Counter[str] = field(default_factory=Counter)
    recovered_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> list[RawMessage]:
    """Simulate a hospital, with the quirks of real feeds: about 17 messages for each kill."""
    path = tmp_path_factory.mktemp("load") / "load.mllp"
    size = ["--patients", str(max(4, KILLS // 2))]
    what = ["simulate", "--seed", "11", *size, "--rates", RATES, "--quirks", QUIRKS, "--out", str(path)]
    result = CliRunner().invoke(main, what)
    assert result.exit_code == 0, result.output
    found = list(read_files([path], received_at_ms=0, on_skipped=lambda _: None))
    return [each for number, message in enumerate(found) for each in _with_unreadable(number, message)]


def _with_unreadable(number: int, message: RawMessage) -> Iterator[RawMessage]:
    """Let a message that names no patient follow some of them."""
    yield message
    header = message.body.replace(b"\n", b"\r").split(b"\r")[0]
    if number % UNREADABLE_EVERY == 0 and header.startswith(b"MSH|"):
        fields = header.split(b"|")
        fields[9] += b"-X"
        yield structs.replace(message, body=b"|".join(fields) + b"\rOBR|1\r")


@pytest.fixture
def kafka_that_dies() -> Iterator[KafkaLocal]:
    """Give a broker that lets workers say after how long they count as dead."""
    with KafkaLocal(config={**FAST_RESTART, "group.min.session.timeout.ms": "1000"}) as kafka:
        yield kafka


@contextmanager
def _installed(kafka: KafkaLocal, postgres: PostgresLocal, folder: Path) -> Iterator[Installation]:
    url = postgres.url()
    upgrade(url, "state")
    _make_topics(kafka.bootstrap)
    mllp = ("127.0.0.1", free_ports(1)[0])
    bus = {"kafka_bootstrap_servers": kafka.bootstrap, "log_level": "info", "start_wait_seconds": "120"}
    bus["dead_letter_topic"] = DEAD_LETTERS
    reading = {
        **bus,
        "database": url,
        "kafka_hl7_topics": MESSAGES_IN,
        "clock": "messages",
        "kafka_session_seconds": "2",
    }
    sending = {**bus, "database": url, "lease_seconds": "3"}
    taking = {**bus, "mllp": f"{mllp[0]}:{mllp[1]}", "gateway_hl7_topic": MESSAGES_IN}
    roles = {
        "gateway": RoleProcess("gateway", folder / "gateway", taking),
        "worker 1": RoleProcess("worker", folder / "worker1", {**reading, "worker_id": "one"}),
        "worker 2": RoleProcess("worker", folder / "worker2", {**reading, "worker_id": "two"}),
        "relay": RoleProcess("deliver", folder / "relay", sending),
    }
    victims: dict[str, list[Victim]] = {
        "worker": [roles["worker 1"], roles["worker 2"]],
        "gateway": [roles["gateway"]],
        "relay": [roles["relay"]],
        "PostgreSQL": [DatabaseServer(postgres)],
        "broker": [Broker(kafka)],
    }
    try:
        for role in roles.values():
            role.start()
        for role in roles.values():
            role.wait_ready()
        yield Installation(kafka, postgres, victims, roles, mllp, url)
    finally:
        for role in roles.values():
            role.discard()


def _make_topics(bootstrap: str) -> None:
    add_topic(bootstrap, MESSAGES_IN, PARTITIONS)
    for name in TOLD:
        add_topic(bootstrap, name)


def _plan(rng: random.Random) -> list[str]:
    """Say what is killed when: the shares as near as may be, in any order."""
    kinds = [kind for kind, share in SHARES.items() for _ in range(share)]
    plan = [kinds[number * len(kinds) // KILLS] for number in range(KILLS)]
    rng.shuffle(plan)
    return plan


def _torment(installed: Installation, sender: Resender, total: int) -> Torment:
    """Kill one after the other while the feed goes on in step with it."""
    rng = random.Random(SEED)  # noqa: S311  a seed must give the same order again
    done = Torment()
    for number, kind in enumerate(_plan(rng), start=1):
        victim = rng.choice(installed.victims[kind])
        victim.wait_ready()
        sender.allowed = total * number // (KILLS + 1)
        time.sleep(rng.uniform(0, MOMENT_S[kind]))
        while True:
            done.kills[kind] += 1
            began_s = time.monotonic()
            victim.kill()
            victim.start()
            if kind in {"PostgreSQL", "broker"} or rng.random() > WHILE_STARTING:
                break
            time.sleep(rng.uniform(0, 1.5))
        victim.wait_ready()
        done.recovered_s[kind].append(time.monotonic() - began_s)
        assert not sender.failure, sender.failure
    return done


def _until(claim: Callable[[], bool], what: str, timeout_s: float = 600.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not claim():
        assert time.monotonic() < end_s, what
        time.sleep(0.2)


def _is_drained(installed: Installation) -> bool:
    """Tell whether all is read, assessed and told."""
    offsets = end_offsets(installed.kafka.bootstrap, MESSAGES_IN)
    state = SqlState(installed.url)
    try:
        read = {part: position.next for part, position in state.positions().items()}
        is_read = all(
            read.get(f"kafka:{MESSAGES_IN}:{number}", 0) == end for number, end in offsets.items() if end
        )
        is_assessed = state.count_due(state.latest_ms()) == 0
    finally:
        state.close()
    return is_read and is_assessed and all(row.is_sent for row in outbox_rows(installed.url))


def _undisturbed(messages: Sequence[RawMessage], folder: Path) -> str:
    """Replay the same messages from a file into SQLite."""
    url = f"sqlite:///{folder / 'quiet.db'}"
    upgrade(url, "state")
    program = PackProgram(compile_pack(read_layers(())))
    replay(messages, program, lambda: SqlState(url, synchronous="OFF", commit_every=200))
    return url


def _table(done: Torment, counted: dict[str, object]) -> str:
    lines = ["| killed | times | seconds to recover, median (longest) |", "|---|---|---|"]
    lines += [
        f"| {kind} | {done.kills[kind]} | {median(times):.1f} ({max(times):.1f}) |"
        for kind, times in sorted(done.recovered_s.items())
    ]
    lines += [
        "",
        "| counted | |",
        "|---|---|",
        *(f"| {what} | {number} |" for what, number in counted.items()),
    ]
    return "\n".join(lines)


def test_whatever_is_killed_nothing_is_lost_or_told_twice(
    kafka_that_dies: KafkaLocal,
    own_postgres: PostgresLocal,
    messages: list[RawMessage],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    bodies = [message.body for message in messages]
    with _installed(kafka_that_dies, own_postgres, tmp_path) as installed:
        sender = Resender(bodies, installed.mllp)
        sender.start()
        began_s = time.monotonic()
        done = _torment(installed, sender, len(bodies))
        tormented_s = time.monotonic() - began_s
        sender.allowed = len(bodies)
        _until(lambda: sender.is_done, "messages are not acknowledged")
        _until(lambda: _is_drained(installed), "something is left to read, to assess or to tell")
        drained_s = time.monotonic() - began_s - tormented_s
        sender.stop()
        assert not sender.failure, sender.failure
        codes = {name: role.end() for name, role in installed.roles.items()}
        received = read_topic(kafka_that_dies.bootstrap, MESSAGES_IN)
        told = {topic: read_topic(kafka_that_dies.bootstrap, topic) for topic in TOLD}

    assert set(codes.values()) == {0}, codes
    assert Counter(bodies) - Counter(record.value for record in received) == Counter(), (
        "acknowledged, and lost"
    )
    assert {record.value for record in received} <= set(bodies), "a message that nobody sent"
    state = SqlState(installed.url)
    endings, failed = ends(state), [each for each in state.quarantined() if each.kind == "assessment"]
    state.close()
    assert sum(endings.values()) == len(received), "a message did not end exactly once"
    assert failed == []

    quiet_url = _undisturbed(messages, tmp_path)
    found, standing = findings(installed.url)
    quiet_found, quiet_standing = findings(quiet_url)
    assert found == quiet_found
    assert standing == quiet_standing
    assert len(standing) >= KILLS // 2, "too few alerts: they prove nothing"

    rows = outbox_rows(installed.url)
    copies = {
        topic: Counter(record.headers["ce_id"] for record in records) for topic, records in told.items()
    }
    assert {topic: [one for one in ids if ids[one] > 1] for topic, ids in copies.items()} == {
        topic: [] for topic in TOLD
    }, "told twice"
    assert {(row.target, row.notice) for row in rows} == {
        (topic, one) for topic, ids in copies.items() for one in ids
    }, "topics and outbox differ"
    assert out_of_turn(told[ALERTS]) == []
    assert len(told[DEAD_LETTERS]) == endings["dead_lettered"]

    counted = {
        "messages": len(bodies),
        "sent by the engine, repeats included": sender.sent,
        "connections broken with messages under way": sender.broken,
        "answers that asked to send again": sender.refused,
        "records on the topic": len(received),
        "of them sent again": len(received) - len(bodies),
        **{
            f"messages that ended as {end.replace('_', ' ')}": number
            for end, number in sorted(endings.items())
        },
        "notices in the outbox, dead letters included": len(rows),
        **{f"records on {topic}": ids.total() for topic, ids in copies.items()},
        "of them told twice": sum(ids.total() - len(ids) for ids in copies.values()),
        "findings, equal to those of the quiet replay": found.total(),
        "open alerts, equal to those of the quiet replay": standing.total(),
        "seconds of killing": round(tormented_s),
        "seconds from the last kill until all was told": f"{drained_s:.1f}",
    }
    record_property("table", f"{sum(done.kills.values())} kills\n\n{_table(done, counted)}")


def test_the_plan_keeps_the_shares() -> None:
    plan = _plan(random.Random(SEED))  # noqa: S311  a seed must give the same order again
    assert len(plan) == KILLS
    assert all(abs(plan.count(kind) - KILLS * share / 100) <= 1 for kind, share in SHARES.items())
