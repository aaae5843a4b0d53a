"""Splitting a text at its checked parts: titles, attributes and numbers."""

from dataclasses import dataclass

from recx.explaining.records import Explanation
from recx.parsing.parsed_explanation import Citation, Statement
from recx.prompts.evidence import Evidence

_UNVERIFIED = "no title of the catalogue has this attribute, so it cannot be checked"


@dataclass(frozen=True)
class Segment:
    """A piece of a text.

    Attributes:
        text: the text itself.
        holds: whether it is true; None if there was nothing to check, or if the catalogue does not tell.
        why: short reason; empty if there was nothing to check.
        mattered: for a cited title, whether it matters as the text says, for or against; None if that was not measured.
    """

    text: str
    holds: bool | None = None
    why: str = ""
    mattered: bool | None = None

    @property
    def said(self) -> str:
        """`yes`, `no` or `unknown` (the catalogue does not tell); empty if there was nothing to check."""
        return {True: "yes", False: "no", None: "unknown" if self.why else ""}[self.holds]

    @property
    def mark(self) -> str:
        """`✓` true, `✗` false, `?` the catalogue does not tell, followed by `●` mattered or `○` did not; or empty."""
        sign = {"yes": "✓", "no": "✗", "unknown": "?", "": ""}[self.said]
        return sign + {True: "●", False: "○", None: ""}[self.mattered]


def segments(explanation: Explanation, evidence: Evidence | None = None) -> list[Segment]:
    """Split an explanation's text into checked and unchecked segments; concatenated they give the text again.

    Titles are checked against the history, attributes against the catalogue, and numbers against what the model was
    told.

    Args:
        explanation: a text, with what it cites and states.
        evidence: the measured causes of the target's decision, if available.
    """
    text = explanation.text
    marks = [(c.span, c.in_history, *_of_citation(c, evidence)) for c in explanation.citations]
    marks += [(s.span, s.true, _of_statement(s), None) for s in explanation.statements]
    marks += [
        (n.span, n.measured, "as measured" if n.measured else "not as measured", None)
        for n in explanation.numbers
        if n.measured is not None
    ]
    marks += [(span, None, _UNVERIFIED, None) for span in explanation.unverified]
    out, place = [], 0
    for (start, end), holds, why, mattered in sorted(marks, key=lambda mark: mark[0]):
        if start < place or end > len(text) or start >= end:
            continue
        out += [Segment(text[place:start])] if start > place else []
        out.append(Segment(text[start:end], holds, why, mattered))
        place = end
    return out + ([Segment(text[place:])] if place < len(text) else [])


def _of_citation(citation: Citation, evidence: Evidence | None) -> tuple[str, bool | None]:
    if not citation.in_history:
        return "not in the history" if citation.item is not None else "not a title of the catalogue", None
    if evidence is None or citation.item not in evidence.causes:
        return "in the history", None
    place = evidence.causes.index(citation.item)
    effect = evidence.effects[place]
    mattered = effect < 0 if citation.against else citation.item in evidence.notable and effect > 0
    counts = f"its effect on the decision is {effect:+.2f}, rank {place + 1} of {len(evidence.causes)}"
    return f"in the history; {counts}", mattered


def _of_statement(statement: Statement) -> str:
    if statement.false_as_well:
        return "true of this title, but not of any title named before it"
    if statement.true:
        return "true in the catalogue"
    return "not true of all titles that it is about" if len(statement.items) > 1 else "not true in the catalogue"
