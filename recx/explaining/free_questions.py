"""Ordinary questions, in words that no task has, to any explainer that writes text."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from recx.decoding import generation
from recx.errors import SettingsError
from recx.explaining.aligned import AlignedExplainer
from recx.explaining.chat_endpoint import Message
from recx.explaining.chat_explainer import ChatExplainer
from recx.explaining.chat_replies import read_text
from recx.prompts.modes import Mode
from recx.prompts.pieces import Piece, as_text
from recx.prompts.requests import Request, person_prompt

MAX_TOKENS = 160
_SYSTEM = (
    "You explain the decisions of a recommender system to people. Titles stand in double quotes. "
    "Answer in two or three sentences."
)


@dataclass(frozen=True)
class Question(Request):
    """A request in the user's own words.

    Attributes:
        wording: the question, with an `{item}` slot or without.
    """

    wording: str = ""

    def pieces(self, form: Mode) -> list[Piece]:
        """The prompt in the form of a mode; its only user vector has row 0."""
        return person_prompt(form, 0, self.history, 0, self.wording, self.items)


@singledispatch
def answer(explainer: Any, questions: Sequence[Request], show_progress: bool = False) -> list[str]:
    """Write an answer to each of R questions; empty where there is none.

    Raises:
        SettingsError: the explainer cannot be asked freely, such as one that only has imported texts.
    """
    raise SettingsError(f"{type(explainer).__name__} cannot be asked in your own words.")


@answer.register
def _(explainer: AlignedExplainer, questions: Sequence[Request], show_progress: bool = False) -> list[str]:
    return explainer.text_generator.write(explainer.prompts(questions), MAX_TOKENS, show_progress)


@answer.register
def _(explainer: ChatExplainer, questions: Sequence[Request], show_progress: bool = False) -> list[str]:
    asked: list[list[Message]] = [
        [
            {"role": "system", "content": _SYSTEM},
            {"role": "user", "content": as_text(question.pieces("behavior"), explainer.catalogue)},
        ]
        for question in questions
    ]
    return [reply or "" for reply in explainer.client.ask(asked, read_text, show_progress)]


def yes_probabilities(explainer: AlignedExplainer, questions: Sequence[Request]) -> list[float]:
    """The probability that an answer begins with "Yes" rather than "No", for each of R questions.

    It exists also where the answer that the model would write begins with neither.
    """
    words = explainer.encoder.choices("Yes", "No")
    told = generation.choice_probability(
        explainer.model, explainer.prompts(questions), (words[0], words[1]), precision=explainer.precision
    )
    return [float(p) for p in told]
