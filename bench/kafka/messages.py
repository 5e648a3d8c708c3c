"""Messages of a region: the mix of `bench.decode`, told of patients who come again, each at one time; few had a puncture."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bench.decode.messages import make_messages

_PATIENT = re.compile(rb"\|\d{6}(\^\^\^NORTH&1\.2\.840\.99\.1&ISO\^MR~)\d+(\^\^\^NATIONAL\^NI)")
_STAMP = re.compile(rb"202609\d{8}\+0200")
_PUNCTURED_EVERY = 200
# Without these nobody is taken for a patient with a puncture: glucose and protein are those of blood.
_INSTEAD = (
    (b"2342-4^Glucose in cerebral spinal fluid", b"2345-7^Glucose in serum or plasma"),
    (b"2880-3^Protein in cerebral spinal fluid", b"2885-2^Protein in serum or plasma"),
    (b"Lumbar puncture at L3\\S\\L4", b"Drain in the right flank"),
)


def patients_messages(count: int, patients: int, seed: int = 20260901) -> Iterator[bytes]:
    """Give messages of so many patients, each known by two numbers that do not change."""
    for number, sample in enumerate(make_messages(count, seed)):
        patient = number * 7_919 % patients
        numbers = b"|%d\\g<1>%d\\g<2>" % (100_000 + patient, 1_000_000_000 + patient)
        day, second = divmod(number, 86_400)
        stamp = b"202609%02d%02d%02d%02d+0200" % (
            1 + day % 28,
            second // 3_600,
            second // 60 % 60,
            second % 60,
        )
        body = _STAMP.sub(stamp, _PATIENT.sub(numbers, sample.body, count=1))
        if patient % _PUNCTURED_EVERY:
            for told, instead in _INSTEAD:
                body = body.replace(told, instead)
        yield body
