"""What training rows are built from, and the history that one of them is about."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from recx.attribution.effect_labels import EffectLabels
from recx.data.catalogue import Catalogue
from recx.prompts.controls import all_wordings
from recx.prompts.conversations import Conversation
from recx.prompts.modes import Mode
from recx.prompts.pieces import Piece
from recx.prompts.requests import person_prompt
from recx.recommenders.labels import Labels


@dataclass(frozen=True)
class TaskData:
    """The data that training examples are built from.

    Attributes:
        catalogue: titles and attributes.
        histories: H histories of item indices; row h of the user vectors belongs to `histories[h]`.
        labels: the target's labels for the histories.
        neighbours: (N + 1, k) nearest items by the target's item vectors, or None for a black box.
        conversations: general conversations (task 5).
        explanations: (history row, item, instruction, answer) in the backbone's own words.
        effects: effects on the target's decisions, measured for some histories; the relation mode's explanations are
            based on them.
        predicted: the same effects as the relation tokens show them; explanations whose prompts contain these tokens
            are based on them, so that text and tokens agree; if None, on the measured effects.
        told_share: share of the explanations from effects whose prompts state the measured causes, and show told
            tokens instead of relation tokens.
        max_history: how many of the latest items a prompt shows.
        with_titles: how many histories, from the first, prompts with titles are drawn from; all by default. It does
            not apply to explanations, whose histories are given. Synthetic histories serve for their user vectors
            only, because titles make rows longer.
    """

    catalogue: Catalogue
    histories: Sequence[np.ndarray]
    labels: Labels
    neighbours: np.ndarray | None = None
    conversations: Sequence[Conversation] = ()
    explanations: Sequence[tuple[int, int, str, str]] = ()
    max_history: int = 10
    with_titles: int | None = None
    effects: EffectLabels | None = None
    predicted: EffectLabels | None = None
    told_share: float = 0.25

    @cached_property
    def instructions(self) -> tuple[str, ...]:
        """Wordings of every instruction about an explanation that this catalogue allows."""
        return all_wordings(list(self.catalogue.attributes))

    @cached_property
    def preference_rows(self) -> list[int]:
        """Rows of the histories for which the target prefers some items to others; only these are used for task 3."""
        return self.labels.has_preference.nonzero()[0].tolist()

    def recent(self, row: int) -> np.ndarray:
        """The latest items of a history, which a prompt shows."""
        return self.histories[row][-self.max_history :]


@dataclass(frozen=True, slots=True)
class ExampleSpec:
    """The history that a training row is about, and its wording.

    Attributes:
        data: the data that examples are built from.
        form: mode that determines the form of the prompt.
        row: row of the history.
        wording: index into the wordings of the task.
        opening: index into the openings of the form.
    """

    data: TaskData
    form: Mode
    row: int
    wording: int
    opening: int

    def prompt(
        self, wording: str, items: Sequence[int] = (), form: Mode | None = None, roles: Sequence[int] = ()
    ) -> list[Piece]:
        """Build the prompt with this wording, by default in the row's form; for `roles`, see `person_prompt`."""
        history = self.data.recent(self.row)
        return person_prompt(form or self.form, self.opening, history, self.row, wording, items, roles)


def shuffled_cycle(total: int, count: int, rng: np.random.Generator) -> list[int]:
    """Return `count` numbers below `total` in random order, going through all of them repeatedly if need be."""
    rounds = -(-count // total) if total else 0
    return np.concatenate([rng.permutation(total) for _ in range(rounds)])[:count].tolist() if rounds else []
