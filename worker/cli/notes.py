"""`lpwatch notes`: show what is read of a note, and why."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from worker.cli.render import json_option, pack_option, print_json, print_lines
from worker.decode.documents import Extract, kind_of, read_document
from worker.model.errors import ConfigError
from worker.notes.explain import Explained
from worker.notes.lexicon import compile_lexicon
from worker.notes.lexicon_reader import LexiconReader
from worker.notes.reader import UNREAD_REST, NoteDocument, NoteReading
from worker.runtime.packs import read_layers

EPILOG = """\b
Examples:
  lpwatch notes "Denies headache but reports new leg weakness."
  lpwatch notes progress-note.txt --pack ours
  lpwatch notes letter.pdf
  pbpaste | lpwatch notes - --title "Procedure note" --json

Each finding is marked in the text as [number: words]; below stands what is stated of it, the section if it is not plain
text, and why. Nothing is stored, and nothing goes to a log.
"""
STANDARD_INPUT = "-"
_FILE_NAME = re.compile(r"\S+\.[A-Za-z][A-Za-z0-9]{0,4}")


@click.command(name="notes", epilog=EPILOG)
@click.argument("text", metavar="TEXT|FILE|-")
@click.option("--title", default="", help="The document's title; it may name the LP that the note documents.")
@pack_option
@json_option
def notes(*, text: str, title: str, packs: tuple[Path, ...], is_json: bool) -> None:
    """Show a note with its findings marked, and why each was given its status.

    A file may be whatever travels inside messages: text, RTF, HTML, PDF, CDA, MIME. The status is one of present, absent,
    uncertain, resolved, historical, hypothetical, family. Exit code 0, whatever the note says.
    """
    given = _given(text)
    document = NoteDocument("", title, given.text)
    reader = notes_reader(packs)
    reading, explained = reader.read(document), reader.explain(document)
    if is_json:
        print_json({"text": given.text, **_document(reading, explained), "not_read": given.gap or None})
        return
    print_lines(marked(document.text, explained).splitlines())
    print_lines(line for at, one in enumerate(explained, 1) for line in ("", *_lines(at, one)))
    print_lines(_beside(reading, explained))
    print_lines(["", f"Not read: {given.gap}."] if given.gap else [])


def notes_reader(packs: tuple[Path, ...]) -> LexiconReader:
    """Return what reads notes by the phrases of a pack; the rest of the pack is not looked at.

    Raises: PackError with every problem of the phrases.
    """
    return LexiconReader(compile_lexicon(read_layers(packs)))


def marked(text: str, explained: tuple[Explained, ...]) -> str:
    """Write a note with "[1: words]" for the words of each finding; findings in the same words share their brackets."""
    numbers: dict[tuple[int, int], list[int]] = {}
    for at, one in enumerate(explained, 1):
        if one.said.span is not None:
            numbers.setdefault(one.said.span, []).append(at)
    parts, after = [], 0
    for (start, end), own in sorted(numbers.items()):
        if start >= after:
            parts += [text[after:start], f"[{', '.join(map(str, own))}: {text[start:end]}]"]
            after = end
    return "".join([*parts, text[after:]])


def _given(text: str) -> Extract:
    """Return the text that was given, read as a document inside a message is.

    Raises: ConfigError where a file or standard input is no document that can be read.
    """
    if text == STANDARD_INPUT:
        return _read(sys.stdin.buffer.read(), "", "standard input")
    path = Path(text)
    try:
        if path.is_file():
            return _read(path.read_bytes(), path.suffix[1:], text)
    except (
        OSError,
        ValueError,
    ) as error:  # as a file name a note is too long, or has characters that none may have
        if isinstance(error, PermissionError):
            raise ConfigError("cannot be read: permission denied", text) from error
    if _FILE_NAME.fullmatch(text):
        raise click.UsageError(f"no such file: {text}")
    return Extract(text)


def _read(content: bytes, suffix: str, name: str) -> Extract:
    stated = suffix if kind_of(content, suffix) is not None else "text/plain"
    found = read_document(content, stated)
    if found.problem and content.strip():
        raise ConfigError(f"cannot be read: {found.problem}", name)
    return found


def _lines(at: int, one: Explained) -> list[str]:
    said = one.said
    qualifiers = f" ({', '.join(said.qualifiers)})" if said.qualifiers else ""
    section = f', under "{one.heading}" ({one.section})' if one.heading else ""
    first = f"{at}  {one.finding}: {said.status}{qualifiers}{section}"
    return [
        first,
        *(f"   {'because' if not rank else 'also'} {reason}" for rank, reason in enumerate(one.reasons)),
    ]


def _beside(reading: NoteReading, explained: tuple[Explained, ...]) -> list[str]:
    lines = [] if explained else ["", "No finding."]
    puncture = reading.puncture
    if puncture is not None:
        passes = "" if puncture.passes is None else f", attempts: {puncture.passes}"
        trauma = {None: "", True: ", traumatic", False: ", not traumatic"}[puncture.is_traumatic]
        lines += ["", f"Lumbar puncture: {puncture.status}{passes}{trauma}"]
    if reading.is_cut:
        lines += ["", f"Not read: {UNREAD_REST}."]
    return lines


def _document(reading: NoteReading, explained: tuple[Explained, ...]) -> dict[str, object]:
    puncture = reading.puncture
    return {
        "assertions": [
            {
                "finding": one.finding,
                "status": str(one.said.status),
                "qualifiers": list(one.said.qualifiers),
                "section": one.section,
                "heading": one.heading or None,
                "span": list(one.said.span or ()),
                "sentence": one.said.sentence,
                "why": [
                    {"by": why.by, "status": str(why.status), "words": why.words or None}
                    for why in one.reasons
                ],
            }
            for one in explained
        ],
        "puncture": None
        if puncture is None
        else {
            "status": str(puncture.status),
            "attempts": puncture.passes,
            "traumatic": puncture.is_traumatic,
        },
        "is_cut": reading.is_cut,
    }
