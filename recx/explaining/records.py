"""What an Explainer returns: plain records."""

from dataclasses import dataclass

from recx.prompts.reading import Citation, Statement


@dataclass(frozen=True)
class Recommendation:
    """The most probable next items of one person.

    Attributes:
        items: item indices, best first.
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
        text: what the model wrote.
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
