"""The loop to compare latency with: consume, and answer each probe in another topic at once.

As a process: `python -m bench.kafka.echo BOOTSTRAP TOPIC ANSWERS`.
"""

from __future__ import annotations

import signal
import sys
import threading

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

_PROBE = b"8310-5^Body temperature^LN||39.2|"


def main(bootstrap: str, topic: str, answers: str) -> None:
    """Answer until told to stop."""
    end = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: end.set())
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
    consumer.assign(partitions)
    consumer.seek_to_end()
    for partition in partitions:
        consumer.position(partition)
    producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=0)
    print("ready", flush=True)
    while not end.is_set():
        for records in consumer.poll(100).values():
            for record in records:
                if _PROBE in record.value:
                    producer.send(answers, record.value.partition(b"PID|1||")[2].partition(b"^")[0])
    consumer.close()
    producer.close()


if __name__ == "__main__":
    main(*sys.argv[1:4])
