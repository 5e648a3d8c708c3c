"""One peer, in its own environment: `python peer.py medspacy|negspacy`; a job in, judgements and times out, both JSON.

Shape: in {"rows": [{"text", "first", "after"}], "notes": {mixture: [text]}, "phrases": [text], "rounds": n}; a row's concept
stands at characters [first, after), null where it is not in the sentence. Out {"rows": [{"negated", "historical", "family"}],
"seconds": {mixture: [CPU seconds for all its notes, one for each round]}, "version"}.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import time
from typing import Any


class Medspacy:
    """MedspaCy: PyRuSH sentences, its target matcher, ConText with its own rules."""

    def __init__(self, phrases: list[str]) -> None:
        from loguru import logger  # noqa: PLC0415  each peer imports its own libraries

        logger.remove()  # PyRuSH writes a line for every token, which takes it longer than to read
        logger.disable("PyRuSH")
        import medspacy  # noqa: PLC0415
        from medspacy.target_matcher import TargetRule  # noqa: PLC0415

        self._nlp = medspacy.load(enable=["medspacy_pyrush", "medspacy_target_matcher", "medspacy_context"])
        self._nlp.get_pipe("medspacy_target_matcher").add(
            [TargetRule(phrase, "FINDING") for phrase in phrases]
        )

    def judge(self, text: str, first: int, after: int) -> dict[str, bool]:
        """Judge one concept; the target matcher gives way to it."""
        doc = self._nlp.get_pipe("medspacy_pyrush")(self._nlp.make_doc(text))
        span = doc.char_span(first, after, label="CONCEPT", alignment_mode="expand")
        doc.set_ents([span])
        (found,) = self._nlp.get_pipe("medspacy_context")(doc).ents
        marks = found._
        return {
            "negated": marks.is_negated,
            "historical": marks.is_historical,
            "family": marks.is_family,
        }

    def read(self, text: str) -> int:
        """Read a note with everything."""
        return len(self._nlp(text).ents)


class Negspacy:
    """Negspacy: spaCy's rule-based sentences, the clinical terms of NegEx; it knows negation only."""

    def __init__(self, phrases: list[str]) -> None:
        import spacy  # noqa: PLC0415
        from negspacy.negation import Negex  # noqa: F401, PLC0415  registers the component
        from negspacy.termsets import termset  # noqa: PLC0415

        self._nlp = spacy.blank("en")
        self._nlp.add_pipe("sentencizer")
        ruler = self._nlp.add_pipe("entity_ruler", config={"phrase_matcher_attr": "LOWER"})
        ruler.add_patterns([{"label": "FINDING", "pattern": phrase} for phrase in phrases])
        terms = termset("en_clinical").get_patterns()
        self._nlp.add_pipe("negex", config={"neg_termset": terms}, last=True)

    def judge(self, text: str, first: int, after: int) -> dict[str, bool]:
        """Judge one concept."""
        doc = self._nlp.get_pipe("sentencizer")(self._nlp.make_doc(text))
        doc.set_ents([doc.char_span(first, after, label="CONCEPT", alignment_mode="expand")])
        (found,) = self._nlp.get_pipe("negex")(doc).ents
        return {"negated": found._.negex, "historical": False, "family": False}

    def read(self, text: str) -> int:
        """Read a note with everything."""
        return len(self._nlp(text).ents)


PEERS: dict[str, Any] = {"medspacy": Medspacy, "negspacy": Negspacy}
_AFFIRMED = {"negated": False, "historical": False, "family": False}


def main() -> None:
    """Do the job on standard input."""
    name = sys.argv[1]
    job = json.load(sys.stdin)
    peer = PEERS[name](job["phrases"])
    rows = [
        _AFFIRMED if row["first"] is None else peer.judge(row["text"], row["first"], row["after"])
        for row in job["rows"]
    ]
    seconds: dict[str, list[float]] = {mixture: [] for mixture in job["notes"]}
    for _ in range(job["rounds"]):
        for mixture, notes in job["notes"].items():
            start = time.process_time()
            for note in notes:
                peer.read(note)
            seconds[mixture].append(time.process_time() - start)
    json.dump({"rows": rows, "seconds": seconds, "version": importlib.metadata.version(name)}, sys.stdout)


if __name__ == "__main__":
    main()
