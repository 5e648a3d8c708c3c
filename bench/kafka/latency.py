"""From a message in its topic to the alert in another, at a steady rate; against a loop that answers each message at once."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import quantiles

import psycopg
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from bench.kafka.messages import patients_messages
from bench.kafka.rig import Program, Servers, await_until, consumed, plain, role

_PARTITIONS = 4
_BACKGROUND = 5_000
_EVERY = 50
_BURST = 3_000
_CELLS = "26465-5^Leukocytes in cerebral spinal fluid^LN"


@dataclass
class Latencies:
    """When the messages were sent that are answered, and how long each answer took."""

    sent_s: dict[str, float] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    def answered(self, name: str) -> None:
        """Note the first answer to a message."""
        sent_s = self.sent_s.pop(name, None)
        if sent_s is not None:
            self.seconds.append(time.perf_counter() - sent_s)

    def percentiles(self) -> tuple[float, float]:
        """Give p50 and p99 in milliseconds."""
        cuts = quantiles(self.seconds, n=100)
        return cuts[49] * 1e3, cuts[98] * 1e3


def measure_latency(rig: Servers, probes: int) -> None:
    """Send at half the rate that one worker reaches with this mix, in which some are fevers after a puncture: alerts."""
    url = rig.database("latency")
    rig.topic("lpwatch.alerts", 1)
    rig.topic("live", _PARTITIONS)
    rig.topic("answers", 1)
    settings = {
        "database": url,
        "kafka_group": "latency",
        "kafka_hl7_topics": ["live"],
        "alerts_to_kafka": True,
    }
    programs = [role(rig, "latency_worker", "worker", settings)]
    programs.append(role(rig, "latency_deliver", "deliver", {"database": url, "alerts_to_kafka": True}))
    with psycopg.connect(plain(url), autocommit=True) as connection:
        rate = _top_rate(rig, lambda: consumed(connection)) / 2
    ours = _measure(rig, rate, probes, "lpwatch.alerts", _alerted)
    for program in programs:
        program.end()
    echo = Program(
        [sys.executable, "-m", "bench.kafka.echo", rig.bootstrap, "live", "answers"], rig.folder / "echo.log"
    )
    echo.process.stdout.readline()
    bare = _measure(rig, rate, probes, "answers", lambda value: value.decode())
    echo.end()
    print(f"\n| at {rate:,.0f} messages/s | p50 ms | p99 ms | answered |\n|---|---|---|---|")
    for name, found in (("bare loop", bare), ("lpwatch, to the alert", ours)):
        p50, p99 = found.percentiles()
        print(f"| {name} | {p50:.1f} | {p99:.1f} | {len(found.seconds)} of {probes} |")
    p50, p99 = (us / them for us, them in zip(ours.percentiles(), bare.percentiles(), strict=True))
    print(f"| lpwatch takes (target 5 ×) | {p50:.1f} × | {p99:.1f} × | |")


def _top_rate(rig: Servers, done: Callable[[], int]) -> float:
    """Give the messages of a second that one worker takes from a backlog of this mix; the first alerts leave meanwhile."""
    producer = KafkaProducer(bootstrap_servers=rig.bootstrap, linger_ms=20)
    background = list(patients_messages(_BURST, 2_000))
    for number in range(0, _BURST, _EVERY):
        producer.send("live", _puncture(f"burst{number:05}"), partition=number // _EVERY % _PARTITIONS)
    producer.flush()
    punctures = _BURST // _EVERY
    await_until(lambda: done() >= punctures)
    begun_s = time.perf_counter()
    for number, body in enumerate(background):
        fever = _fever(f"burst{number:05}")
        producer.send("live", body if number % _EVERY else fever, partition=number % _PARTITIONS)
    producer.close()
    await_until(lambda: done() >= punctures + _BURST)
    return _BURST / (time.perf_counter() - begun_s)


def _alerted(value: bytes) -> str:
    """Give the number of the patient: each probe is a patient of its own."""
    return str(json.loads(value)["patient"][0]["value"])


def _measure(
    rig: Servers, rate: float, probes: int, topic: str, name_of: Callable[[bytes], str]
) -> Latencies:
    found, end = Latencies(), threading.Event()
    reader = threading.Thread(
        target=_listen, args=(rig.bootstrap, topic, name_of, found, end, ready := threading.Event())
    )
    reader.start()
    ready.wait(30)
    producer = KafkaProducer(bootstrap_servers=rig.bootstrap, linger_ms=0)
    run = f"{time.time_ns() % 10**9:09}"
    for number in range(probes):
        producer.send("live", _puncture(f"{run}{number:05}"), partition=number % _PARTITIONS)
    producer.flush()
    time.sleep(5)
    background = list(patients_messages(_BACKGROUND, 2_000))
    begun_s = time.perf_counter()
    for number in range(probes * _EVERY):
        due_s = begun_s + number / rate
        if (early_s := due_s - time.perf_counter()) > 0:
            time.sleep(early_s)
        if number % _EVERY:
            producer.send("live", background[number % _BACKGROUND], partition=number % _PARTITIONS)
        else:
            name = f"{run}{number // _EVERY:05}"
            found.sent_s[name] = time.perf_counter()
            producer.send("live", _fever(name), partition=number // _EVERY % _PARTITIONS)
    producer.close()
    deadline_s = time.perf_counter() + 30
    while found.sent_s and time.perf_counter() < deadline_s:
        time.sleep(0.1)
    end.set()
    reader.join()
    return found


def _listen(
    bootstrap: str,
    topic: str,
    name_of: Callable[[bytes], str],
    found: Latencies,
    end: threading.Event,
    ready: threading.Event,
) -> None:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, fetch_max_wait_ms=50)
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek_to_end()
    consumer.position(partition)
    ready.set()
    while not end.is_set():
        for record in consumer.poll(50).get(partition, ()):
            found.answered(name_of(record.value))
    consumer.close()


def _puncture(name: str) -> bytes:
    return _message(
        name,
        "ORU^R01^ORU_R01",
        "P",
        (
            f"ORC|RE|P{name}|F{name}",
            f"OBR|1|P{name}|F{name}|{_CELLS}|||{_now(-3_600)}{'|' * 15}{_now(-3_600)}|||F",
            f"OBX|1|NM|{_CELLS}||1|/uL^/uL^UCUM||N|||F|||{_now(-3_600)}",
        ),
    )


def _fever(name: str) -> bytes:
    return _message(
        name,
        "ORU^R01^ORU_R01",
        "T",
        (
            f"OBR|1|T{name}|V{name}|85353-1^Vital signs panel^LN|||{_now()}|||||||||||||||{_now()}|||F",
            f"OBX|1|NM|8310-5^Body temperature^LN||39.2|Cel^Cel^UCUM||H|||F|||{_now()}",
        ),
    )


def _message(name: str, kind: str, prefix: str, rest: tuple[str, ...]) -> bytes:
    lines = (
        f"MSH|^~\\&|ENGINE^1.2.840.99^ISO|NORTH HOSPITAL|LPWATCH|NORTH HOSPITAL|{_now()}||{kind}|{prefix}{name}|P|2.5.1",
        f"PID|1||{name}^^^NORTH&1.2.840.99.1&ISO^MR||Probe^Pat||19700101|F",
        f"PV1|1|I|NEURO^1^A||||||||||||||||V{name}",
        *rest,
    )
    return ("\r".join(lines) + "\r").encode()


def _now(offset_s: int = 0) -> str:
    return time.strftime("%Y%m%d%H%M%S+0000", time.gmtime(time.time_ns() // 10**9 + offset_s))
