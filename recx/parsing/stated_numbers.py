"""Numbers that a text states, checked against the evidence its author was told."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from recx.parsing.quotation_marks import QUOTED, straight_quotes

_NUMBER = re.compile(r"(?<![\w.,])\d+(?:[.,]\d+)*(?!\w)")
_OUT_OF = re.compile(r"\d (?:out )?of $")


@dataclass(frozen=True)
class StatedNumber:
    """A number in a text.

    Attributes:
        value: as it is written.
        measured: whether the evidence holds it, in the order of the text; None if there is no evidence.
        span: where it stands in the text.
    """

    value: str
    measured: bool | None
    span: tuple[int, int]


def stated_numbers(
    text: str, titles: Sequence[str], spans: Sequence[tuple[int, int]], told: Sequence[str]
) -> tuple[StatedNumber, ...]:
    """Find the numbers that a text states outside titles and attributes, and check them against the evidence.

    Numbers must come in the evidence's order, as exchanging two of them changes the meaning. The last number that was
    found may be repeated, and so may the total that a share refers to: "from 95 of 100 to 60 of 100".

    Args:
        text: an explanation.
        titles: titles whose digits do not count, wherever they stand; those in quotation marks never count.
        spans: where else digits do not count: cited titles and stated attributes.
        told: texts of the evidence that the author was told; empty if it was told none.
    """
    plain = straight_quotes(text)
    hidden = [*spans, *(m.span() for m in QUOTED.finditer(plain))]
    hidden += [m.span() for title in titles for m in re.finditer(re.escape(title), text, re.IGNORECASE)]
    known = [number for part in told for number in _NUMBER.findall(part)]
    out, place, last = [], 0, ""
    wholes: set[str] = set()
    for found in _NUMBER.finditer(text):
        if any(start < found.end() and found.start() < end for start, end in hidden):
            continue
        behind = known.index(found[0], place) if found[0] in known[place:] else None
        whole = bool(_OUT_OF.search(text, max(found.start() - 10, 0), found.start()))
        measured = behind is not None or found[0] == last or (whole and found[0] in wholes)
        out.append(StatedNumber(found[0], measured if told else None, found.span()))
        if behind is not None:
            place, last = behind + 1, found[0]
            wholes |= {found[0]} if whole else set()
    return tuple(out)
