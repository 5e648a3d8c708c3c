"""A mix of well-formed messages from a seed: vitals, results, administration, notes. All people are invented."""

from __future__ import annotations

import random
from dataclasses import dataclass

COUNT = 5_000
FAMILY = (
    "Okafor",
    "Lindqvist",
    "Marchetti",
    "Sato",
    "Novak",
    "Haddad",
    "Brennan",
    "Castillo",
    "Petrov",
    "Yilmaz",
)
GIVEN = ("Amara", "Elin", "Paolo", "Yuki", "Jana", "Karim", "Orla", "Mateo", "Irina", "Deniz")
VITALS = (
    ("8310-5", "Body temperature", "Cel", 36.2, 39.4),
    ("8867-4", "Heart rate", "/min", 55, 130),
    ("9279-1", "Respiratory rate", "/min", 10, 28),
    ("59408-5", "Oxygen saturation by pulse oximetry", "%", 90, 100),
    ("8480-6", "Systolic blood pressure", "mm[Hg]", 95, 170),
    ("8462-4", "Diastolic blood pressure", "mm[Hg]", 50, 100),
    ("9269-2", "Glasgow coma score total", "{score}", 9, 15),
    ("72514-3", "Pain severity 0-10 verbal numeric rating", "{score}", 0, 10),
)
LABS = (
    ("26464-8", "Leukocytes in cerebral spinal fluid", "10*3/uL", 0, 40),
    ("2342-4", "Glucose in cerebral spinal fluid", "mg/dL", 25, 90),
    ("2880-3", "Protein in cerebral spinal fluid", "mg/dL", 15, 220),
    ("6301-6", "INR in platelet poor plasma", "{INR}", 0.9, 2.6),
    ("777-3", "Platelets in blood", "10*3/uL", 60, 420),
    ("1988-5", "C reactive protein in serum or plasma", "mg/L", 1, 180),
)
SENTENCES = (
    "Lumbar puncture at L3\\S\\L4 in left lateral position after written consent.",
    "Two passes, clear fluid, opening pressure 17 cm H2O.",
    "No neurological deficit, moves all limbs, sphincters unremarkable.",
    "Headache 4/10 when upright, relieved by lying flat \\T\\ fluids.",
    "Review tomorrow; call the team for fever, new weakness or drowsiness.",
    "Site dry, dressing in place\\.br\\no swelling.",
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One message and the texts of its OBX-5 as they were meant."""

    body: bytes
    texts: tuple[str, ...]


def make_messages(count: int, seed: int = 20260901) -> list[Sample]:
    """Make a mix: half vitals, a quarter laboratory, the rest administration and notes."""
    chance = random.Random(seed)  # noqa: S311 # the same messages in every run
    makers = (_vitals, _laboratory, _administration, _note)
    return [chance.choices(makers, (50, 25, 13, 12))[0](chance, number) for number in range(1, count + 1)]


def _stamp(chance: random.Random) -> str:
    day, hour, minute, second = (
        chance.randint(low, high) for low, high in ((1, 28), (0, 23), (0, 59), (0, 59))
    )
    return f"202609{day:02}{hour:02}{minute:02}{second:02}+0200"


def _lead(chance: random.Random, kind: str, number: int) -> list[str]:
    stamp, mrn = _stamp(chance), chance.randint(100_000, 999_999)
    place = f"NEURO^{chance.randint(1, 30)}^{chance.choice('AB')}^NORTH HOSPITAL^^BED"
    header = "MSH|^~\\&|ENGINE^1.2.840.99^ISO|NORTH HOSPITAL|LPWATCH|NORTH HOSPITAL"
    numbers = f"{mrn}^^^NORTH&1.2.840.99.1&ISO^MR~{chance.randint(10**9, 10**10)}^^^NATIONAL^NI"
    name = f"{chance.choice(FAMILY)}^{chance.choice(GIVEN)}^^^^^L"
    born = f"19{chance.randint(30, 99)}0{chance.randint(1, 9)}1{chance.randint(0, 9)}"
    address = f"{chance.randint(1, 99)} Harbour Lane^^Northport^^NP1 2QR^^H"
    return [
        f"{header}|{stamp}||{kind}|M{number:08}|P|2.5.1|||AL|NE||UNICODE UTF-8",
        f"PID|1||{numbers}||{name}||{born}|{chance.choice('FM')}|||{address}",
        f"PV1|1|I|{place}|U|||1234^Quill^Ines^^^Dr|||NEU|||||||||V{mrn}^^^NORTH^VN{'|' * 25}{stamp}",
    ]


def _number(chance: random.Random, low: float, high: float) -> str:
    return (
        str(chance.randint(int(low), int(high)))
        if isinstance(low, int)
        else f"{chance.uniform(low, high):.1f}"
    )


def _results(
    chance: random.Random, number: int, panel: str, rows: list[tuple[str, str, str, float, float]]
) -> Sample:
    lines = _lead(chance, "ORU^R01^ORU_R01", number)
    stamp = _stamp(chance)
    lines.append(f"ORC|RE|P{number}^ORDERS|F{number}^RESULTS||||||{stamp}")
    lines.append(f"OBR|1|P{number}^ORDERS|F{number}^RESULTS|{panel}|||{stamp}" + "|" * 15 + f"{stamp}|||F")
    texts = []
    for index, (code, name, unit, low, high) in enumerate(rows, 1):
        texts.append(_number(chance, low, high))
        lines.append(
            f"OBX|{index}|NM|{code}^{name}^LN||{texts[-1]}|{unit}^{unit}^UCUM|{low}-{high}|N|||F|||{stamp}"
            f"||4711^Reyes^Tom|||MON{chance.randint(1, 40)}^^NORTH"
        )
    return Sample(("\r".join(lines) + "\r").encode(), tuple(texts))


def _vitals(chance: random.Random, number: int) -> Sample:
    return _results(
        chance, number, "85353-1^Vital signs panel^LN", chance.sample(VITALS, chance.randint(5, 8))
    )


def _laboratory(chance: random.Random, number: int) -> Sample:
    return _results(
        chance, number, "29590-1^Laboratory studies^LN", chance.sample(LABS, chance.randint(3, 6))
    )


def _administration(chance: random.Random, number: int) -> Sample:
    lines = _lead(chance, f"ADT^{chance.choice(['A01', 'A02', 'A03', 'A08'])}^ADT_A01", number)
    lines.insert(1, f"EVN||{_stamp(chance)}")
    lines.append("NK1|1|" + chance.choice(FAMILY) + "^" + chance.choice(GIVEN) + "|SPO^Spouse^HL70063")
    lines.append("DG1|1||G03.9^Meningitis, unspecified^I10||" + _stamp(chance) + "|A")
    return Sample(("\r".join(lines) + "\r").encode(), ())


def _note(chance: random.Random, number: int) -> Sample:
    lines = _lead(chance, "MDM^T02^MDM_T02", number)
    lines.insert(1, f"EVN||{_stamp(chance)}")
    lines.append(f"TXA|1|PN^Progress note^HL70270|TX|{_stamp(chance)}" + "|" * 8 + f"D{number}^NOTES|||||AU")
    written = [chance.choice(SENTENCES) for _ in range(chance.randint(4, 9))]
    lines += [
        f"OBX|{index}|TX|11506-3^Progress note^LN||{text}||||||F" for index, text in enumerate(written, 1)
    ]
    meant = [text.replace("\\S\\", "^").replace("\\T\\", "&").replace("\\.br\\", "\n") for text in written]
    return Sample(("\r".join(lines) + "\r").encode(), tuple(meant))
