"""Read settings: from the command line, then `LPWATCH_…` in the environment, then a YAML file.

Nobody else reads the environment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from worker.model.errors import ConfigError

MEBIBYTE = 1024 * 1024
_MAX_PORT = 65_535


class Address(BaseModel):
    """Where a listener listens, written `HOST:PORT` or `[v6]:PORT`; port 0 lets the system choose."""

    host: str
    port: Annotated[int, Field(ge=0, le=_MAX_PORT)]

    @model_validator(mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        host, colon, port = value.rpartition(":")
        if not colon or not host or not port.isascii() or not port.isdigit():
            msg = "write HOST:PORT, for example 127.0.0.1:2575"
            raise ValueError(msg)
        return {"host": host.removeprefix("[").removesuffix("]"), "port": int(port)}


class Settings(BaseSettings):
    """All settings of `lpwatch run`; each is an option, `LPWATCH_<NAME>` and a key of the YAML file."""

    model_config = SettingsConfigDict(env_prefix="LPWATCH_", extra="forbid", frozen=True)

    data: Path = Field(description="folder of the databases; made when it does not exist")
    mllp: Address = Field(
        default=Address(host="127.0.0.1", port=2575),
        description="HOST:PORT to take HL7 v2 messages over MLLP",
    )
    mllp_cert: Path | None = Field(
        default=None, description="PEM certificate of the MLLP listener; turns TLS on"
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
    mllp_idle_seconds: float = Field(
        default=600.0, gt=0, description="a connection silent for longer is closed"
    )
    http: Address | None = Field(
        default=None, description="HOST:PORT for /healthz, /readyz and /metrics; none: off"
    )
    http_allow_insecure: bool = Field(
        default=False, description="open the health pages on an address that others can reach"
    )
    clock: Literal["wall", "messages"] = Field(
        default="wall",
        description="what time it is: the machine's clock, or the newest time stamp of the messages",
    )
    out: Path | None = Field(default=None, description="file to which notices are appended as NDJSON")
    stdout: bool = Field(default=False, description="write notices to standard output as NDJSON")
    pack: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(), description="pack folders layered over the default pack, later ones over earlier ones"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least severe log line that is written"
    )
    ready_file: Path | None = Field(
        default=None, description="file to write the bound addresses to, as JSON, when messages are accepted"
    )

    @field_validator("pack", mode="before")
    @classmethod
    def _split_packs(cls, value: object) -> object:
        return tuple(value.split(os.pathsep)) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check_certificates(self) -> Settings:
        if (self.mllp_cert is None) != (self.mllp_key is None):
            msg = "mllp_cert and mllp_key go together"
            raise ValueError(msg)
        if self.mllp_client_ca is not None and self.mllp_cert is None:
            msg = "mllp_client_ca needs mllp_cert and mllp_key"
            raise ValueError(msg)
        return self


def load_settings(given: Mapping[str, object], config: Path | None = None) -> Settings:
    """Put the settings together; `given` wins over the environment, the environment over the file.

    Raises: ConfigError that names each setting which is missing, unknown or wrong, and the file where one was read.
    """
    path = config if config is not None else _config_from_environment()
    from_file = {} if path is None else _read_config(path)

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
        raise ConfigError(_explain(error), "settings" if path is None else f"settings ({path})") from None


def _config_from_environment() -> Path | None:
    text = os.environ.get("LPWATCH_CONFIG", "")
    return Path(text) if text else None


def _read_config(path: Path) -> dict[str, object]:
    try:
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("settings file cannot be read", str(path)) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark
        place = str(path) if mark is None else f"{path}:{mark.line + 1}:{mark.column + 1}"
        raise ConfigError(f"not YAML: {error.problem}", place) from None
    except YAMLError:
        raise ConfigError("not YAML", str(path)) from None
    if not isinstance(content, dict):
        raise ConfigError("must hold one setting on each line, `name: value`", str(path))
    return {str(key): value for key, value in content.items()}


def _explain(error: ValidationError) -> str:
    """Say what is wrong, without the values: a setting may hold a secret."""
    lines = [f"{'.'.join(map(str, each['loc'])) or 'settings'}: {each['msg']}" for each in error.errors()]
    return "; ".join(lines)
