"""Read settings: from the command line, then `LPWATCH_…` in the environment, then a YAML file.

Nobody else reads the environment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from worker.model.errors import ConfigError
from worker.runtime.settings_given import explain, nearest, read_config, unknown_variables

PREFIX = "LPWATCH_"
MEBIBYTE = 1024 * 1024
_MAX_PORT = 65_535

Seconds = Annotated[float, Field(gt=0)]
Topics = Annotated[tuple[str, ...], NoDecode]


class Address(BaseModel):
    """Where a listener listens, written `HOST:PORT` or `[v6]:PORT`; port 0 lets the system choose."""

    host: str
    port: Annotated[int, Field(ge=0, le=_MAX_PORT)]

    @model_validator(mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, (Address, Mapping)):
            return value
        host, colon, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
        if not colon or not host or not port.isascii() or not port.isdigit():
            msg = "write HOST:PORT, for example 127.0.0.1:2575"
            raise ValueError(msg)
        return {"host": host.removeprefix("[").removesuffix("]"), "port": int(port)}


class Settings(BaseSettings):
    """Every setting; each is `LPWATCH_<NAME>` in the environment and a key of the YAML file, and many are an option.

    Shape: one file may serve all roles; `role_settings` says which role uses and needs which of them.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    # What this process is called, and what it tells of itself

    worker_id: str = Field(
        default="", description="name of this process in leases and heartbeats; none: the host's name"
    )
    source: str = Field(default="/lpwatch", description="CloudEvents source of what is sent, a URI reference")
    http: Address | None = Field(
        default=None, description="HOST:PORT for /healthz, /readyz and /metrics; none: off"
    )
    http_allow_insecure: bool = Field(
        default=False, description="open the health pages on an address that others can reach"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least severe log line that is written"
    )
    ready_file: Path | None = Field(
        default=None, description="file to write the bound addresses to, as JSON, when the role works"
    )
    start_wait_seconds: Seconds | None = Field(
        default=None,
        description="how long to wait at the start for a broker or database that is away; none: for ever",
    )

    # Where the state is

    data: Path | None = Field(
        default=None, description="folder of the databases of `run`; made when it does not exist"
    )
    database: SecretStr | None = Field(
        default=None,
        description="URL of the PostgreSQL database of workers, `postgresql+psycopg://USER@HOST:PORT/NAME`; "
        "`?sslmode=verify-full&sslrootcert=FILE` after it asks for TLS",
    )
    database_password_file: Path | None = Field(
        default=None, description="file that holds the password of the database, and nothing else"
    )

    # MLLP in

    mllp: Address | None = Field(
        default=Address(host="127.0.0.1", port=2575),
        description="HOST:PORT to take HL7 v2 messages over MLLP; the word none: off",
    )
    mllp_cert: Path | None = Field(
        default=None,
        description="PEM certificate of the MLLP listener, read again when it changes; turns TLS on",
    )
    mllp_key: Path | None = Field(default=None, description="PEM key that belongs to mllp_cert")
    mllp_client_ca: Path | None = Field(
        default=None, description="PEM certificates of the CA that signs clients; turns mutual TLS on"
    )
    mllp_allow_insecure: bool = Field(
        default=False,
        description="open an MLLP listener that others can reach without TLS or without client certificates",
    )
    mllp_max_connections: int = Field(
        default=256, ge=1, description="connections at one time; more are turned away"
    )
    mllp_max_frame_bytes: int = Field(
        default=16 * MEBIBYTE,
        ge=1024,
        description="largest message; a larger one is rejected (AR) and quarantined",
    )
    mllp_max_buffered_bytes: int = Field(
        default=4 * MEBIBYTE,
        ge=1024,
        description="bytes of one connection that may wait for the store before it is no longer read",
    )
    mllp_idle_seconds: Seconds = Field(default=600.0, description="a connection silent for longer is closed")

    # FHIR over HTTP in

    fhir: Address | None = Field(
        default=None, description="HOST:PORT to take FHIR resources over HTTP; none: off"
    )
    fhir_cert: Path | None = Field(
        default=None,
        description="PEM certificate of the FHIR listener, read again when it changes; turns TLS on",
    )
    fhir_key: Path | None = Field(default=None, description="PEM key that belongs to fhir_cert")
    fhir_client_ca: Path | None = Field(
        default=None, description="PEM certificates of the CA that signs FHIR clients; turns mutual TLS on"
    )
    fhir_token_file: Path | None = Field(
        default=None, description="file of the bearer tokens that FHIR clients may show, one on each line"
    )
    fhir_allow_insecure: bool = Field(
        default=False,
        description="open a FHIR listener that others can reach without TLS, or without tokens and client certificates",
    )
    fhir_max_body_bytes: int = Field(
        default=16 * MEBIBYTE, ge=1024, description="largest body of a request; a larger one is answered 413"
    )

    # Kafka

    kafka_bootstrap_servers: Topics = Field(
        default=(), description="HOST:PORT of one or more brokers, separated by commas"
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="how to speak to the brokers"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        default=None, description="how to log in, with the SASL protocols"
    )
    kafka_sasl_username: str | None = Field(default=None, description="user name, with the SASL protocols")
    kafka_sasl_password: SecretStr | None = Field(
        default=None, description="password, with the SASL protocols"
    )
    kafka_sasl_password_file: Path | None = Field(
        default=None, description="file that holds the password, in place of kafka_sasl_password"
    )
    kafka_ca: Path | None = Field(
        default=None,
        description="PEM certificates of the CA that signs brokers, read at the start; none: those of the system",
    )
    kafka_cert: Path | None = Field(
        default=None, description="PEM certificate to show to brokers, read at the start (mutual TLS)"
    )
    kafka_key: Path | None = Field(default=None, description="PEM key that belongs to kafka_cert")

    # Kafka in

    kafka_group: str = Field(default="lpwatch", min_length=1, description="consumer group of the workers")
    kafka_hl7_topics: Topics = Field(
        default=(), description="topics of raw HL7 v2 messages, separated by commas"
    )
    kafka_fhir_topics: Topics = Field(
        default=(), description="topics of FHIR resources as JSON, separated by commas"
    )
    kafka_start: Literal["beginning", "end"] = Field(
        default="beginning",
        description="where to begin with a topic that was never read; partitions that are added later begin at their beginning",
    )
    kafka_backlog_bytes: int = Field(
        default=64 * MEBIBYTE,
        ge=MEBIBYTE,
        description="about how much a worker keeps of what it fetched and has not ingested yet, over all partitions; "
        "a larger message is taken alone",
    )
    kafka_session_seconds: Seconds = Field(
        default=10.0,
        description="after how long without a sign of life the group gives a worker's partitions to others; "
        "brokers allow 6 and more unless they are told otherwise",
    )
    gateway_hl7_topic: str | None = Field(
        default=None, description="topic to which the gateway writes what comes over MLLP"
    )
    gateway_fhir_topic: str | None = Field(
        default=None, description="topic to which the gateway writes what comes over FHIR"
    )
    gateway_timeout_seconds: Seconds = Field(
        default=10.0,
        description="how long the gateway waits for the brokers before it answers that a message is not stored",
    )

    # Rules

    clock: Literal["wall", "messages"] = Field(
        default="wall",
        description="what time it is: the machine's clock, or the newest time stamp of the messages, for recordings and "
        "trials: it stands still between messages, so what falls due after the last one is not told; with several topics, "
        "partitions or workers a gap may be told before the message that closes it is read, and is then withdrawn",
    )
    pack: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(), description="pack folders layered over the default pack, later ones over earlier ones"
    )

    # Out

    out: Path | None = Field(default=None, description="file to which notices are appended as NDJSON")
    stdout: bool = Field(default=False, description="write notices to standard output as NDJSON")
    alerts_to_kafka: bool | None = Field(
        default=None,
        description="send notices to the topics that the pack's routes name; none: yes for worker and deliver, no for run",
    )
    dead_letter_topic: str | None = Field(
        default=None, description="topic for messages that could not be read; they are kept in quarantine too"
    )
    heartbeat_topic: str | None = Field(
        default=None, description="topic to which each process says that it lives"
    )
    heartbeat_seconds: Seconds = Field(default=30.0, description="time between two heartbeats")
    fhir_out: str | None = Field(
        default=None, description="base URL of a FHIR server that is told of alerts; none: off"
    )
    fhir_out_token_file: Path | None = Field(
        default=None, description="file of the bearer token to show to that server"
    )
    fhir_out_ca: Path | None = Field(
        default=None,
        description="PEM certificates of the CA that signs that server, read at the start; none: those of the system",
    )
    lease_seconds: float = Field(
        default=20.0,
        ge=2,
        description="how long one process alone delivers to an outlet before another may take over",
    )

    @property
    def folder(self) -> Path:
        """Give the data folder.

        Raises: ConfigError where none is set.
        """
        if self.data is None:
            raise ConfigError("data: the folder of the databases is not set", "settings")
        return self.data

    @field_validator("mllp", "fhir", "http", mode="before")
    @classmethod
    def _turn_off(cls, value: object) -> object:
        return None if isinstance(value, str) and value.strip().lower() in {"", "none", "off"} else value

    @field_validator("pack", mode="before")
    @classmethod
    def _split_packs(cls, value: object) -> object:
        return tuple(value.split(os.pathsep)) if isinstance(value, str) else value

    @field_validator("kafka_bootstrap_servers", "kafka_hl7_topics", "kafka_fhir_topics", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("kafka_bootstrap_servers")
    @classmethod
    def _check_servers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for server in value:
            Address.model_validate(server)
        return value

    @model_validator(mode="after")
    def _check_together(self) -> Settings:
        for listener in ("mllp", "fhir"):
            cert, key, client_ca = (
                getattr(self, f"{listener}_{end}") for end in ("cert", "key", "client_ca")
            )
            if (cert is None) != (key is None):
                raise ValueError(f"{listener}_cert and {listener}_key go together")
            if client_ca is not None and cert is None:
                raise ValueError(f"{listener}_client_ca needs {listener}_cert and {listener}_key")
        if (self.kafka_cert is None) != (self.kafka_key is None):
            raise ValueError("kafka_cert and kafka_key go together")
        if both := set(self.kafka_hl7_topics) & set(self.kafka_fhir_topics):
            raise ValueError(
                f"a topic has one form: {', '.join(sorted(both))} is in kafka_hl7_topics and kafka_fhir_topics"
            )
        if self.kafka_sasl_password is not None and self.kafka_sasl_password_file is not None:
            raise ValueError("give kafka_sasl_password or kafka_sasl_password_file, not both")
        return self


def load_settings(given: Mapping[str, object], config: Path | None = None) -> Settings:
    """Put the settings together; `given` wins over the environment, the environment over the file.

    Raises: ConfigError that names each setting which is unknown or wrong, and the file where one was read; also for an
    `LPWATCH_…` variable that is no setting, with the one that was meant.
    """
    path = config if config is not None else _config_from_environment()
    if unknown := unknown_variables(os.environ, PREFIX, Settings.model_fields):
        told = "; ".join(f"{name}: {nearest(name, PREFIX, Settings.model_fields)}" for name in unknown)
        raise ConfigError(f"no setting has this name: {told}", "environment")
    from_file = {} if path is None else read_config(path)

    class Layered(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  pydantic-settings passes all by name
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  see above
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=from_file)

    try:
        return Layered(**given)  # type: ignore[arg-type]  # pydantic checks what the command line gave
    except ValidationError as error:
        raise ConfigError(
            explain(error, Settings.model_fields), "settings" if path is None else f"settings ({path})"
        ) from None


def _config_from_environment() -> Path | None:
    text = os.environ.get(f"{PREFIX}CONFIG", "")
    return Path(text) if text else None
