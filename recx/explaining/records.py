"""Plain records returned by explainers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from recx.data.catalogue import Catalogue
from recx.parsing.explanation_parser import ExplanationParser
from recx.parsing.parsed_explanation import Citation, Statement
from recx.parsing.stated_numbers import StatedNumber, stated_numbers
from recx.prompts.pieces import Piece
from recx.prompts.requests import Request

NO_ANSWER = -1
"""Stands for items when there was no usable reply; 0 stands for a title that is not in the catalogue."""


@dataclass(frozen=True)
class Recommendation:
    """The most probable next items for one person.

    Attributes:
        items: item indices, best first; 0 for a title that is not in the catalogue, all `NO_ANSWER` if there was no
            usable reply.
        titles: their labels.
        scores: log-probability of each title.
    """

    items: tuple[int, ...]
    titles: tuple[str, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True)
class Prediction:
    """Whether one person would like one item.

    Attributes:
        item: item index.
        title: its label.
        like: the decision; None if there is no answer.
        probability: probability of "yes" as opposed to "no".
    """

    item: int
    title: str
    like: bool | None
    probability: float


@dataclass(frozen=True)
class Explanation:
    """A decision with its reasons.

    Attributes:
        item: item index.
        title: its label.
        decision: True for yes, False for no, None if the text says neither.
        text: what the model wrote; empty if there was no reply.
        citations: the titles it cites, each with whether it is in the history.
        statements: the attributes it states, each with whether the statement is true.
        instruction: the instruction given to the model.
        numbers: the numbers it states, each with whether it was measured.
        revised: how many sentences of the first text were written again or left out, see `Reviser`.
        unverified: spans of the attributes it states that no item of the catalogue has, see `ParsedExplanation`.
    """

    item: int
    title: str
    decision: bool | None
    text: str
    citations: tuple[Citation, ...]
    statements: tuple[Statement, ...]
    instruction: str = ""
    numbers: tuple[StatedNumber, ...] = ()
    revised: int = 0
    unverified: tuple[tuple[int, int], ...] = ()


def explanation_of(
    text: str, request: Request, catalogue: Catalogue, parser: ExplanationParser, revised: int = 0
) -> Explanation:
    """Parse the text that answers a request into an explanation with checked citations and statements."""
    item, content = request.items[0], parser.parse(text, request.history, request.items[0])
    parsed = Explanation(
        item,
        catalogue.labels[item],
        content.decision,
        text,
        content.citations,
        content.statements,
        request.instruction,
        revised=revised,
        unverified=content.unverified,
    )
    return numbers_checked(parsed, request.evidence)


def numbers_checked(explanation: Explanation, evidence: Sequence[Piece]) -> Explanation:
    """The explanation with its numbers checked against evidence, which may be other than what its author was told."""
    spans = [part.span for part in (*explanation.citations, *explanation.statements)] + list(explanation.unverified)
    told = [piece for piece in evidence if isinstance(piece, str)]
    return replace(explanation, numbers=stated_numbers(explanation.text, [explanation.title], spans, told))
