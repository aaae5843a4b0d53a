"""Questions about a recommendation to a group, and a template that answers them without a language model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recx.data.catalogue import Catalogue
from recx.prompts.evidence import of_hundred
from recx.prompts.modes import Mode
from recx.prompts.pieces import Piece, Title, as_text, titles
from recx.prompts.requests import Request

# Key of `RULES` -> what the recommender looks for, as a prompt tells it, and the sentence of the template.
TOLD: dict[str, str] = {
    "additive utilitarian": "the title with the highest sum over all members",
    "least misery": "the title with which the least satisfied member is best off",
    "most pleasure": "the title that some member likes the most",
    "approval": "the title that the most members approve of",
}
SENTENCES: dict[str, str] = {
    "additive utilitarian": "Over all members together, no other title has a higher sum.",
    "least misery": "With no other title is the least satisfied member better off.",
    "most pleasure": "No other title is liked more by the member who likes it most.",
    "approval": "No other title has more members who approve of it.",
}


@dataclass(frozen=True)
class GroupQuestion(Request):
    """Why was an item recommended to a group, and by which rule?

    `history` holds the shown items of all members, one after the other.

    Attributes:
        members: item indices to show of each of G members, oldest first.
        places: (G,) above how many of 100 titles the item ranks for each member.
        rule: key of `TOLD`, if the prompt says by which rule the item was chosen.
    """

    members: tuple[np.ndarray, ...] = ()
    places: tuple[int, ...] = ()
    rule: str = ""

    def pieces(self, form: Mode) -> list[Piece]:
        """The prompt, which has titles in every mode: no mode has a form with several people."""
        asked: list[Piece] = []
        for number, shown in enumerate(self.members, 1):
            asked += [f"Member {number} picked ", *titles(shown), ". "]
        told = [f"It was chosen as {TOLD[self.rule]}. "] if self.rule else []
        return [
            *asked,
            "The recommender suggests ",
            Title(self.items[0]),
            f" to the group. {ranked(self.places)} ",
            *told,
            "Why did the group get it, and by which rule was it chosen for all of them?",
        ]


def group_question(
    histories: Sequence[np.ndarray], item: int, satisfied: Sequence[float], rule: str = "", shown: int = 3
) -> GroupQuestion:
    """Build the question about one group.

    Args:
        histories: of the G members.
        item: what the group was recommended.
        satisfied: (G,) how content each member is with it, from 0 to 1.
        rule: told to the explainer, or empty.
        shown: how many of the latest items of each member to show.
    """
    members = tuple(np.asarray(history, dtype=np.int64)[-shown:] for history in histories)
    places = tuple(of_hundred(share) for share in satisfied)
    return GroupQuestion(
        "explanation", np.concatenate(members), (int(item),), members=members, places=places, rule=rule
    )


def template_answer(question: GroupQuestion, rule: str, catalogue: Catalogue) -> str:
    """Answer with the sentence of a rule, and with what every member thinks of the item."""
    item = as_text([Title(question.items[0])], catalogue)
    return f"The group gets {item}. {SENTENCES[rule]} {ranked(question.places)}"


def ranked(places: Sequence[int]) -> str:
    """Say above how many of 100 titles an item ranks for each member."""
    said = [f"{place} of 100 titles for member {number}" for number, place in enumerate(places, 1)]
    listed = " and above ".join([", above ".join(said[:-1]), said[-1]]) if len(said) > 1 else said[0]
    return f"It ranks above {listed}."
