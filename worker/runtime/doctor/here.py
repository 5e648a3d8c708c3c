"""Check what is on this machine: the data folder, listeners, certificates, secrets, packs, the time."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import tempfile
import zoneinfo
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx2

from worker.model.errors import ConfigError, LpwatchError, PackError
from worker.model.time import DAY_MS, EpochMs, to_rfc3339
from worker.runtime.bootstrap import locked
from worker.runtime.doctor.checks import Check, doubtful, guarded, of_error, well, wrong
from worker.runtime.offline import load_pack
from worker.runtime.role_settings import USES, Role
from worker.runtime.settings import Address, Settings
from worker.runtime.settings_given import read_secret
from worker.sources.addresses import write_address
from worker.sources.certificates import validity
from worker.sources.tls import TlsFiles, check_listener, load_tls

_GIB: Final = 1024**3
_LITTLE: Final = 5 * _GIB
_TOO_LITTLE: Final = _GIB // 4
_SOON_MS: Final = 30 * DAY_MS
_ANSWER_S: Final = 3.0
_OURS: Final = "lpwatch_"
_ZONES: Final = ("Europe/Berlin", "America/New_York")


def check_folder(settings: Settings) -> Iterator[Check]:
    """Look at the data folder of `run`."""
    folder = settings.folder
    name = f"data folder {folder}"
    if folder.exists() and not folder.is_dir():
        yield wrong(name, "it is no folder", "give another path as data")
        return
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.is_dir())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        reason = error.strerror or "unknown"
        yield wrong(
            name, f"it cannot be written ({reason})", "give the user that runs lpwatch the right to write"
        )
        return
    free = shutil.disk_usage(there).free
    said = f"{free / _GIB:.1f} GiB are free"
    if free < _TOO_LITTLE:
        yield wrong(name, said, "make room: messages are refused where none can be stored")
    elif free < _LITTLE:
        yield doubtful(name, said, "make room before messages are refused")
    else:
        yield well(name, f"it can be written, {said}" if folder.is_dir() else f"it will be made, {said}")


def is_running(settings: Settings, role: Role) -> bool | None:
    """Tell whether a role with these settings runs here now; None where nobody can tell."""
    if role is Role.RUN and settings.data is not None:
        return _holds_folder(settings.data)
    if _is_ready(settings):
        return True
    if settings.http is not None and settings.http.port:
        return _answers(settings.http)
    return None


def _holds_folder(folder: Path) -> bool:
    if not (folder / "lock").exists():
        return False
    try:
        with locked(folder):
            return False
    except ConfigError:
        return True


def _is_ready(settings: Settings) -> bool:
    """Tell whether the process that wrote the ready file is still there."""
    if settings.ready_file is None:
        return False
    try:
        told = json.loads(settings.ready_file.read_bytes())
        os.kill(int(told["pid"]), 0)
    except PermissionError:
        return True
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True


def _answers(address: Address) -> bool:
    """Tell whether lpwatch shows its health pages here; those of others have not our metrics."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104  where others listen
    url = f"http://{write_address(host, address.port)}/metrics"
    try:
        return _OURS in httpx2.get(url, timeout=_ANSWER_S, trust_env=False).text
    except (httpx2.HTTPError, httpx2.InvalidURL):
        return False


def check_listeners(settings: Settings, role: Role, running: bool | None) -> Iterator[Check]:  # noqa: FBT001  an answer
    """See whether the addresses can be listened on, safely.

    Shape: `running` tells whether the role runs here, None where nobody can tell.
    """
    for name in ("mllp", "fhir", "http"):
        address: Address | None = getattr(settings, name)
        if name not in USES[role] or address is None:
            continue
        title = f"listener {name} {write_address(address.host, address.port)}"
        try:
            _check_safety(settings, name, address)
        except ConfigError as error:
            yield of_error(title, error)
            continue
        yield _listening(title, name, address, running)


def _check_safety(settings: Settings, name: str, address: Address) -> None:
    allow_insecure = bool(getattr(settings, f"{name}_allow_insecure"))
    has_tls = name != "http"
    tls = _tls_of(settings, name) if has_tls else None
    has_tokens = settings.fhir_token_file is not None if name == "fhir" else None
    check_listener(
        name, address.host, tls, allow_insecure=allow_insecure, has_tls=has_tls, has_tokens=has_tokens
    )


def _listening(title: str, name: str, address: Address, running: bool | None) -> Check:  # noqa: FBT001  see above
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address.host, address.port))
            listener.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            if running:
                return well(title, "it is in use, and lpwatch runs here")
            say, doubt = (wrong, "") if running is False else (doubtful, ", or this role runs")
            return say(
                title,
                f"another program listens here already{doubt}",
                f"stop that program, or choose another address for {name}",
            )
        if error.errno in {errno.EACCES, errno.EPERM}:
            return wrong(title, "this user may not listen here", "choose a port above 1023")
        return wrong(title, "this machine has no such address", f"choose another address for {name}")
    return well(title, "it is free")


