r"""Where segments start and end, whatever the line ends. Pure: no I/O, no clock. HL7 v2.5.1 ch. 2.5.1.

The standard ends a segment with a carriage return; files hold CR, LF, CRLF and mixtures, and text with line ends inside:

1. CRLF counts as CR. The message's own line end is CR where a segment follows any CR, else LF.
2. A line starts a segment where a segment name (three characters) and the field separator stand at its beginning. After
   the own line end any name will do; after the other one (a lone LF in a message of CRs), and after blanks, the name
   must be one of the standard or start with Z: `CSF|` is a word in a text, `OBX|` is not.
3. A line that is nothing but a name starts a segment only for the names of `_MAY_BE_BARE`: a wrapped `MRI` stays text.
4. Every other line continues the segment before it, joined by "\n". Blank lines count between such lines only.

So bytes with a line `OBX|` never give zero OBX, and no text of an OBX-5 is lost.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.decode.hl7v2.separators import Separators


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MAY_BE_BARE = _names(
    "AL1 DG1 ERR EVN FT1 GT1 IN1 IN2 MRG MSA NK1 NTE OBR OBX ORC PD1 PID PR1 PV1 PV2 RXA RXC RXE RXO RXR "
    "SFT SPM TQ1 TXA "
)
# HL7 v2.8.2 appendix A: the segments of messages that carry patients, orders, results, documents and master files.
_STANDARD = _MAY_BE_BARE | _names(
    "ABS ACC ADD AFF AIG AIL AIP AIS APR ARV AUT BHS BLC BLG BPO BPX BTS BTX BUI CDM CDO CER CM0 CM1 CM2 "
    "CNS CON CSP CSR CSS CTD CTI DB1 DMI DON DPS DRG DSC DSP DST ECD ECR EDU EQP EQU FAC FHS FTS GOL GP1 "
    "GP2 IAM IAR IIM ILT IN3 INV IPC IPR ISD ITM IVC IVT LAN LCC LCH LDP LOC LRL MCP MFA MFE MFI MSH NCK "
    "NDS NPU NSC NST ODS ODT OH1 OH2 OH3 OH4 OM1 OM2 OM3 OM4 OM5 OM6 OM7 OMC ORG OVR PAC PCE PCR PDA PDC "
    "PEO PES PKG PM1 PMT PRA PRB PRC PRD PRT PSG PSH PSL PSS PTH PYE QAK QID QPD QRD QRF RCP RDF RDT REL "
    "RF1 RFI RGS RGV RMI ROL RQ1 RQD RXD RXG RXV SAC SCD SCH SCP SDD SGH SGT SHP SID SLT STF STZ TCC TCD "
    "TQ2 UAC UB1 UB2 URD URS VAR VND "
)
_OUTSIDE = "\r\n\x00\x0b\x1c"
_LINE_END = re.compile(r"([\r\n])")


def plain_lines(text: str) -> list[str] | None:
    """Split a text at CR, CRLF, or LF where there is no CR: all that a regular message needs. None for a mixture."""
    text = text.rstrip(_OUTSIDE)
    if "\n" in text:
        text = text.replace("\r\n", "\r") if "\r" in text else text.replace("\n", "\r")
        if "\n" in text:
            return None
    return text.split("\r")


def joined_lines(text: str, separators: Separators) -> list[str]:
    r"""Split the text of one message, which starts with MSH, into segments by the rules of this module.

    Shape: in order, one for each segment; wrapped lines are joined by "\n" inside it.
    """
    pieces = _LINE_END.split(text.rstrip(_OUTSIDE).replace("\r\n", "\r"))
    lines = list(zip(["\r", *pieces[1::2]], pieces[::2], strict=True))
    own = "\r" if _has_segment_after_return(lines, separators) else "\n"
    return list(_joined(lines, own, separators))


def _has_segment_after_return(lines: list[tuple[str, str]], separators: Separators) -> bool:
    return any(end == "\r" and _starts_segment(line, separators, own=True) for end, line in lines[1:])


def _joined(lines: list[tuple[str, str]], own: str, separators: Separators) -> Iterator[str]:
    held = [lines[0][1]]
    blank = 0
    for end, line in lines[1:]:
        if not line.strip():
            blank += 1
        elif _starts_segment(line, separators, own=end == own):
            yield "\n".join(held)
            held, blank = [_with_separator(line.lstrip(" \t"), separators)], 0
        else:
            held += [""] * blank
            held.append(line)
            blank = 0
    yield "\n".join(held)


def _starts_segment(line: str, separators: Separators, *, own: bool) -> bool:
    start = separators.segment_start.match(line)
    if start is None:
        return False
    name = start["name"]
    if start["end"] != separators.field:
        return name in _MAY_BE_BARE
    return (own and not start["indent"]) or name in _STANDARD or name[0] == "Z"


def _with_separator(line: str, separators: Separators) -> str:
    """Give a bare name its separator, so that every segment begins alike."""
    name = line.rstrip(" \t")
    return name + separators.field if len(name) == 3 else line
