"""`lpwatch simulate`: messages of a synthetic hospital, and what is true of its patients."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from worker.model.message import Form
from worker.simulate.cohort.live import live_mixed, live_planted
from worker.simulate.cohort.rates import KNOWN, cohort_rates
from worker.simulate.fhir_client import FhirClient
from worker.simulate.hospital.course import live
from worker.simulate.hospital.files import Summary, count, form_of_file, write_files
from worker.simulate.hospital.quirks import QUIRKS, parse_quirks
from worker.simulate.hospital.rates import CHOSEN, PUBLISHED, Rate, Rates
from worker.simulate.hospital.ward import Hospital, Settings
from worker.simulate.mllp_client import MllpClient

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from worker.simulate.happenings import Written
    from worker.simulate.sending import Client

COHORTS = {"ward": live, "mixed": live_mixed, "planted": live_planted}
FORMS = {"hl7": Form.HL7V2, "fhir": Form.FHIR}
EPILOG = """\b
Examples:
  lpwatch simulate --seed 7 --patients 200 --out ward/
  lpwatch simulate --seed 7 --patients 200 --form both --out ward/
  lpwatch simulate --seed 7 --patients 20 --form fhir --out ward.ndjson.gz
  lpwatch simulate --seed 7 --messages 100000 --out load.mllp.gz --quirks none
  lpwatch simulate --seed 7 --patients 2000 --cohort mixed --out cohort/
  lpwatch simulate --seed 7 --patients 20 --mllp 127.0.0.1:2575 --quirks all,merge=0.5
  lpwatch simulate --seed 7 --patients 20 --form fhir --fhir http://127.0.0.1:8090/fhir
