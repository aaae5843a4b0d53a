"""What a judge is asked and what it answers: explanations rated from 0 to 3 (paper section 5.3), in our own words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from recx.evaluation.test_set import Pairs

RUBRIC = {
    0: "The decision is not the one the recommender made; whatever is argued explains something else.",
    1: "The decision is right, but its reasons do not carry it: there are none, or they are untrue or off the point.",
    2: "The decision is right and the reasons point its way, but some are untrue, vague, or not about this person.",
    3: "The decision is right, and true reasons taken from this person's own history and from the item lead to it.",
}


@dataclass(frozen=True)
class ExplanationToRate:
    """One explanation to rate.

    Attributes:
        history: item indices of the user, oldest first.
        item: the item asked about.
        decision: what the recommender decided: True for yes.
        text: the explanation; empty where none came.
    """

    history: tuple[int, ...]
    item: int
    decision: bool
    text: str

    @property
    def has_text(self) -> bool:
        """Whether there is anything to rate."""
        return bool(self.text.strip())


@dataclass(frozen=True)
class Rating:
    """What a judge says of one explanation.

    Attributes:
        score: 0 to 3 by `RUBRIC`; None where there is no text, or the judge gave no usable answer.
        points: what was checked, each with whether it holds; empty for judges that only give a score.
        comment: in words, if any.
    """

    score: int | None
    points: dict[str, bool] = field(default_factory=dict)
    comment: str = ""


@dataclass(frozen=True)
class Choice:
    """Which of two explanations a judge finds better.

    Attributes:
        winner: 1 for the first, -1 for the second, 0 for neither; None where a text is missing or no usable reply came.
        consistent: whether both orders gave the same answer; where they did not, neither wins.
    """

    winner: int | None
    consistent: bool


class Judge(Protocol):
    """Rates explanations, and compares them in pairs; an explanation without text is not rated at all."""

    name: str

    def rate(self, questions: Sequence[ExplanationToRate]) -> list[Rating]:
        """One rating for each question, in their order."""
        ...

    def compare(self, first: Sequence[ExplanationToRate], second: Sequence[ExplanationToRate]) -> list[Choice]:
        """Which of two explanations of the same pair is better, for each two."""
        ...


def scores(ratings: Sequence[Rating]) -> np.ndarray:
    """Scores as floats; NaN where there is none."""
    return np.array([np.nan if r.score is None else float(r.score) for r in ratings])


def explanations_to_rate(texts: Sequence[str], pairs: Pairs, max_history: int) -> list[ExplanationToRate]:
    """One method's texts (P,) for the pairs as questions to a judge, who sees what a prompt shows of a history."""
    rows = zip(texts, pairs.histories, pairs.items, pairs.liked, strict=True)
    return [
        ExplanationToRate(tuple(map(int, h[-max_history:])), int(i), bool(liked), text) for text, h, i, liked in rows
    ]
