"""Turn HL7 v2 messages into facts. Pure: no I/O, no clock. HL7 v2.5.1 ch. 3, 4, 7, 9, 12; older and newer versions too."""

from __future__ import annotations

from worker.mapping.hl7v2.dispatch import map_hl7

__all__ = ["map_hl7"]
