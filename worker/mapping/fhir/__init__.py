"""FHIR resources to facts. Pure: no I/O, no clock."""

from worker.mapping.fhir.mapper import map_fhir

__all__ = ["map_fhir"]
