"""Build what listens for messages: MLLP, and FHIR over HTTP; `run` and `gateway` have it in common."""

from __future__ import annotations

from pathlib import Path

from worker.runtime.clock import WallClock
from worker.runtime.metrics import Metrics
from worker.runtime.settings import Address, Settings
from worker.sources.group_commit import GroupCommit, Intake
from worker.sources.http import NOT_HTTP, FhirLimits, FhirReceiver
from worker.sources.http_server import HttpListener, HttpServer
from worker.sources.mllp import MllpListener, MllpServer
from worker.sources.mllp_connection import MllpLimits
from worker.sources.reception import Reception, Server
from worker.sources.tls import TlsFiles
from worker.sources.tokens import TokenFile


def build_reception(settings: Settings, intake: Intake, metrics: Metrics) -> Reception:
    """Build the listeners that the settings name, all of them writing to one intake in one thread.

    Raises: ConfigError where the tokens cannot be read.
    """
    commit = GroupCommit(intake)
    servers: dict[str, Server] = {}
    if settings.mllp is not None:
        servers["mllp"] = _mllp(settings, settings.mllp, commit, metrics)
    if settings.fhir is not None:
        servers["fhir"] = _fhir(settings, settings.fhir, commit, metrics)
    return Reception(commit, servers)


def _mllp(settings: Settings, address: Address, commit: GroupCommit, metrics: Metrics) -> MllpServer:
    limits = MllpLimits(
        max_connections=settings.mllp_max_connections,
        max_frame=settings.mllp_max_frame_bytes,
        max_buffered=settings.mllp_max_buffered_bytes,
        idle_s=settings.mllp_idle_seconds,
    )
    listener = MllpListener(
        address.host,
        address.port,
        _tls(settings.mllp_cert, settings.mllp_key, settings.mllp_client_ca),
        allow_insecure=settings.mllp_allow_insecure,
        limits=limits,
    )
    return MllpServer(listener, commit, metrics, WallClock().now_ms)


def _fhir(settings: Settings, address: Address, commit: GroupCommit, metrics: Metrics) -> HttpServer:
    file = settings.fhir_token_file
    tokens = None if file is None else TokenFile(file)
    listener = HttpListener(
        "fhir",
        address.host,
        address.port,
        _tls(settings.fhir_cert, settings.fhir_key, settings.fhir_client_ca),
        has_tokens=tokens is not None,
        allow_insecure=settings.fhir_allow_insecure,
    )
    now_ms = WallClock().now_ms
    limits = FhirLimits.of(settings.fhir_max_body_bytes)
    receiver = FhirReceiver(commit, tokens, limits, metrics.fhir, now_ms)
    return HttpServer(listener, receiver, now_ms, metrics.fhir, NOT_HTTP)


def _tls(certificate: Path | None, key: Path | None, client_ca: Path | None) -> TlsFiles | None:
    if certificate is None or key is None:
        return None
    return TlsFiles(certificate, key, client_ca)
