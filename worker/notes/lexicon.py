"""Compile the files of `mappings/notes/` into tables of phrases. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pydantic import BaseModel

from worker.decode.located_yaml import Located, Path, Problems, load_yaml, validate
from worker.model.errors import PackError
from worker.model.fact import AssertionStatus, PunctureStatus
from worker.notes.lexicon_spec import (
    BecomesSpec,
    ContextFile,
    CueSpec,
    FindingFile,
    FindingSpec,
    GroupSpec,
    NearSpec,
    ProcedureFile,
    QualifierSpec,
    ScoreSpec,
    SectionFile,
    SectionKind,
    WordsFile,
    WordsSpec,
)
from worker.notes.phrases import PhraseTable, Sequences, Slots, expand
from worker.notes.spelling import slips

FINDINGS, CONTEXT = "notes/findings.yaml", "notes/context.yaml"
SECTIONS, PROCEDURES, WORDS = "notes/sections.yaml", "notes/procedures.yaml", "notes/words.yaml"

File = TypeVar("File", bound=BaseModel)
Spec = TypeVar("Spec")


_OF_BEFORE = frozenset({"colon", "list", "remark"})
"""Reaches of cues that speak of the sentence before theirs."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A phrase that states a finding; `form` is the key of `FindingSpec` it stands under, `near` its row there."""

    finding: str
    form: str
    near: NearSpec | None = None


@dataclass(frozen=True, slots=True)
class Cue:
    """A phrase that says what a finding's status is.

    Shape: `side` is "before", "after", "not" or "break"; `until` and `unless` are groups, empty for none; `silent_of` are
    findings of which it says nothing.
    """

    side: str
    status: AssertionStatus = AssertionStatus.PRESENT
    reach: str = ""
    until: str = ""
    unless: str = ""
    silent_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """A phrase that qualifies: of a qualifier's row, of its `unless`, of a group, or one that only looks like either."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class SectionForm:
    """What a heading opens; `is_line` where its text ends with its own line, `is_said` where it is read with its text."""

    kind: SectionKind
    is_line: bool = False
    is_said: bool = False


@dataclass(frozen=True, slots=True)
class PunctureForm:
    """A phrase that documents an LP, of a row of the lexicon; `needs_name` where it does not name the LP itself."""

    row: str
    needs_name: bool


@dataclass(frozen=True, slots=True)
class PunctureTables:
    """Phrases that document an LP."""

    names: PhraseTable[str]
    rows: PhraseTable[PunctureForm]
    elsewhere: PhraseTable[str]
    trauma: PhraseTable[bool]
    timed: PhraseTable[str]
    order: tuple[str, ...] = ()
    statuses: Mapping[str, PunctureStatus] = field(default_factory=dict)
    attempt_words: frozenset[str] = frozenset()
    numbers: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All tables of note reading.

    Shape: `statements` holds mentions and cues, which do not overlap; `marks` qualifiers and groups, which may; `headings`
    gives kinds of sections, `turns` what ends those of one line; `after_comma` words that end a denial behind a
    comma, `asserts` those that do so at the end of the part behind it, `ends_advice` those that end advice inside its sentence;
    `openings` are the first words of cues that may speak of the sentence before theirs;
    `of_groups` has the qualifiers that the phrases of a group mean.
    """

    statements: PhraseTable[Mention | Cue]
    marks: PhraseTable[Mark]
    after_comma: PhraseTable[bool]
    asserts: PhraseTable[bool]
    ends_advice: PhraseTable[bool]
    headings: PhraseTable[SectionForm]
    turns: PhraseTable[bool]
    punctures: PunctureTables
    qualifiers: Mapping[str, QualifierSpec] = field(default_factory=dict)
    of_groups: Mapping[str, Sequence[QualifierSpec]] = field(default_factory=dict)
    becomes: Mapping[str, BecomesSpec] = field(default_factory=dict)
    scores: ScoreSpec | None = None
    findings: frozenset[str] = frozenset()
    openings: frozenset[str] = frozenset()
    misspelt: Mapping[str, str] = field(default_factory=dict)


