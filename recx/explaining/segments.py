"""A text cut where something in it was checked: titles against the history, attributes against the catalogue."""

from collections.abc import Sequence
from dataclasses import dataclass

from recx.prompts.explanation_parser import Citation, Statement


@dataclass(frozen=True)
class Segment:
    """A piece of a text.

    Attributes:
        text: as it stands.
        holds: whether what it says holds; None where nothing was checked.
        why: in a few words, empty where nothing was checked.
    """

    text: str
    holds: bool | None = None
    why: str = ""


def segments(text: str, citations: Sequence[Citation], statements: Sequence[Statement]) -> list[Segment]:
    """Cut a text into checked and unchecked pieces; joined again they are the text."""
    marks = [(c.span, c.in_history, _of_citation(c)) for c in citations]
    marks += [(s.span, s.true, _of_statement(s)) for s in statements]
    out, place = [], 0
    for (start, end), holds, why in sorted(marks):
        if start < place or end > len(text) or start >= end:
            continue
        out += [Segment(text[place:start])] if start > place else []
        out.append(Segment(text[start:end], holds, why))
        place = end
    return out + ([Segment(text[place:])] if place < len(text) else [])


def _of_citation(citation: Citation) -> str:
    if citation.in_history:
        return "in the history"
    return "not in the history" if citation.item is not None else "no title of the catalogue"


def _of_statement(statement: Statement) -> str:
    if statement.false_as_well:
        return "true of this title, but of nothing named before"
    return "true in the catalogue" if statement.true else "not true in the catalogue"
