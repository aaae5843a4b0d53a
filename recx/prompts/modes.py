"""The modes of alignment: what stands for a person and for an item in a prompt (paper section 4.2).

A mode is one entry of `MODE_SPECS` and its name in `recx.settings.MODES`; how many training rows it has is the setting
`align.rows_<mode>`.
"""

from dataclasses import dataclass
from typing import Literal

Mode = Literal["behavior", "intention", "hybrid", "relation"]


@dataclass(frozen=True)
class ModeSpec:
    """What the prompts of a mode hold, and which prompts it is trained on.

    Attributes:
        shows_titles: the titles of the history stand for a person, its title for an item.
        reads_vectors: the target's vectors stand for person and item, beside the titles if it shows those too.
        reads_relations: a relation token stands before each title of a history, where one item is asked about.
        openings: four wordings that say who is asked about; they multiply with the eight questions of a task.
        trained_on: modes whose prompts are among its training rows, with their shares.
        seed: of its training rows, beside that of the run. Each mode keeps its own, so that a further mode leaves the
            rows of the others as they are.
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
        # All three forms, as in the paper's text; rows of the intention form are a third as long as the others.
        trained_on={"hybrid": 0.45, "behavior": 0.1, "intention": 0.45},
        seed=2,
    ),
    # Goes on from the hybrid mode and reads its form too; beyond the paper.
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
