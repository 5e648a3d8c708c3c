"""The loop to compare with: consume with kafka-python, COPY the same rows, commit each poll.

As a process: `python -m bench.kafka.bare BOOTSTRAP TOPIC MESSAGES DATABASE ROWS`. It prints the seconds that it took and its
processor time, both after the first poll gave something.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import msgspec
import psycopg
from kafka import KafkaConsumer, TopicPartition

TABLE = "bare_fact"
COLUMNS = ("receipt_day", "patient", "concept", "effective_ms", "payload")
_POLL = 500


def main(bootstrap: str, topic: str, messages: int, database: str, rows_file: str) -> None:
    """Consume so many messages of a topic."""
    rows = msgspec.msgpack.decode(Path(rows_file).read_bytes())
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        fetch_max_bytes=16 * 1024 * 1024,
        max_partition_fetch_bytes=4 * 1024 * 1024,
        metrics_enabled=False,
    )
    partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
    consumer.assign(partitions)
    consumer.seek_to_beginning()
    done = copied = 0
    begun_s = cpu_s = 0.0
    statement = f"COPY {TABLE} ({', '.join(COLUMNS)}) FROM STDIN"
    with psycopg.connect(database) as connection:
        while done < messages:
            polled = sum(len(found) for found in consumer.poll(1_000, max_records=_POLL).values())
            if polled and not begun_s:
                begun_s, cpu_s = time.perf_counter(), _cpu_s()
            done += polled
            wanted = len(rows) * min(done, messages) // messages
            with connection.cursor() as cursor, cursor.copy(statement) as copy:
                for row in rows[copied:wanted]:
                    copy.write_row(row)
            copied = wanted
            connection.commit()
    print(json.dumps({"seconds": time.perf_counter() - begun_s, "cpu_s": _cpu_s() - cpu_s}))
    consumer.close()


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5])
