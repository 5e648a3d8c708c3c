"""What a user gave as settings: the YAML file, names that are no settings, and what is wrong with the values."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from worker.model.errors import ConfigError

_NO_SETTINGS = frozenset({"CONFIG"})
_TESTS = "TEST_"
# Kubernetes sets these for each service of a namespace: one called `lpwatch-gateway` gives LPWATCH_GATEWAY_PORT and more.
_OF_KUBERNETES = re.compile(
    r"(.*_)?(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)
_PORT = re.compile(r"(.*)(?<!SERVICE)_PORT")
_URL_OF_SERVICE = re.compile(r"(tcp|udp|sctp)://", re.IGNORECASE)


def read_config(path: Path) -> dict[str, object]:
    """Read a settings file: one `name: value` on each line.

    Raises: ConfigError where it cannot be read or is not YAML, with line and column.
    """
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


def read_secret(path: Path, setting: str) -> SecretStr:
    """Read a secret from a file of its own; white space around it does not count.

    Raises: ConfigError where the file cannot be read or is empty.
    """
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("the secret cannot be read", f"{setting} ({path})") from error
    if not text:
        raise ConfigError("the secret is empty", f"{setting} ({path})")
    return SecretStr(text)


def unknown_variables(environ: Mapping[str, str], prefix: str, settings: Collection[str]) -> list[str]:
    """List the variables that begin as a setting's does and are none, sorted.

    Shape: those of the tests, and those that Kubernetes makes for services, are passed over.
    """
    variables = {name.upper(): value for name, value in environ.items()}
    return sorted(
        name
        for name in environ
        if name.upper().startswith(prefix) and not _is_known(name.upper(), variables, prefix, settings)
    )


def _is_known(name: str, variables: Mapping[str, str], prefix: str, settings: Collection[str]) -> bool:
    end = name.removeprefix(prefix)
    if end in _NO_SETTINGS or end.startswith(_TESTS) or end.lower() in settings:
        return True
    if (apart := _PORT.fullmatch(name)) is not None:
        # A user may have given a port apart; Kubernetes writes a URL, and the host beside it.
        host = f"{apart[1]}_SERVICE_HOST"
        return _URL_OF_SERVICE.match(variables[name]) is not None or host in variables
    return _OF_KUBERNETES.fullmatch(end) is not None


def nearest(name: str, prefix: str, settings: Collection[str]) -> str:
    """Say which setting was meant by a variable that is none."""
    end = name.upper().removeprefix(prefix).lower()
    whole = end.removesuffix("_port")
    meant = whole if whole in settings else _closest(end, settings)
    return _advice(meant and f"{prefix}{meant.upper()}")


def explain(error: ValidationError, settings: Collection[str]) -> str:
    """Say what is wrong, without the values: a setting may hold a secret; of a name that is none, which was meant."""
    return "; ".join(_explain(each, settings) for each in error.errors())


def _explain(detail: ErrorDetails, settings: Collection[str]) -> str:
    name = ".".join(map(str, detail["loc"])) or "settings"
    if detail["type"] != "extra_forbidden":
        return f"{name}: {detail['msg']}"
    return f"{name}: no setting has this name; {_advice(_closest(name, settings))}"


def _closest(name: str, settings: Collection[str]) -> str:
    return next(iter(difflib.get_close_matches(name, settings, n=1)), "")


def _advice(meant: str) -> str:
    return f"did you mean {meant}?" if meant else "see docs/reference.md"
