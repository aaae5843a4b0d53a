"""What an Explainer returns: plain records."""

from dataclasses import dataclass

from recx.data.catalogue import Catalogue
from recx.prompts.explanation_parser import Citation, ExplanationParser, Statement
from recx.prompts.requests import Request

NO_ANSWER = -1
"""In place of items where no usable reply came; 0 stands for a title that is none of the catalogue."""


@dataclass(frozen=True)
class Recommendation:
    """The most probable next items of one person.

    Attributes:
        items: item indices, best first; 0 for a title that is none of the catalogue, `NO_ANSWER` throughout where
            no usable reply came.
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
        like: the decision; None where there is no answer.
        probability: of "yes" against "no".
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
        text: what the model wrote; empty where no reply came.
        citations: titles it cites, each with whether the history holds it.
        statements: attributes it states, each with whether that is true.
        instruction: what it was asked to mind.
    """

    item: int
    title: str
    decision: bool | None
    text: str
    citations: tuple[Citation, ...]
    statements: tuple[Statement, ...]
    instruction: str = ""


def explanation_of(text: str, request: Request, catalogue: Catalogue, parser: ExplanationParser) -> Explanation:
    """A text that answers a request as an explanation: its decision, and what it cites and states, checked."""
    item, content = request.items[0], parser.parse(text, request.history, request.items[0])
    return Explanation(
        item,
        catalogue.labels[item],
        content.decision,
        text,
        content.citations,
        content.statements,
        request.instruction,
    )
