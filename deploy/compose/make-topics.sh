#!/usr/bin/env bash
# Make the topics of a trial installation: make-topics.sh BOOTSTRAP_SERVERS
# Input topics keep a week and take messages of 16 MiB; alerts are kept for a month, so that a relay can read them back.
set -euo pipefail

servers=${1:?give the bootstrap servers, for example localhost:9092}
topics=${KAFKA_TOPICS_COMMAND:-/opt/kafka/bin/kafka-topics.sh}
day_ms=$((24 * 60 * 60 * 1000))

make_topic() { # name partitions retention_days max_message_bytes
  "$topics" --bootstrap-server "$servers" --create --if-not-exists --topic "$1" --partitions "$2" --replication-factor 1 \
    --config "retention.ms=$(($3 * day_ms))" --config "max.message.bytes=$4"
}

large=$((17 * 1024 * 1024))
make_topic lpwatch.in.hl7 6 7 "$large"
make_topic lpwatch.in.fhir 6 7 "$large"
make_topic lpwatch.alerts 3 30 "$((1024 * 1024))"
make_topic lpwatch.dead-letters 1 30 "$large"
make_topic lpwatch.heartbeats 1 1 "$((1024 * 1024))"
