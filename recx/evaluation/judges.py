"""The protocol of judges that rate explanations from 0 to 3 (paper section 3.1.2; the rubric is in our own words)."""

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
        item: the item in question.
        decision: the recommender's decision: True for yes.
        text: the explanation; empty if there is none.
    """

    history: tuple[int, ...]
    item: int
    decision: bool
    text: str

    @property
    def has_text(self) -> bool:
        """Whether there is a text to rate."""
        return bool(self.text.strip())


@dataclass(frozen=True)
class Rating:
    """A judge's rating of one explanation.

    Attributes:
        score: 0 to 3 according to `RUBRIC`; None if there is no text, or the judge gave no usable answer.
        points: the criteria checked, each with whether it is met; empty for judges that only give a score.
        comment: the judge's comment, if any.
    """

    score: int | None
    points: dict[str, bool] = field(default_factory=dict)
    comment: str = ""


@dataclass(frozen=True)
class Choice:
    """A judge's choice between two explanations.

    Attributes:
        winner: 1 for the first, -1 for the second, 0 for neither; None if a text is missing or no reply was usable.
        consistent: whether both orders gave the same answer; if not, neither wins.
    """

    winner: int | None
    consistent: bool


class Judge(Protocol):
    """Rates explanations and compares them in pairs; explanations without text are not rated."""

    name: str

    def rate(self, questions: Sequence[ExplanationToRate]) -> list[Rating]:
        """Rate each question, in order."""
        ...

    def compare(self, first: Sequence[ExplanationToRate], second: Sequence[ExplanationToRate]) -> list[Choice]:
        """Choose the better of two explanations of the same pair, for each pair."""
        ...


def scores(ratings: Sequence[Rating]) -> np.ndarray:
    """Convert ratings to an array of scores; NaN where there is none."""
    return np.array([np.nan if r.score is None else float(r.score) for r in ratings])


def explanations_to_rate(texts: Sequence[str], pairs: Pairs, max_history: int) -> list[ExplanationToRate]:
    """Build questions for a judge from one method's texts (P,); histories are truncated as in prompts."""
    rows = zip(texts, pairs.histories, pairs.items, pairs.liked, strict=True)
    return [
        ExplanationToRate(tuple(map(int, h[-max_history:])), int(i), bool(liked), text) for text, h, i, liked in rows
    ]
