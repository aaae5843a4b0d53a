"""The alignment modes: how a prompt represents a person and an item (paper sections 2.2 to 2.4).

A mode is one entry of `MODE_SPECS` and its name in `recx.settings.MODES`; its number of training rows is the setting
`align.rows_<mode>`.
"""

from dataclasses import dataclass
from typing import Literal

Mode = Literal["behavior", "intention", "hybrid", "relation"]


@dataclass(frozen=True)
class ModeSpec:
    """What the prompts of a mode contain, and on which prompts it is trained.

    Attributes:
        shows_titles: a person is represented by the titles of the history, an item by its title.
        reads_vectors: person and item are represented by the target's vectors, in addition to any titles.
        reads_relations: a relation token precedes each title of a history when one item is in question.
        openings: four wordings that introduce the person; combined with the eight questions of a task.
        trained_on: modes whose prompts are among its training rows, with their shares.
        seed: seed of its training rows, in addition to the run's. Each mode has its own, so that adding a mode does not
            change the rows of the others.
    """

    shows_titles: bool
    reads_vectors: bool
    reads_relations: bool
    openings: tuple[str, ...]
    trained_on: dict[Mode, float]
    seed: int


MODE_SPECS: dict[Mode, ModeSpec] = {
    "behavior": ModeSpec(
        shows_titles=True,
        reads_vectors=False,
        reads_relations=False,
        openings=(
            "History: {history}. ",
            "A person picked, in this order: {history}. ",
            "So far someone chose {history}. ",
            "Past choices: {history}. ",
        ),
        trained_on={"behavior": 1.0},
        seed=0,
    ),
    "intention": ModeSpec(
        shows_titles=False,
        reads_vectors=True,
        reads_relations=False,
        openings=(
            "User {user}. ",
            "The recommender sees a person as {user}. ",
            "Take the user vector {user}. ",
            "Profile {user}. ",
        ),
        trained_on={"intention": 1.0},
        seed=1,
    ),
    "hybrid": ModeSpec(
        shows_titles=True,
        reads_vectors=True,
        reads_relations=False,
        openings=(
            "History: {history}. User {user}. ",
            "A person picked, in this order: {history}. The recommender sees them as {user}. ",
            "So far someone chose {history}, with the user vector {user}. ",
            "Past choices: {history}. Profile {user}. ",
        ),
        # All three forms, as in the paper's text; rows in the intention form are a third as long as the others.
        trained_on={"hybrid": 0.45, "behavior": 0.1, "intention": 0.45},
        seed=2,
    ),
    # Continues from the hybrid mode and reads its form too; an extension of the paper.
    "relation": ModeSpec(
        shows_titles=True,
        reads_vectors=True,
        reads_relations=True,
        openings=(
            "History: {history}. User {user}. ",
            "A person picked, in this order: {history}. The recommender sees them as {user}. ",
            "So far someone chose {history}, with the user vector {user}. ",
            "Past choices: {history}. Profile {user}. ",
        ),
        trained_on={"relation": 0.4, "hybrid": 0.2, "behavior": 0.1, "intention": 0.3},
        seed=3,
    ),
}
