"""Follow clauses with what r can be at each place, and tell where nothing is left. Pure: no I/O, no clock.

What cannot be known from the files (how often a value is charted, which LPs form a series) never excludes anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from worker.decode.located_yaml import PackModel, Problems
from worker.rules.bounds import FOREVER_MS, span_of, window_of
from worker.rules.clauses import RELATIONS, Bounds, EpisodeClause, ReadingClause
from worker.rules.library import FINDING, Scope, Uses
from worker.rules.params import DURATIONS_MS
from worker.rules.reach import ANY, Domain, narrow_age, narrow_value, relations

if TYPE_CHECKING:
    from worker.decode.located_yaml import Path
    from worker.rules.clauses import CountSpec, EarlierSpec, FindingSpec, NearSpec, ReadingSpec, WindowSpec
    from worker.rules.spec import DefinitionSpec

Domains: TypeAlias = tuple[Domain, ...]
"""What r can be; the domains of several readings where r may be a hit of any of them. Empty: it can be nothing."""

_NEVER = "can never hold here"
_WHY = {
    "since_lp": "the window excludes this time",
    "since_series": "the window excludes this time",
    "concept": "the rule rests on no such fact here",
    "asserted": "no statement of this status comes here",
    "with": "the finding excludes these qualifiers",
    "without": "nothing is left",
    "age": "no age is left",
}
"""Keys that narrow what r can be, and what is told where they leave nothing."""


@dataclass(slots=True)
class Walk:
    """Follow the clauses of one file.

    Shape: `window` is the rule's, None in a definition; `hits` the domains of the readings on which the rule rests;
    `is_negated` inside a `not`, whose readings are no hits.
    """

    scope: Scope
    window: WindowSpec | None = None
    hits: list[Domain] = field(default_factory=list)
    is_negated: bool = False

    def episode(self, clause: EpisodeClause, path: Path, domain: Domain) -> Domain:
        """Follow a clause about the LP; gives what it leaves of the patient's age."""
        for name, value in _stated(clause):
            domain = self._episode_key(name, value, (*path, name), domain)
        return domain

    def _episode_key(self, name: str, value: Any, path: Path, domain: Domain) -> Domain:  # noqa: ANN401 - each key its own
        self._check_bounds(value, path)
        match name:
            case "all":
                for at, part in enumerate(value):
                    domain = self.episode(part, (*path, at), domain)
            case "any":
                ages = [self.episode(part, (*path, at), domain).age for at, part in enumerate(value)]
                domain = replace(
                    domain, age=domain.age.meet(min(a.low for a in ages), max(a.high for a in ages))
                )
            case "not":
                before, self.is_negated = self.is_negated, True
                self.episode(value, path, domain)
                self.is_negated = before
            case "age":
                (domain,) = self._narrowed("age", value, path, (domain,)) or (domain,)
            case "is":
                domain = self._episode_definition(value, path, domain)
            case _:
                self._facts(name, value, path, domain)
        return domain

    def _facts(self, name: str, value: Any, path: Path, domain: Domain) -> None:  # noqa: ANN401 - see above
        """Follow a key that asks for facts, and note what it rests on."""
        match name:
            case "reading" | "finding" | "count":
                self._hits(name, value, path, domain)
            case "active_drug":
                lacks = frozenset(value.without)
                self._note_hit(Domain(self._concepts(value.of), lacks=lacks, age=domain.age))
            case "puncture":
                self._note_hit(Domain(frozenset({"lumbar-puncture"}), age=domain.age))
            case "missing":
                self._missing(value, path, domain)
            case _:
                pass

    def _note_hit(self, *domains: Domain) -> None:
        if not self.is_negated:
            self.hits.extend(domains)

    def _episode_definition(self, name: str, path: Path, domain: Domain) -> Domain:
        opened = self._opened(name)
        if opened is None:
            return domain
        spec, walk, start = opened
        left = walk.episode(spec.where, start, domain)
        self._note_hit(*walk.hits)
        self._tell(walk, name, path)
        return left

    def _hits(
        self, name: str, spec: ReadingSpec | FindingSpec | CountSpec, path: Path, domain: Domain
    ) -> None:
        start = self._in_window(spec.window, path, domain.of(self._concepts(spec.of)))
        if name == "finding":
            start = self._statement(spec, path, start)  # type: ignore[arg-type] # its own key
        left: Domains = (start,)
        if spec.where is not None:
            left = self.reading(spec.where, (*path, "where"), left)
        if name == "count":
            self._count(spec, path, start)  # type: ignore[arg-type] # its own key
        self._note_hit(*left)

    def _in_window(self, own: WindowSpec | None, path: Path, domain: Domain) -> Domain:
        spec = self.window if own is None else own
        if spec is None:
            return domain
        window = window_of(spec, (*path, "window") if own is not None else ("window",), self._quiet())
        found = domain.inside(window)
        return domain if found.is_empty else found

    def _statement(self, spec: FindingSpec, path: Path, domain: Domain) -> Domain:
        if spec.with_ and set(spec.with_) <= set(spec.without):
            self._problem((*path, "with"), f"{_NEVER}: `without` excludes the same qualifiers")
        return replace(domain, statuses=frozenset(spec.status), lacks=frozenset(spec.without))

    def _count(self, spec: CountSpec, path: Path, domain: Domain) -> None:
        if spec.apart is None:
            return
        needed = (self._quiet().count(spec.readings, path) - 1) * self._ms(spec.apart)
        if needed > domain.lp.high - domain.lp.low:
            message = f"{_NEVER}: so many readings, so far apart, are longer than the window"
            self._problem((*path, "apart"), message)

    def _missing(self, spec: Any, path: Path, domain: Domain) -> None:  # noqa: ANN401 - MissingSpec
        if self.window is None:
            return
        inside = self._in_window(None, path, domain)
        if self._ms(spec.gap) > inside.lp.high - inside.lp.low:
            self._problem(
                (*path, "gap"), f"{_NEVER}: the gap is longer than the window in which it has to end"
            )

    # --- about one fact ------------------------------------------------------------------------------------------

    def reading(self, clause: ReadingClause, path: Path, domains: Domains) -> Domains:
        """Follow a clause about r; gives what is left of it, told where that is nothing."""
        order = {"concept": 0, "since_lp": 1, "since_series": 1, "age": 1, "is": 2, "asserted": 1}
        stated = sorted(_stated(clause), key=lambda item: order.get(item[0], 3))
        for name, value in stated:
            left = self._reading_key(name, value, (*path, name), domains)
            if not left:
                return domains
            domains = left
        return domains

    def _reading_key(self, name: str, value: Any, path: Path, domains: Domains) -> Domains:  # noqa: ANN401 - see above
        self._check_bounds(value, path)
        if name in _WHY:
            return self._narrowed(name, value, path, domains)
        if name in RELATIONS:
            return self._compare(name, value, path, domains)
        if name == "all":
            for at, part in enumerate(value):
                domains = self.reading(part, (*path, at), domains)
            return domains
        if name == "any":
            found = [self.reading(part, (*path, at), domains) for at, part in enumerate(value)]
            return tuple(dict.fromkeys(domain for part in found for domain in part))
        if name == "not":
            self.reading(value, path, domains)
            return domains
        if name == "is":
            return self._reading_definition(value, path, domains)
        self._others(name, value, path, domains)
        return domains

    def _narrowed(self, name: str, value: Any, path: Path, domains: Domains) -> Domains:  # noqa: ANN401 - see above
        left = self._narrow(name, value, path, domains)
        if not left:
            self._problem(path, f"{_NEVER}: {_WHY[name]}")
        return left

    def _narrow(self, name: str, value: Any, path: Path, domains: Domains) -> Domains:  # noqa: ANN401 - see above
        match name:
            case "since_lp":
                return self._since_lp(value, path, domains)
            case "since_series":
                return self._since_series(value, path, domains)
            case "concept":
                return _of_concepts(frozenset(value), domains)
            case "asserted":
                return self._asserted(frozenset(value), domains)
            case "with":
                return tuple(each for each in domains if not each.lacks.issuperset(value))
            case "without":
                return tuple(replace(each, lacks=each.lacks.union(value)) for each in domains)
            case _:
                return self._age(value, path, domains)

    def _compare(self, name: str, reference: str, path: Path, domains: Domains) -> Domains:
        limit = self._quiet().limit(reference, "", path)
        (relation,) = (each for each, _ in relations(Bounds(**{name: reference})))
        left = _kept(replace(each, value=narrow_value(each.value, relation, limit)) for each in domains)
        if not left:
            self._problem(path, f"{_NEVER}: another comparison of the same value excludes it")
        return left

    def _age(self, spec: Bounds, path: Path, domains: Domains) -> Domains:
        quiet = self._quiet()
        for relation, reference in relations(spec):
            days = quiet.age_days(reference, path)
            domains = tuple(replace(each, age=narrow_age(each.age, relation, days)) for each in domains)
        return _kept(domains)

    def _since_lp(self, spec: Bounds, path: Path, domains: Domains) -> Domains:
        shortest, longest = span_of(spec, path, self._quiet(), -FOREVER_MS)
        return _kept(each.after_lp(_ends(shortest), longest) for each in domains)

    def _since_series(self, spec: Bounds, path: Path, domains: Domains) -> Domains:
        shortest, longest = span_of(spec, path, self._quiet(), -FOREVER_MS)
        return _kept(each.after_series(_ends(shortest), longest) for each in domains)

    def _asserted(self, wanted: frozenset[str], domains: Domains) -> Domains:
        return _kept(
            replace(each, statuses=wanted if each.statuses is None else each.statuses & wanted)
            for each in domains
            if each.statuses is not None or self._has_kind(each, FINDING)
        )

    def _answer(self, codes: Sequence[str], path: Path, domains: Domains) -> None:
        known = [self.scope.library.terms[name].values for each in domains for name in each.concepts]
        allowed = frozenset().union(*known)
        for at, code in enumerate(codes):
            if all(known) and code not in allowed:
                listed = ", ".join(sorted(allowed))
                self._problem((*path, at), f"'{code}' is no answer here (answers: {listed})")

    def _reading_definition(self, name: str, path: Path, domains: Domains) -> Domains:
        opened = self._opened(name)
        if opened is None:
            return domains
        spec, walk, start = opened
        left = walk.reading(spec.where, start, domains)
        return domains if self._tell(walk, name, path) else left

    def _others(self, name: str, value: Any, path: Path, domains: Domains) -> None:  # noqa: ANN401 - see above
        """Follow what a clause says of facts beside r."""
        match name:
            case "answer":
                self._answer(value, path, domains)
            case "preceded_by":
                self._preceded_by(value, path, domains)
            case "near":
                self._near(value, path, domains)
            case "rise" | "rising":
                self._rise(name, value, path, domains)
            case "baseline_has":
                self.reading(value, path, tuple(each.baseline for each in domains))
            case "reading" | "finding" | "count" | "missing":
                before, self.is_negated = self.is_negated, True
                self._episode_key(name, value, path, Domain(age=domains[0].age))
                self.is_negated = before
            case _:
                pass

    def _preceded_by(self, spec: EarlierSpec, path: Path, domains: Domains) -> None:
        quiet, shortest, longest = self._quiet(), 0, FOREVER_MS
        if spec.gap is not None:
            shortest, longest = span_of(spec.gap, (*path, "gap"), quiet, 0)
        concepts = self._concepts(spec.of)
        earlier: Domains = tuple(each.before(concepts, shortest, longest) for each in domains)
        if spec.not_before is not None:
            start = self._ms(spec.not_before)
            if spec.counts_from == "series":
                earlier = _kept(each.after_series(start, FOREVER_MS) for each in earlier)
            else:
                earlier = _kept(each.after_lp(start, FOREVER_MS) for each in earlier)
            if not earlier:
                message = f"{_NEVER}: nothing stands so long before r and not before this"
                self._problem((*path, "not_before"), message)
                return
        if spec.where is not None:
            self.reading(spec.where, (*path, "where"), earlier)

    def _near(self, spec: NearSpec, path: Path, domains: Domains) -> None:
        if spec.where is not None:
            within = self._ms(spec.within)
            beside = tuple(each.beside(self._concepts(spec.of), within) for each in domains)
            self.reading(spec.where, (*path, "where"), beside)

    def _rise(self, name: str, spec: Any, path: Path, domains: Domains) -> None:  # noqa: ANN401 - RiseSpec or RisingSpec
        if spec.not_before is not None and spec.counts_from == "lp":
            start = self._ms(spec.not_before)
            if all(each.lp.high <= start for each in domains):
                self._problem((*path, "not_before"), f"{_NEVER}: no earlier reading stands after this")
        if name == "rising" and spec.spanning is not None:
            shortest, _ = span_of(spec.spanning, (*path, "spanning"), self._quiet(), 0)
            if shortest > self._ms(spec.within):
                self._problem((*path, "spanning"), f"{_NEVER}: it is longer than `within`")

    # --- what all need -------------------------------------------------------------------------------------------

    def _opened(self, name: str) -> tuple[DefinitionSpec, Walk, Path] | None:
        """Return a definition with a walk of its own, whose problems are told where it is used."""
        known = self.scope.library.definitions.get(name)
        if known is None or name in self.scope.stack:
            return None
        spec, located, path = known
        library = replace(self.scope.library, problems=Problems())
        scope = replace(
            self.scope, library=library, located=located, params=spec.params, stack=(*self.scope.stack, name)
        )
        return spec, Walk(scope, is_negated=self.is_negated), (*path, "where")

    def _tell(self, walk: Walk, name: str, path: Path) -> bool:
        """Tell that a definition can never hold where it is used."""
        lines = walk.scope.library.problems.lines
        if lines:
            self._problem(path, f"definition '{name}' {_NEVER} ({lines[0].partition(': ')[0]})")
        return bool(lines)

    def _check_bounds(self, value: object, path: Path) -> None:
        """Tell of bounds that exclude each other, wherever they stand."""
        if isinstance(value, Bounds):
            span, units = ANY, set()
            for relation, reference in relations(value):
                limit = self._quiet().limit(reference, "", path)
                name = reference.removeprefix("$")
                found = self.scope.params.get(name) or self.scope.library.params.get(name)
                units.add("" if found is None else found.unit)
                span = narrow_value(span, relation, limit)
            if span.is_empty and len(units) == 1 and not units & DURATIONS_MS.keys():
                self._problem(path, f"{_NEVER}: the limits exclude each other")
        elif isinstance(value, PackModel) and not isinstance(value, EpisodeClause):
            for name in type(value).model_fields:
                inner = getattr(value, name)
                if isinstance(inner, Bounds):
                    self._check_bounds(inner, (*path, name))

    def _concepts(self, of: Sequence[str]) -> frozenset[str]:
        known = tuple(name for name in of if name in self.scope.library.terms)
        return frozenset(self.scope.library.with_kinds(known))

    def _has_kind(self, domain: Domain, kind: str) -> bool:
        return any(self.scope.library.terms[name].kind == kind for name in domain.concepts)

    def _ms(self, reference: str) -> int:
        return self._quiet().duration_ms(reference, ())

    def _quiet(self) -> Scope:
        """Return the scope for numbers: what is wrong with them is told where the clause is compiled."""
        return replace(self.scope, library=replace(self.scope.library, problems=Problems()), uses=Uses())

    def _problem(self, path: Path, message: str) -> None:
        self.scope.problem(path, message)


def _stated(clause: EpisodeClause) -> list[tuple[str, Any]]:  # each key has its own type
    fields = type(clause).model_fields
    return [
        (fields[name].alias or name, getattr(clause, name))
        for name in fields
        if name in clause.model_fields_set
    ]


def _kept(domains: Iterable[Domain]) -> Domains:
    return tuple(each for each in domains if not each.is_empty)


def _of_concepts(wanted: frozenset[str], domains: Domains) -> Domains:
    return tuple(replace(each, concepts=each.concepts & wanted) for each in domains if each.concepts & wanted)


def _ends(shortest: int) -> float:
    return float("-inf") if shortest <= -FOREVER_MS else shortest
