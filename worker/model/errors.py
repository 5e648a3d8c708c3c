"""What can go wrong, one class for each thing a caller can do about it. Pure: no I/O, no clock.

An error carries its place (feed, message control id, segment and field, or pack file and line) and never the data of
a patient: values, names, identifiers and note text stay out of messages.
"""

from __future__ import annotations


class LpwatchError(Exception):
    """Root of every error that lpwatch raises on purpose."""

    def __init__(self, reason: str, place: str = "") -> None:
        """Keep a constant, lower-case reason and the place it was met ("PID-3", "Bundle.entry[2]", "fever.yaml:3:7")."""
        super().__init__(f"{place}: {reason}" if place else reason)
        self.reason = reason
        self.place = place


class DecodeError(LpwatchError):
    """Bytes that are no readable message: quarantine them, a retry does not help."""


class MappingError(LpwatchError):
    """A readable message whose patient or frame cannot be mapped: quarantine it, a retry does not help."""


class PackError(LpwatchError):
    """A pack file that does not say what the schema asks for: refuse the pack, keep the one in use."""


class RuleError(LpwatchError):
    """A rule that failed during an assessment: quarantine that assessment, never a message."""


class TemporaryError(LpwatchError):
    """A store or peer that is away: retry with backoff, nothing is lost."""


class ConfigError(LpwatchError):
    """A setting that cannot work: stop at start and say so."""
