"""Check the FHIR server that is told of alerts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import httpx2

from worker.model.errors import ConfigError
from worker.model.time import SECOND_MS
from worker.runtime.clock import Clock
from worker.runtime.doctor.checks import Check, doubtful, of_error, well, wrong
from worker.runtime.doctor.database import compare_clocks
from worker.runtime.settings import Settings
from worker.runtime.settings_given import read_secret
from worker.sinks.fhir import check_base_url, is_in_clear, load_trusted

_ANSWER_S: Final = 10.0
_R4: Final = "4."


def check_fhir_server(settings: Settings, clock: Clock) -> Iterator[Check]:
    """Ask the server for its CapabilityStatement."""
    base = (settings.fhir_out or "").rstrip("/")
    try:
        check_base_url(base, has_token=settings.fhir_out_token_file is not None)
    except ConfigError as error:
        yield of_error("FHIR server", error, "correct fhir_out")
        return
    url = httpx2.URL(base)
    name = f"FHIR server {url.host}"
    if is_in_clear(url):
        yield doubtful(
            f"encryption to {name}",
            "patients' data are sent to it in the clear",
            "write https:// in fhir_out, and give its CA as fhir_out_ca",
        )
    headers = {"Accept": "application/fhir+json"}
    try:
        if settings.fhir_out_token_file is not None:
            token = read_secret(settings.fhir_out_token_file, "fhir_out_token_file").get_secret_value()
            headers["Authorization"] = f"Bearer {token}"
        verify = load_trusted(settings.fhir_out_ca)
    except ConfigError as error:
        yield of_error(name, error)
        return
    try:
        answer = httpx2.get(
            f"{base}/metadata", headers=headers, timeout=_ANSWER_S, verify=verify, trust_env=False
        )
    except httpx2.ConnectError as error:
        if "certificate" in str(error).lower():
            yield wrong(name, "its certificate cannot be verified", "give its CA as fhir_out_ca")
        else:
            yield wrong(name, "it cannot be reached", "start it, or correct fhir_out")
        return
    except (httpx2.HTTPError, httpx2.InvalidURL):
        yield wrong(name, "it does not answer as an HTTP server does", "correct fhir_out")
        return
    yield _judge(name, answer)
    yield from _clock(name, answer.headers.get("Date", ""), clock)


def _clock(name: str, told: str, clock: Clock) -> Iterator[Check]:
    try:
        theirs_s = parsedate_to_datetime(told).astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        return
    # A header's time is cut to the second.
    difference_s = theirs_s + 0.5 - clock.now_ms() / SECOND_MS
    seen_s = difference_s if abs(difference_s) > 1 else 0.0
    yield compare_clocks(f"clock of {name}", seen_s, do_we_rest_on_it=False)


def _judge(name: str, answer: httpx2.Response) -> Check:
    if answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return wrong(
            name, f"it refuses the token ({answer.status_code})", "give a valid one as fhir_out_token_file"
        )
    if answer.status_code != HTTPStatus.OK:
        return wrong(
            name, f"it answers {answer.status_code} to GET metadata", "correct the base URL fhir_out"
        )
    try:
        told = answer.json()
    except ValueError:
        return wrong(name, "it answers, and not with FHIR", "correct the base URL fhir_out")
    version = str(told.get("fhirVersion", "")) if isinstance(told, dict) else ""
    if not version.startswith(_R4):
        return doubtful(
            name, f"it speaks FHIR {version or 'of no version'}; we send R4", "use an R4 endpoint"
        )
    return well(name, f"it answers and speaks FHIR {version}")