"""


def _listed_quirks() -> str:
    return "\n".join(f"  {name} ({quirk.rate:g}) {quirk.what}" for name, quirk in QUIRKS.items())


def _listed_rates(named: Mapping[str, Rate]) -> str:
    return "\n".join(f"  {name} ({rate.probability:g}) {rate.source}" for name, rate in named.items())


@click.command(name="simulate", epilog=EPILOG)
@click.option("--seed", type=int, default=1, show_default=True, help="Equal seeds give equal bytes.")
@click.option("--patients", type=click.IntRange(min=1), help="Stop after this many patients (default 50).")
@click.option("--messages", type=click.IntRange(min=1), help="Stop after this many messages.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder, or a file that ends with .hl7, .mllp or .ndjson (or .gz after it); the truth goes beside as truth.ndjson.",
)
@click.option("--mllp", metavar="HOST:PORT", help="Send over MLLP, waiting for acknowledgements.")
@click.option("--fhir", metavar="URL", help="Post FHIR documents to this base URL, waiting for answers.")
@click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="File of the bearer token to show with --fhir, on its first line.",
)
@click.option(
    "--quirks", default="all", show_default=True, help="all, none, or name=rate,...; --list shows them."
)
@click.option(
    "--rates", default="", help="Set rates of complications otherwise: name=rate,...; --list shows them."
)
@click.option(
    "--form",
    type=click.Choice(["hl7", "fhir", "both"]),
    default="hl7",
    show_default=True,
    help="HL7 v2 messages, FHIR R4 documents one in each line, or the same happenings as both.",
)
@click.option(
    "--cohort",
    type=click.Choice(sorted(COHORTS)),
    default="ward",
    show_default=True,
    help="ward: one ward with some LPs; mixed: LPs of seven settings; planted: one complication of each kind by turns.",
)
@click.option("--list", "is_list", is_flag=True, help="List quirks and rates with their sources, and stop.")
@click.option("--json", "is_json", is_flag=True, help="Print the summary as JSON.")
def simulate(
    *,
    seed: int,
    patients: int | None,
    messages: int | None,
    out: Path | None,
    mllp: str | None,
    fhir: str | None,
    token_file: Path | None,
    quirks: str,
    rates: str,
    form: str,
    cohort: str,
    is_list: bool,
    is_json: bool,
) -> None:
    """Write the messages of a made-up hospital, with the bad habits of real interfaces.

    Nobody in it is real. The truth (who had an LP, which complications were planted, which alerts they must give, and
    what must stay silent) is written beside the messages.
    """
    if is_list:
        known = {**PUBLISHED, **CHOSEN} if cohort == "ward" else KNOWN
        click.echo(f"Quirks (usual rate):\n{_listed_quirks()}\n\nRates:\n{_listed_rates(known)}")
        return
    _refuse_contradictions(form, out, (mllp, fhir), messages)
    if patients is None and messages is None:
        patients = 50
    try:
        habits = parse_quirks(quirks)
        settings = Settings(seed, patients, messages, habits, _rates(cohort, rates), live=COHORTS[cohort])
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if mllp is not None:
        with MllpClient(*_address(mllp)) as client:
            _send(settings, out, client, is_json=is_json)
        return
    if fhir is not None:
        with _fhir_client(fhir, token_file) as fhir_client:
            _send(replace(settings, form=Form.FHIR), out, fhir_client, is_json=is_json)
        return
    summaries = {}
    for name in ("hl7", "fhir") if form == "both" else (form,):
        hospital = Hospital(replace(settings, form=FORMS[name]))
        summaries[name] = _make(hospital, hospital.messages(), out, settings)
    _tell(summaries, is_json=is_json)


def _refuse_contradictions(
    form: str, out: Path | None, clients: tuple[str | None, str | None], messages: int | None
) -> None:
    mllp, fhir = clients
    if out is None and mllp is None and fhir is None:
        raise click.UsageError("say where the messages go: --out, --mllp or --fhir")
    if mllp is not None and form != "hl7":
        raise click.UsageError("MLLP carries HL7 v2: --mllp goes with --form hl7; send FHIR with --fhir")
    if fhir is not None and form != "fhir":
        raise click.UsageError("--fhir goes with --form fhir")
    if form == "both" and messages is not None:
        raise click.UsageError("the two forms have different numbers of messages: give --patients instead")
    named = None if out is None else form_of_file(out)
    if named is not None and form == "both":
        raise click.UsageError("two forms need a folder: --out ward/")
    if named is not None and named is not FORMS[form]:
        raise click.UsageError(f"the name of --out is not that of a file of --form {form}")


def _send(settings: Settings, out: Path | None, client: Client, *, is_json: bool) -> None:
    hospital = Hospital(settings)
    summary = _make(hospital, _passed_on(hospital.messages(), client), out, settings)
    name = next(name for name, form in FORMS.items() if form is settings.form)
    _tell({name: summary}, client.sent.accepted, is_json=is_json)
    if client.sent.accepted < summary.messages:
        raise SystemExit(1)


def _fhir_client(url: str, token_file: Path | None) -> FhirClient:
    lines = [] if token_file is None else token_file.read_text(encoding="utf-8").split()
    try:
        return FhirClient(url, next(iter(lines), ""))
    except ValueError as error:
        raise click.UsageError(f"--fhir: {error}") from error


def _rates(cohort: str, text: str) -> Rates:
    overrides = _parse_rates(text)
    return Rates(overrides) if cohort == "ward" else cohort_rates(overrides)


def _parse_rates(text: str) -> dict[str, float]:
    found = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, number = part.partition("=")
        try:
            found[name] = float(number)
        except ValueError:
            raise ValueError(f"rate '{name}' needs a number, as in {name}=0.1") from None
    return found


def _passed_on(messages: Iterable[Written], client: Client) -> Iterator[Written]:
    for written in messages:
        client.send(written.body)
        yield written
    client.drain()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise click.UsageError("--mllp takes HOST:PORT, as in 127.0.0.1:2575")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _make(hospital: Hospital, messages: Iterable[Written], out: Path | None, settings: Settings) -> Summary:
    if out is None:
        return count(hospital, messages)
    return write_files(hospital, messages, out, settings.habits["batch"], settings.seed)


def _tell(summaries: Mapping[str, Summary], accepted: int | None = None, *, is_json: bool) -> None:
    """Tell what was made; of two forms each, as JSON by the name of the form."""
    if is_json:
        counts = {name: asdict(summary) for name, summary in summaries.items()}
        told = counts if len(counts) > 1 else next(iter(counts.values()))
        click.echo(json.dumps(told | ({} if accepted is None else {"accepted": accepted})))
        return
    for name, summary in summaries.items():
        what = {"hl7": "messages", "fhir": "FHIR documents"}[name]
        click.echo(
            f"{summary.messages} {what} of {summary.patients} patients, {summary.punctures} lumbar punctures, "
            f"{summary.planted} planted alerts"
        )
    if accepted is not None:
        click.echo(f"{accepted} messages accepted")
