"""One training row: a question and the answer to learn, made of pieces."""

from dataclasses import dataclass

from recx.prompts.pieces import Piece


@dataclass(frozen=True, slots=True)
class Example:
    """One training row.

    Attributes:
        task: one of `recx.prompts.training_tasks.TASKS`.
        prompt: the question.
        response: the answer to learn.
        earlier: preceding turns (conversations only).
        ends: whether the answer is complete; False if only its beginning is to be learnt.
        further: further questions about the same person, each with the answer to learn.
    """

    task: str
    prompt: list[Piece]
    response: list[Piece]
    earlier: tuple[str, ...] = ()
    ends: bool = True
    further: tuple[tuple[list[Piece], list[Piece]], ...] = ()