def check_certificates(settings: Settings, role: Role, now_ms: EpochMs) -> Iterator[Check]:
    """Read each certificate that a role uses: whether key and certificate match, and for how long it is valid."""
    for name in ("mllp", "fhir"):
        tls = _tls_of(settings, name)
        if f"{name}_cert" not in USES[role] or tls is None:
            continue
        title = f"certificate of {name}"
        try:
            load_tls(tls)
        except ConfigError as error:
            yield of_error(title, error, f"give {name}_cert and {name}_key as PEM files that belong together")
            continue
        yield from _valid(title, tls.certificate, now_ms)
        if tls.client_ca is not None:
            yield from _valid(f"client CA of {name}", tls.client_ca, now_ms)
    if "kafka_cert" in USES[role] and settings.kafka_security_protocol.endswith("SSL"):
        for title, path in (
            ("certificate of kafka_cert", settings.kafka_cert),
            ("CA of kafka_ca", settings.kafka_ca),
        ):
            if path is not None:
                yield from _valid(title, path, now_ms)


def _tls_of(settings: Settings, name: str) -> TlsFiles | None:
    certificate: Path | None = getattr(settings, f"{name}_cert")
    key: Path | None = getattr(settings, f"{name}_key")
    if certificate is None or key is None:
        return None
    return TlsFiles(certificate, key, getattr(settings, f"{name}_client_ca"))


def _valid(title: str, path: Path, now_ms: EpochMs) -> Iterator[Check]:
    try:
        found = validity(path)
    except ConfigError as error:
        yield of_error(title, error)
        return
    until = to_rfc3339(found.until_ms)
    if found.until_ms <= now_ms:
        yield wrong(title, f"it expired at {until}", "renew it")
    elif found.from_ms > now_ms:
        begin = to_rfc3339(found.from_ms)
        yield wrong(title, f"it is valid only from {begin} on", "look at this machine's clock, or wait")
    elif found.until_ms - now_ms < _SOON_MS:
        days = (found.until_ms - now_ms) // DAY_MS
        yield doubtful(title, f"it expires in {days} days, at {until}", "renew it")
    else:
        yield well(title, f"it is valid until {until}")


def check_secrets(settings: Settings, role: Role) -> Iterator[Check]:
    """Read each file of a secret that a role uses, and see who else may."""
    for name in USES[role]:
        if not name.endswith("_file") or name == "ready_file":
            continue
        path: Path | None = getattr(settings, name)
        if path is None:
            continue
        try:
            read_secret(path, name)
        except ConfigError as error:
            yield of_error(f"secret {name}", error, "write it, readable for the user that runs lpwatch")
            continue
        found = path.stat()
        if found.st_mode & 0o004:
            step = f"chmod o-rwx {path}"
            if not _may_read_alone(found):
                step = f"first make the user that runs lpwatch its owner, or one of its group; then {step}"
            yield doubtful(f"secret {name}", "every user of this machine may read it", step)
        else:
            yield well(f"secret {name}", "it can be read")


def _may_read_alone(found: os.stat_result) -> bool:
    """Tell whether this user may still read a file once all others may not."""
    if os.geteuid() in {0, found.st_uid}:
        return True
    return found.st_gid in {os.getegid(), *os.getgroups()} and bool(found.st_mode & 0o040)


def check_pack(settings: Settings) -> Iterator[Check]:
    """Compile the packs."""
    name = "pack"
    command = "lpwatch lint" + "".join(f" --pack {folder}" for folder in settings.pack)
    try:
        pack = load_pack(settings.pack)
    except PackError as error:
        lines = str(error).splitlines()
        yield wrong(name, f"{len(lines)} problems; the first: {lines[0]}", f"run: {command}")
        return
    except LpwatchError as error:
        yield of_error(name, error)
        return
    yield well(
        name, f"{len(pack.rules.rules)} rules, {len(pack.mapping.feeds)} feeds, digest {pack.digest[:12]}"
    )


def check_zones() -> Iterator[Check]:
    """See whether there is time zone data: feeds state their times without an offset."""
    try:
        for zone in _ZONES:
            zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, OSError):
        yield wrong("time zones", "there is no time zone data", "install the package tzdata")
        return
    yield well("time zones", "time zone data is there")


def checks_here(settings: Settings, role: Role, now_ms: EpochMs) -> Iterator[Check]:
    """Run all checks of this machine that concern a role."""
    if role is Role.RUN:
        yield from guarded("data folder", lambda: check_folder(settings))
    yield from check_listeners(settings, role, is_running(settings, role))
    yield from check_certificates(settings, role, now_ms)
    yield from check_secrets(settings, role)
    if "pack" in USES[role]:
        yield from check_pack(settings)
    yield from check_zones()