def parse_lexicon(files: Mapping[str, str]) -> Lexicon:
    """Compile one layer of files `{path: text}`; files outside `notes/` are left alone.

    Raises: PackError with all problems, one line each: "file:line:column: message".
    """
    return compile_lexicon((files,))


def compile_lexicon(layers: Sequence[Mapping[str, str]]) -> Lexicon:
    """Compile layers of files; an entry of a later layer replaces that of the same id, `disabled: true` removes it.

    Raises: PackError as `parse_lexicon`.
    """
    problems = Problems()
    tables = _Tables(problems)
    for layer in layers:
        tables.read(layer)
    lexicon = tables.compile()
    problems.raise_if_any()
    return lexicon


def _speaks_of_before(meaning: Mention | Cue) -> bool:
    return isinstance(meaning, Cue) and meaning.reach in _OF_BEFORE


@dataclass(frozen=True, slots=True)
class _Placed(Generic[Spec]):
    spec: Spec
    located: Located
    path: Path


class _Tables:
    """Collect entries by id, then fill the tables."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._words: dict[str, _Placed[WordsSpec]] = {}
        self._slots = Slots()
        self._misspelt: tuple[str, ...] = ()
        self._findings: dict[str, _Placed[FindingSpec]] = {}
        self._cues: dict[str, _Placed[CueSpec]] = {}
        self._groups: dict[str, _Placed[GroupSpec]] = {}
        self._qualifiers: dict[str, _Placed[QualifierSpec]] = {}
        self._context: list[_Placed[ContextFile]] = []
        self._sections: list[_Placed[SectionFile]] = []
        self._procedures: _Placed[ProcedureFile] | None = None

    def read(self, layer: Mapping[str, str]) -> None:
        words = self._parse(WordsFile, WORDS, layer)
        if words is not None:
            self._put(self._words, words.spec.words, words.located, "words")
            self._misspelt += words.spec.misspelt
        findings = self._parse(FindingFile, FINDINGS, layer)
        if findings is not None:
            self._put(self._findings, findings.spec.findings, findings.located, "findings")
        context = self._parse(ContextFile, CONTEXT, layer)
        if context is not None:
            self._context.append(context)
            self._put(self._cues, context.spec.cues, context.located, "cues")
            self._put(self._groups, context.spec.groups, context.located, "groups")
            self._put(self._qualifiers, context.spec.qualifiers, context.located, "qualifiers")
        sections = self._parse(SectionFile, SECTIONS, layer)
        if sections is not None:
            self._sections.append(sections)
        self._procedures = self._parse(ProcedureFile, PROCEDURES, layer) or self._procedures

    def _parse(self, model: type[File], path: str, layer: Mapping[str, str]) -> _Placed[File] | None:
        if path not in layer:
            return None
        try:
            located = load_yaml(layer[path], path)
            return _Placed(validate(model, located), located, ())
        except PackError as error:
            self._problems.collect(error)
            return None

    def _put(
        self, table: dict[str, _Placed[Spec]], specs: Iterable[Spec], located: Located, key: str
    ) -> None:
        seen: set[str] = set()
        for at, spec in enumerate(specs):
            name = str(getattr(spec, "id", ""))
            if name in seen:
                self._problems.add(located.place((key, at, "id")), f"'{name}' stands twice; remove one")
            seen.add(name)
            table[name] = _Placed(spec, located, (key, at))
            if getattr(spec, "disabled", False):
                del table[name]

    def compile(self) -> Lexicon:
        self._fill_classes()
        statements: PhraseTable[Mention | Cue] = PhraseTable(self._slots)
        marks: PhraseTable[Mark] = PhraseTable(self._slots)
        self._fill_findings(statements)
        self._fill_cues(statements)
        self._fill_marks(marks)
        after_comma: PhraseTable[bool] = PhraseTable(self._slots)
        asserts: PhraseTable[bool] = PhraseTable(self._slots)
        ends_advice: PhraseTable[bool] = PhraseTable(self._slots)
        headings: PhraseTable[SectionForm] = PhraseTable(self._slots)
        turns: PhraseTable[bool] = PhraseTable(self._slots)
        for context in self._context:
            self._add(statements, context, ("breaks",), context.spec.breaks, Cue("break"))
            self._add(after_comma, context, ("after_comma",), context.spec.after_comma, meaning=True)
            self._add(asserts, context, ("asserts",), context.spec.asserts, meaning=True)
            self._add(ends_advice, context, ("ends_advice",), context.spec.ends_advice, meaning=True)
        for sections in self._sections:
            for at, section in enumerate(sections.spec.sections):
                form = SectionForm(section.kind, section.extent == "line", section.is_said)
                self._add(headings, sections, ("sections", at, "headings"), section.headings, form)
            self._add(turns, sections, ("turns",), sections.spec.turns, meaning=True)
        specs = [placed.spec for placed in self._findings.values()]
        return Lexicon(
            statements=statements,
            marks=marks,
            after_comma=after_comma,
            asserts=asserts,
            ends_advice=ends_advice,
            headings=headings,
            turns=turns,
            punctures=self._puncture_tables(),
            qualifiers={name: placed.spec for name, placed in self._qualifiers.items()},
            of_groups=self._of_groups(),
            becomes={spec.id: spec.becomes for spec in specs if spec.becomes is not None},
            scores=next((placed.spec.scores for placed in self._context[::-1] if placed.spec.scores), None),
            findings=frozenset(self._findings),
            openings=statements.beginnings(_speaks_of_before),
            misspelt=slips(self._misspelt, self._slots.words()),
        )

    def _of_groups(self) -> dict[str, list[QualifierSpec]]:
        by_group: dict[str, list[QualifierSpec]] = {}
        for placed in self._qualifiers.values():
            if placed.spec.group is not None:
                by_group.setdefault(placed.spec.group, []).append(placed.spec)
        return by_group

    def _fill_classes(self) -> None:
        """Write the classes of words out; they may not name each other, so none is known yet."""
        written: dict[str, Sequences] = {}
        for name, placed in self._words.items():
            sequences: list[tuple[str, ...]] = []
            for at, phrase in enumerate(placed.spec.any_):
                try:
                    sequences.extend(expand(phrase))
                except ValueError as error:
                    place = placed.located.place((*placed.path, "any", at))
                    self._problems.add(place, f"phrase '{phrase}' {error}")
            written[name] = tuple(sequences)
        self._slots = Slots(written)

    def _fill_findings(self, table: PhraseTable[Mention | Cue]) -> None:
        for name, placed in self._findings.items():
            spec = placed.spec
            forms = {
                "phrases": spec.phrases,
                "denied": spec.denied,
                "normal": spec.normal,
                "gone": spec.gone,
            }
            for form, phrases in forms.items():
                self._add(table, placed, (form,), phrases, Mention(name, form))
            for at, near in enumerate(spec.nears):
                path = ("near", at) if isinstance(spec.near, tuple) else ("near",)
                self._add(table, placed, (*path, "phrases"), near.phrases, Mention(name, "near", near))
                self._refer(placed, (*path, "group"), near.group, self._groups, "group")
                if near.unless is not None:
                    self._refer(placed, (*path, "unless"), near.unless, self._groups, "group")
            self._add(table, placed, ("not",), spec.not_, Cue("not"))
            if spec.becomes is not None:
                self._refer(placed, ("becomes", "finding"), spec.becomes.finding, self._findings, "finding")
                for key in ("with", "unless", "remark"):
                    self._refer_becomes(placed, spec.becomes, key)

    def _refer_becomes(self, placed: _Placed[FindingSpec], becomes: BecomesSpec, key: str) -> None:
        group = {"with": becomes.with_, "unless": becomes.unless, "remark": becomes.remark}[key]
        if group is not None:
            self._refer(placed, ("becomes", key), group, self._groups, "group")

    def _fill_cues(self, table: PhraseTable[Mention | Cue]) -> None:
        for placed in self._cues.values():
            spec = placed.spec
            status = AssertionStatus(spec.status)
            until, unless = spec.until or "", spec.unless or ""
            for side, phrases in {"before": spec.before, "after": spec.after}.items():
                cue = Cue(side, status, spec.reach, until, unless, spec.except_)
                self._add(table, placed, (side,), phrases, cue)
            for at, finding in enumerate(spec.except_):
                self._refer(placed, ("except", at), finding, self._findings, "finding")
            for key, group in {"until": until, "unless": unless}.items():
                if group:
                    self._refer(placed, (key,), group, self._groups, "group")
            self._add(table, placed, ("not",), spec.not_, Cue("not"))

    def _fill_marks(self, table: PhraseTable[Mark]) -> None:
        for name, group in self._groups.items():
            self._add(table, group, ("phrases",), group.spec.phrases, Mark("group", name))
            self._add(table, group, ("not",), group.spec.not_, Mark("not", name))
        for name, placed in self._qualifiers.items():
            spec = placed.spec
            self._add(table, placed, ("phrases",), spec.phrases, Mark("qualifier", name))
            self._add(table, placed, ("unless",), spec.unless, Mark("unless", name))
            self._add(table, placed, ("not",), spec.not_, Mark("not", name))
            if spec.group is not None:
                self._refer(placed, ("group",), spec.group, self._groups, "group")
            for at, finding in enumerate(spec.of):
                self._refer(placed, ("of", at), finding, self._findings, "finding")

    def _puncture_tables(self) -> PunctureTables:
        slots = self._slots
        tables = PunctureTables(
            PhraseTable(slots), PhraseTable(slots), PhraseTable(slots), PhraseTable(slots), PhraseTable(slots)
        )
        placed = self._procedures
        if placed is None:
            return tables
        spec = placed.spec
        self._add(tables.names, placed, ("names",), spec.names, "lp")
        self._add(tables.elsewhere, placed, ("elsewhere",), spec.elsewhere, "elsewhere")
        self._add(tables.timed, placed, ("timed",), spec.timed, "timed")
        self._add(tables.trauma, placed, ("traumatic",), spec.traumatic, meaning=True)
        self._add(tables.trauma, placed, ("not_traumatic",), spec.not_traumatic, meaning=False)
        for at, row in enumerate(spec.rows):
            anywhere, joined = PunctureForm(row.id, needs_name=True), PunctureForm(row.id, needs_name=False)
            self._add(tables.rows, placed, ("rows", at, "anywhere"), row.anywhere, anywhere)
            self._add(tables.rows, placed, ("rows", at, "joined"), row.joined, joined)
        return PunctureTables(
            names=tables.names,
            rows=tables.rows,
            elsewhere=tables.elsewhere,
            trauma=tables.trauma,
            timed=tables.timed,
            order=tuple(row.id for row in spec.rows),
            statuses={row.id: PunctureStatus(row.status) for row in spec.rows},
            attempt_words=frozenset(spec.attempt_words),
            numbers=spec.numbers,
        )

    def _add(
        self,
        table: PhraseTable[Spec],
        placed: _Placed[File],
        path: Path,
        phrases: Iterable[str],
        meaning: Spec,
    ) -> None:
        for at, phrase in enumerate(phrases):
            try:
                table.add(phrase, meaning)
            except ValueError as error:
                place = placed.located.place((*placed.path, *path, at))
                self._problems.add(place, f"phrase '{phrase}' {error}")

    def _refer(
        self,
        placed: _Placed[File],
        path: Path,
        name: str,
        table: Mapping[str, object],
        what: str,
    ) -> None:
        if name not in table:
            place = placed.located.place((*placed.path, *path))
            self._problems.add(place, f"{what} '{name}' is not in the lexicon")
