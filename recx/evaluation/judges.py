"""What a judge is asked and what it answers: explanations rated from 0 to 3 (paper section 5.3), in our own words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

RUBRIC = {
    0: "The decision is not the one the recommender made; whatever is argued explains something else.",
    1: "The decision is right, but its reasons do not carry it: there are none, or they are untrue or off the point.",
    2: "The decision is right and the reasons point its way, but some are untrue, vague, or not about this person.",
    3: "The decision is right, and true reasons taken from this person's own history and from the item lead to it.",
}


@dataclass(frozen=True)
class Question:
    """One explanation to rate.

    Attributes:
        history: item indices of the person, oldest first.
        item: the item asked about.
        decision: what the recommender decided: True for yes.
        text: the explanation.
    """

    history: tuple[int, ...]
    item: int
    decision: bool
    text: str


@dataclass(frozen=True)
class Rating:
    """What a judge says of one explanation.

    Attributes:
        score: 0 to 3 by `RUBRIC`; None where the judge gave no usable answer.
        points: what was checked, each with whether it holds; empty for judges that only give a score.
        comment: in words, if any.
    """

    score: int | None
    points: dict[str, bool] = field(default_factory=dict)
    comment: str = ""


class Judge(Protocol):
    """Rates explanations."""

    name: str

    def rate(self, questions: Sequence[Question]) -> list[Rating]:
        """One rating a question, in their order."""
        ...


def scores(ratings: Sequence[Rating]) -> np.ndarray:
    """Scores as floats; NaN where there is none."""
    return np.array([np.nan if r.score is None else float(r.score) for r in ratings])
