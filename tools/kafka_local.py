"""A real Apache Kafka on 127.0.0.1 without Docker: KRaft, one or more brokers, from Maven Central's jars.

Needs Java 17 or newer; the first time also Maven. In Python: `with KafkaLocal() as kafka: kafka.bootstrap`. As a command:

    python -m tools.kafka_local prepare                       fetch the jars, once
    python -m tools.kafka_local start [--brokers 3]           prints KAFKA_BOOTSTRAP_SERVERS=…
    python -m tools.kafka_local kill|restart BROKER           kill -9, as a crash would; start again
    python -m tools.kafka_local stop
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.local_process import (
    HOST,
    ServerError,
    bound_command,
    cache_folder,
    free_ports,
    is_running,
    read_state,
    tail,
    write_state,
)

VERSION = "4.3.1"
LOG4J = "2.25.4"
CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qk"
STATE = Path(tempfile.gettempdir()) / "lpwatch-kafka"
# A broker that was killed is let in again when its session has run out: 2 s instead of 9.
FAST_RESTART = {"broker.session.timeout.ms": "2000", "broker.heartbeat.interval.ms": "400"}
# One that nobody kills is not taken for dead where its machine stands still for seconds: no topic can be made meanwhile.
NEVER_KILLED = {"broker.session.timeout.ms": "60000"}
INSTALL = "as root: apt-get install default-jdk-headless maven"
# kafka-tools-api is left out: a broker does not need it, and not every version of it can be had.
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>org.lpwatch</groupId><artifactId>kafka-local</artifactId><version>1</version><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version>
<exclusions><exclusion><groupId>org.apache.kafka</groupId><artifactId>kafka-tools-api</artifactId></exclusion></exclusions>
</dependency>
<dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId>
<version>{LOG4J}</version></dependency></dependencies></project>"""
LOGGING = """<Configuration status="ERROR"><Appenders><Console name="c">
<PatternLayout pattern="%d{ISO8601} %p %c{1} %m%n"/></Console></Appenders>
<Loggers><Root level="WARN"><AppenderRef ref="c"/></Root></Loggers></Configuration>"""
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
_MAVEN_S = 900
# To compile what runs often once more takes as long as all else: it ends before that pays.
_BRIEF_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


def program(name: str) -> str:
    """Find `java` or `mvn`.

    **Raises** `ServerError`: not installed.
    """
    home = os.environ.get("JAVA_HOME")
    found = (shutil.which(name, path=f"{home}/bin") if home else None) or shutil.which(name)
    if found is None:
        raise ServerError(f"no {name} on PATH; {INSTALL}")
    return found


def maven(aim: str, folder: Path, *arguments: str) -> None:
    """Run Maven in a folder, one at a time: two would write the same files of the repository that they share.

    **Raises** `ServerError`: Maven is missing, or fails.
    """
    repository = cache_folder() / "maven"
    repository.mkdir(parents=True, exist_ok=True)
    command = [program("mvn"), "-B", "-ntp", "-q", f"-Dmaven.repo.local={repository}", *arguments]
    with (repository / "lpwatch.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "MAVEN_OPTS": f"{_BRIEF_JAVA} {os.environ.get('MAVEN_OPTS', '')}"},
            capture_output=True,
            text=True,
            timeout=_MAVEN_S,
            check=False,
        )
    if done.returncode:
        raise ServerError(f"Maven could not {aim}:\n{(done.stdout + done.stderr)[-3_000:]}")


def prepare() -> Path:
    """Make sure of the folder that holds the jars, a class-data archive and formatted storage; fast when it is there.

    **Raises** `ServerError`: a program is missing, or the jars cannot be fetched.
    """
    folder = cache_folder() / f"kafka-{VERSION}"
    if (folder / "complete").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _fetch(folder / "jars")
            _archive(folder)
            (folder / "complete").touch()
    return folder


def _fetch(jars: Path) -> None:
    if (jars / "complete").exists():
        return
    with tempfile.TemporaryDirectory(dir=jars.parent) as work:
        (Path(work) / "pom.xml").write_text(POM, encoding="utf-8")
        options = ["-DincludeScope=runtime", f"-DoutputDirectory={jars}"]
        maven(f"fetch Kafka {VERSION}", Path(work), COPY, *options)
    (jars / "complete").touch()


