"""Instructions that control an explanation: attribute, length and audience."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Length = Literal["normal", "one sentence", "detailed"]
Audience = Literal["anyone", "beginner"]

VIEWS = (
    "Look at it from the {view} side.",
    "Explain it by {view}.",
    "Focus on the {view}.",
    "Use the {view} only.",
    "Take the {view} view.",
    "Argue with the {view}.",
    "Speak about the {view}.",
    "Judge by the {view}.",
)
LENGTHS: dict[str, tuple[str, ...]] = {
    "one sentence": (
        "Use one sentence.",
        "One sentence only.",
        "Keep it to a single sentence.",
        "Be brief: one sentence.",
        "In one sentence.",
        "Answer in a single sentence.",
        "Say it in one sentence.",
        "Just one sentence, please.",
    ),
    "detailed": (
        "Give details.",
        "Explain at length.",
        "Be thorough.",
        "Give more than one reason.",
        "A detailed answer, please.",
        "Go into detail.",
        "Name several reasons.",
        "Explain in depth.",
    ),
}
AUDIENCES: dict[str, tuple[str, ...]] = {
    "beginner": (
        "Explain it to a beginner.",
        "Use simple words.",
        "The reader is new to this.",
        "Say it for a beginner.",
        "Keep it simple.",
        "Explain as to a newcomer.",
        "Make it easy to follow.",
        "Write for someone who knows little about it.",
    ),
}


@dataclass(frozen=True)
class Control:
    """The content of an instruction.

    Attributes:
        view: attribute column to argue with, or None to choose automatically.
        length: "normal", "one sentence" or "detailed".
        audience: "anyone" or "beginner".
    """

    view: str | None = None
    length: Length = "normal"
    audience: Audience = "anyone"

    def wording(self, choice: int = 0) -> str:
        """Phrase this control as an instruction; `choice` selects the wording. Empty for the default."""
        parts = []
        if self.view:
            parts.append(VIEWS[choice % len(VIEWS)].format(view=self.view))
        for value, wordings in ((self.length, LENGTHS), (self.audience, AUDIENCES)):
            if value in wordings:
                parts.append(wordings[value][choice % len(wordings[value])])
        return " ".join(parts)


def random_control(rng: np.random.Generator, views: Sequence[str]) -> Control:
    """A control for training: the default in 45 of 100, otherwise one or two requests (a view only if there is any)."""
    if rng.random() < 0.45:
        return Control()
    kind = rng.random()
    view = str(rng.choice(list(views))) if views and kind < 0.6 else None
    length: Length = "normal"
    audience: Audience = "anyone"
    if kind > 0.5:
        pick = rng.integers(3)
        length = ("one sentence", "detailed", "normal")[pick]
        audience = "beginner" if pick == 2 else "anyone"
    return Control(view, length, audience)


def all_wordings(views: Iterable[str]) -> tuple[str, ...]:
    """Every wording of every single request, for the given views."""
    wishes = [Control(view=v) for v in views]
    wishes += [Control(length="one sentence"), Control(length="detailed"), Control(audience="beginner")]
    return tuple(wish.wording(choice) for wish in wishes for choice in range(8))


def instruction_text(instruction: str | Control) -> str:
    """Format an instruction as one line of text."""
    return instruction.wording() if isinstance(instruction, Control) else " ".join(instruction.split())
