"""Questions about one person, worded for an alignment mode: first the person, then the question."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from recx.data.catalogue import Catalogue
from recx.data.item_lookup import Item, find_item
from recx.errors import DataError
from recx.prompts.controls import Control, instruction_text
from recx.prompts.modes import MODE_SPECS, Mode
from recx.prompts.pieces import Entity, Piece, candidates_slot, item_slot, related_titles, render, titles
from recx.prompts.wordings import ALL_WORDINGS


def person_prompt(
    form: Mode,
    opening: int,
    history: Sequence[int] | np.ndarray,
    user: int,
    wording: str,
    items: Sequence[int] = (),
    roles: Sequence[int] | None = (),
) -> list[Piece]:
    """Build the prompt of a task about a person.

    Args:
        form: mode that determines whether titles, the user vector or both represent the person.
        opening: index into the openings of the form.
        history: item indices to show, oldest first (unused in the intention form).
        user: row of the user vector (unused in the behavior form).
        wording: text with an `{item}` slot, a `{candidates}` slot, or neither.
        items: the item, or the candidates.
        roles: in a form with relation tokens, the measured role of each title (`Evidence.role`), which told tokens
            show instead; None for neither.
    """
    spec = MODE_SPECS[form]
    related = spec.reads_relations and "{item}" in wording and roles is not None
    shown = related_titles(history, roles) if related else titles(history)
    person = render(spec.openings[opening], history=shown, user=[Entity("user", user)])
    if "{item}" in wording:
        return person + render(wording, item=item_slot(form, int(items[0])))
    if "{candidates}" in wording:
        return person + render(wording, candidates=candidates_slot(form, items))
    return person + [wording]


@dataclass(frozen=True)
class Request:
    """A question to an explainer about one person. All requests of a task have the same wording.

    Attributes:
        task: a key of `ALL_WORDINGS`.
        history: item indices to show in the prompt, oldest first.
        items: the item or the candidates in question; empty for tasks that are not about items.
        instruction: an instruction added to the question.
        evidence: measured causes of the target's decision, stated after the question.
        roles: measured role of each title that is shown, for a model that reads it from told tokens.
        older: earlier items of the history, which are not shown.
    """

    task: str
    history: np.ndarray
    items: tuple[int, ...] = ()
    instruction: str = ""
    evidence: tuple[Piece, ...] = ()
    roles: tuple[int, ...] = ()
    older: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @property
    def whole(self) -> np.ndarray:
        """The complete history, including what the prompt does not show."""
        return np.concatenate([self.older, self.history])

    def pieces(self, form: Mode) -> list[Piece]:
        """The prompt in the form of a mode; its only user vector has row 0."""
        roles = self.roles if self.roles or not self.evidence else None  # relation tokens might contradict the evidence
        asked = person_prompt(form, 0, self.history, 0, ALL_WORDINGS[self.task][0], self.items, roles)
        return [*asked, *([f" {self.instruction}"] if self.instruction else []), *self.evidence]


def requests_about(
    catalogue: Catalogue,
    task: str,
    histories: Sequence[Sequence[Item]],
    items: Sequence[Sequence[Item]] | np.ndarray | None,
    max_history: int,
    instruction: str | Control = "",
) -> list[Request]:
    """Build one question about each of R persons.

    Args:
        catalogue: the items; histories and items may be given as labels, source ids or indices.
        task: a key of `ALL_WORDINGS`.
        histories: R histories, oldest item first.
        items: the items in question for each person; None for tasks that are not about items.
        max_history: how many of the latest items to show.
        instruction: an instruction added to each question.

    Raises:
        DataError: a history is empty, or an item is unknown.
    """
    asked = [()] * len(histories) if items is None else [tuple(find_item(catalogue, i) for i in row) for row in items]
    text = instruction_text(instruction)
    whole = [history_of(catalogue, history) for history in histories]
    return [
        Request(task, history[-max_history:], row, text, older=history[:-max_history])
        for history, row in zip(whole, asked, strict=True)
    ]


def history_of(catalogue: Catalogue, items: Sequence[Item]) -> np.ndarray:
    """Return the item indices of a history given as labels, source ids or indices.

    Raises:
        DataError: the history is empty or contains an unknown item.
    """
    if len(items) == 0:
        raise DataError("The history is empty; name at least one item.")
    return np.array([find_item(catalogue, i) for i in items], dtype=np.int64)