def _archive(folder: Path) -> None:
    """Let one broker write down its classes as it ends: later ones start about a second sooner."""
    with KafkaLocal(prepared=folder, dump=True):
        pass


def brokers_seen(port: int, timeout_s: float = 2.0) -> int:
    """Ask the broker at `port` how many live brokers there are.

    **Source** Kafka protocol, Metadata request v1.

    **Raises** `OSError`: nobody answers yet.
    """
    request = struct.pack(">hhih4si", 3, 1, 7, 4, b"lpwt", 0)
    with socket.create_connection((HOST, port), timeout_s) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        with connection.makefile("rb") as answer:
            (length,) = struct.unpack(">i", _exactly(answer.read(4), 4))
            body = _exactly(answer.read(length), length)
    return int(struct.unpack(">ii", body[:8])[1])


def _exactly(data: bytes, length: int) -> bytes:
    if len(data) < length:
        raise OSError("the broker closed the connection")
    return data


class KafkaLocal:
    """One or more brokers.

    `config`: more broker settings. `listeners`: more client listeners, name → protocol. `scram`: users, name → password.
    `port`: where the first broker takes clients, else a free one. Without `folder` the data is thrown away at the end.
    """

    def __init__(  # noqa: PLR0913 - named settings, each with a default
        self,
        brokers: int = 1,
        *,
        folder: Path | None = None,
        config: Mapping[str, str] | None = None,
        listeners: Mapping[str, str] | None = None,
        scram: Mapping[str, str] | None = None,
        port: int | None = None,
        is_bound: bool = True,
        is_thrown_away: bool | None = None,
        prepared: Path | None = None,
        dump: bool = False,
    ) -> None:
        self.brokers = range(1, brokers + 1)
        self.ports: dict[int, dict[str, int]] = {}
        self.pids: dict[int, int] = {}
        self._is_kept = folder is not None if is_thrown_away is None else not is_thrown_away
        self.folder = folder or Path(tempfile.mkdtemp(prefix="lpwatch-kafka-"))
        self._config, self._listeners, self._scram = config or {}, listeners or {}, scram or {}
        self._port, self._is_bound = port, is_bound
        self._prepared, self._dump = prepared, dump
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def bootstrap(self) -> str:
        """The plaintext listeners, as clients want them."""
        return self.bootstrap_of("PLAINTEXT")

    def bootstrap_of(self, listener: str) -> str:
        """Give the addresses of a listener, comma-separated."""
        return ",".join(f"{HOST}:{ports[listener]}" for ports in self.ports.values())

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start every broker and wait until each lists all.

        **Raises** `ServerError`: a program is missing, or a broker does not come up.
        """
        self._prepared = self._prepared or prepare()
        self.folder.mkdir(parents=True, exist_ok=True)
        names = ["PLAINTEXT", "CONTROLLER", *self._listeners]
        ports = iter(free_ports(len(names) * len(self.brokers)))
        self.ports = {broker: {name: next(ports) for name in names} for broker in self.brokers}
        if self._port is not None:
            self.ports[1]["PLAINTEXT"] = self._port
        (self.folder / "log4j2.xml").write_text(LOGGING, encoding="utf-8")
        for broker in self.brokers:
            settings = "".join(f"{key}={value}\n" for key, value in self._settings(broker).items())
            self._file(broker, "properties").write_text(settings, encoding="utf-8")
            self._format(broker)
        for broker in self.brokers:
            self._launch(broker)
        self.wait_ready()

    def stop(self) -> None:
        """End every broker: at once where the data is thrown away, else in order."""
        is_orderly = self._is_kept or self._dump
        for broker in self.pids:
            self._signal(broker, signal.SIGTERM if is_orderly else signal.SIGKILL)
        end_s = time.monotonic() + 30
        for broker in list(self.pids):
            while self.is_alive(broker):
                if time.monotonic() > end_s:
                    self._signal(broker, signal.SIGKILL)
                time.sleep(0.02)
        self.pids.clear()
        if not self._is_kept:
            shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self, broker: int = 1) -> None:
        """Kill a broker as a crash would."""
        self._signal(broker, signal.SIGKILL)
        while self.is_alive(broker):
            time.sleep(0.005)
        del self.pids[broker]

    def restart(self, broker: int = 1) -> None:
        """Start a broker that was killed, on its old ports and data, and wait until it serves.

        **Raises** `ServerError`: it does not come up.
        """
        self._launch(broker)
        self.wait_ready()

    def wait_ready(self, timeout_s: float = 90.0) -> None:
        """Wait until every running broker lists all running brokers.

        **Raises** `ServerError`: one ended, or the time is over.
        """
        end_s = time.monotonic() + timeout_s
        for broker in self.pids:
            while not self._sees_all(broker):
                if not self.is_alive(broker) or time.monotonic() > end_s:
                    what = "is not ready" if self.is_alive(broker) else "ended while it started"
                    raise ServerError(f"Kafka broker {broker} {what}:\n{tail(self._file(broker, 'log'))}")
                time.sleep(0.03)

    def is_alive(self, broker: int = 1) -> bool:
        """Tell whether the broker's process runs."""
        if broker in self._processes:
            return self._processes[broker].poll() is None
        return is_running(self.pids.get(broker, 0), b"kafka.Kafka")

    def save(self) -> None:
        """Write down ports and processes for a later command."""
        write_state(self.folder, ports=self.ports, pids=self.pids)

    @classmethod
    def load(cls, folder: Path) -> KafkaLocal:
        """Take up what an earlier command wrote down.

        **Raises** `ServerError`: nothing was started there.
        """
        state = read_state(folder, "Kafka")
        kafka = cls(len(state["ports"]), folder=folder, is_bound=False, prepared=prepare())
        kafka.ports = {int(broker): ports for broker, ports in state["ports"].items()}
        kafka.pids = {int(broker): pid for broker, pid in state["pids"].items()}
        return kafka

    def _sees_all(self, broker: int) -> bool:
        try:
            return brokers_seen(self.ports[broker]["PLAINTEXT"]) >= len(self.pids)
        except OSError:
            return False

    def _launch(self, broker: int) -> None:
        command = [*self._java("kafka.Kafka", "-Xms256m", "-Xmx256m", *self._classes())]
        command.append(str(self._file(broker, "properties")))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("KAFKA_")}
        with self._file(broker, "log").open("ab") as log:
            self._processes[broker] = subprocess.Popen(
                bound_command(command, signal="KILL" if self._is_bound else None),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        self.pids[broker] = self._processes[broker].pid

    def _signal(self, broker: int, number: signal.Signals) -> None:
        if self.is_alive(broker):
            os.kill(self.pids[broker], number)

    def _file(self, broker: int, kind: str) -> Path:
        return self.folder / f"broker{broker}.{kind}"

    def _java(self, main: str, *options: str) -> list[str]:
        if self._prepared is None:
            raise ServerError("start() first")
        jars = ":".join(str(jar) for jar in sorted((self._prepared / "jars").glob("*.jar")))
        quick = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true"]
        logging = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.xml'}"
        return [program("java"), *quick, *options, logging, "-cp", jars, main]

    def _classes(self) -> list[str]:
        archive = f"{self._prepared}/classes.jsa"
        return (
            [f"-XX:ArchiveClassesAtExit={archive}"]
            if self._dump
            else ["-Xshare:auto", f"-XX:SharedArchiveFile={archive}"]
        )

    def _format(self, broker: int) -> None:
        """Format storage, from a copy where this was done before: it saves a second."""
        data = self.folder / f"data{broker}"
        if (data / "meta.properties").exists() or self._prepared is None:
            return
        template = self._prepared / f"formatted{broker}"
        if template.exists() and not self._scram:
            shutil.copytree(template, data)
            return
        settings = self._file(broker, "properties")
        command = [
            *self._java("kafka.tools.StorageTool", "-Xmx128m"),
            "format",
            "-t",
            CLUSTER_ID,
            "-c",
            str(settings),
        ]
        for name, password in self._scram.items():
            command += ["--add-scram", f"SCRAM-SHA-512=[name={name},password={password}]"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            raise ServerError(f"Kafka's storage format failed:\n{(done.stdout + done.stderr)[-3_000:]}")
        if not self._scram:
            self._remember(data, template)

    def _remember(self, data: Path, template: Path) -> None:
        with tempfile.TemporaryDirectory(dir=template.parent) as work:
            copy = shutil.copytree(data, Path(work) / "copy")
            if not template.exists():
                copy.rename(template)

    def _settings(self, broker: int) -> dict[str, str]:
        ports, copies = self.ports[broker], min(3, len(self.brokers))
        clients = ["PLAINTEXT", *self._listeners]
        voters = [f"{other}@{HOST}:{each['CONTROLLER']}" for other, each in self.ports.items()]
        protocols = ["PLAINTEXT:PLAINTEXT", "CONTROLLER:PLAINTEXT"]
        protocols += [f"{name}:{protocol}" for name, protocol in self._listeners.items()]
        return {
            "process.roles": "broker,controller",
            "node.id": str(broker),
            "controller.quorum.voters": ",".join(voters),
            "listeners": ",".join(f"{name}://{HOST}:{ports[name]}" for name in [*clients, "CONTROLLER"]),
            "advertised.listeners": ",".join(f"{name}://{HOST}:{ports[name]}" for name in clients),
            "listener.security.protocol.map": ",".join(protocols),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(self.folder / f"data{broker}"),
            "auto.create.topics.enable": "false",
            "default.replication.factor": str(copies),
            "min.insync.replicas": str(min(2, copies)),
            "offsets.topic.replication.factor": str(copies),
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": str(copies),
            "transaction.state.log.min.isr": str(min(2, copies)),
            "transaction.state.log.num.partitions": "4",
            "share.coordinator.state.topic.replication.factor": str(copies),
            "share.coordinator.state.topic.min.isr": str(min(2, copies)),
            "group.initial.rebalance.delay.ms": "0",
            "num.network.threads": "2",
            "num.io.threads": "2",
            "background.threads": "2",
            "log.cleaner.dedupe.buffer.size": "2621440",
            "log.segment.bytes": "67108864",
            "log.index.size.max.bytes": "1048576",
            **self._config,
        }


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 2 when it cannot be done."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("do", choices=["prepare", "start", "stop", "kill", "restart"])
    parser.add_argument("broker", nargs="?", type=int, default=1)
    parser.add_argument("--brokers", type=int, default=1, help="how many to start")
    parser.add_argument("--port", type=int, help="of the first broker; a free one if not given")
    parser.add_argument("--folder", type=Path, default=STATE, help="data and logs; kept between starts")
    given = parser.parse_args(arguments)
    try:
        if given.do == "prepare":
            print(f"Kafka {VERSION} is in {prepare()}")
            return 0
        _command(given)
    except ServerError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _command(given: argparse.Namespace) -> None:
    if given.do == "start":
        kafka = KafkaLocal(
            given.brokers, folder=given.folder, config=FAST_RESTART, port=given.port, is_bound=False
        )
        _refuse_second(given.folder)
        try:
            kafka.start()
        except BaseException:
            kafka.stop()
            raise
    else:
        kafka = KafkaLocal.load(given.folder)
        if given.do == "stop":
            kafka.stop()
        elif given.do == "kill":
            kafka.kill(given.broker)
        else:
            kafka.restart(given.broker)
    kafka.save()
    if given.do != "stop":
        print(f"KAFKA_BOOTSTRAP_SERVERS={kafka.bootstrap}")


def _refuse_second(folder: Path) -> None:
    if (folder / "state.json").exists():
        earlier = KafkaLocal.load(folder)
        if any(earlier.is_alive(broker) for broker in earlier.brokers):
            raise ServerError(f"Kafka runs already: KAFKA_BOOTSTRAP_SERVERS={earlier.bootstrap}")


if __name__ == "__main__":
    sys.exit(main())
