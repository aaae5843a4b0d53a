"""Tasks 1 to 4 and 6 of the paper: questions about a person or an item that labels or the catalogue answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from recx.prompts import wordings
from recx.prompts.modes import MODE_SPECS
from recx.prompts.pieces import Piece, Title, item_slot, render, titles
from recx.prompts.task_data import ExampleSpec
from recx.prompts.templates import describe_item, excerpt, summarise_taste
from recx.prompts.training_example import Example
from recx.recommenders.labels import CANDIDATES, PREFERENCE_ITEMS

NEIGHBOURS = 3
DRAWS = 24  # uniform random numbers drawn for each row; a task uses as many as its `draws` state


@dataclass(frozen=True)
class Task:
    """A task about a person or an item.

    Attributes:
        example: function that builds a row from an `ExampleSpec` and the named draws.
        draws: name of each random draw -> how many uniform numbers it consists of; one number is passed as a scalar,
            several as an array.
    """

    example: Callable[..., Example]
    draws: Mapping[str, int] = field(default_factory=dict)

    def named(self, numbers: np.ndarray) -> list[dict[str, Any]]:
        """Name the draws of each row, given (R, DRAWS) uniform numbers."""
        starts = np.cumsum([0, *self.draws.values()])
        columns = {
            name: numbers[:, start] if count == 1 else numbers[:, start : start + count]
            for (name, count), start in zip(self.draws.items(), starts, strict=False)
        }
        return [{name: values[row] for name, values in columns.items()} for row in range(len(numbers))]


def _retrieval(spec: ExampleSpec) -> Example:
    """Task 1: the item that the target ranks first."""
    return Example(
        "retrieval", spec.prompt(wordings.RETRIEVAL[spec.wording]), [Title(int(spec.data.labels.top[spec.row, 0]))]
    )


def _ranking(spec: ExampleSpec, order: np.ndarray) -> Example:
    """Task 2: five items to be put into the target's order; `order` shuffles them in the question."""
    ranked = spec.data.labels.ranked[spec.row]
    return Example("ranking", spec.prompt(wordings.RANKING[spec.wording], ranked[np.argsort(order)]), titles(ranked))


def _preference(spec: ExampleSpec, liked: np.ndarray, as_explanation: float, with_instruction: float) -> Example:
    """Task 3: whether the target likes an item.

    In about a third of the rows the answer is the first word of an explanation, so that the decision carries over to
    explanations.

    Args:
        spec: the history and the form.
        liked: uniform numbers that decide for each item in question whether it is a liked one.
        as_explanation: uniform number that decides whether the prompt asks for an explanation.
        with_instruction: uniform number that decides whether there is an instruction, and which.
    """
    data, row = spec.data, spec.row
    decisions = (liked < 0.5).tolist()
    questions = 1 if MODE_SPECS[spec.form].reads_relations else PREFERENCE_ITEMS  # relation tokens refer to one item
    pools = {True: data.labels.liked[row].tolist(), False: data.labels.disliked[row].tolist()}
    items = [pools[decision][n] for n, decision in enumerate(decisions)]
    answers: list[list[Piece]] = [["Yes" if decision else "No"] for decision in decisions]
    if as_explanation < 0.35:
        prompt = spec.prompt(wordings.EXPLANATION[spec.wording], items[:1])
        if with_instruction < 0.5:
            prompt.append(" " + data.instructions[int(2 * with_instruction * len(data.instructions))])
        return Example("preference", prompt, answers[0], ends=False)
    # Several questions share one history, since it makes up most of the cost of a row.
    further = tuple(
        (render(wordings.PREFERENCE[(spec.wording + n) % 8], item=item_slot(spec.form, items[n])), answers[n])
        for n in range(1, questions)
    )
    prompt = spec.prompt(wordings.PREFERENCE[spec.wording], items[:1])
    return Example("preference", prompt, answers[0], further=further)


def _item(spec: ExampleSpec, item: float, kind: float, attribute: float) -> Example:
    """Task 4: the name, one attribute, all facts or the neighbours of a random item.

    Args:
        spec: the form of the prompt; the person is irrelevant.
        item: uniform number that selects the item.
        kind: uniform number that selects the kind of question.
        attribute: uniform number that selects the attribute, if the question is about one.
    """
    catalogue, neighbours = spec.data.catalogue, spec.data.neighbours
    index = 1 + int(item * len(catalogue))
    slot, facts = item_slot(spec.form, index), catalogue.facts(index)
    excerpts = {name: (excerpt(values[index]),) for name, values in catalogue.texts.items() if values[index]}
    kinds = [] if MODE_SPECS[spec.form].shows_titles else ["name"] * 3
    kinds += ["attribute", "attribute", "description"] if facts else []
    kinds += ["related"] if neighbours is not None else []
    kinds += ["attribute"] if excerpts else []
    asked = kinds[int(kind * len(kinds))] if kinds else "description"
    slots: dict[str, str | Sequence[Piece]] = {"item": slot}
    if asked == "name":
        answer: list[Piece] = [Title(index)]
    elif asked == "related":
        answer = titles(neighbours[index][:NEIGHBOURS])
    elif asked == "attribute":
        known = facts | excerpts
        column = list(known)[int(attribute * len(known))]
        slots["attribute"] = column.replace("_", " ")
        answer = [", ".join(known[column]).rstrip(".") + "."]
    else:
        answer = describe_item(catalogue, index)
    return Example("item", render(wordings.ALL_WORDINGS[asked][spec.wording], **slots), answer)


def _reconstruction(spec: ExampleSpec, summary: float) -> Example:
    """Task 6: the titles behind a user vector, or the taste in words (read from the titles if the form shows them)."""
    recent = spec.data.recent(spec.row)
    if not MODE_SPECS[spec.form].reads_vectors or summary < 0.4:
        prompt, answer = spec.prompt(wordings.SUMMARY[spec.wording]), summarise_taste(spec.data.catalogue, recent)
    else:
        prompt, answer = spec.prompt(wordings.HISTORY[spec.wording], form="intention"), titles(recent)
    return Example("reconstruction", prompt, answer)


LABELLED_TASKS = {
    "retrieval": Task(_retrieval),
    "ranking": Task(_ranking, {"order": CANDIDATES}),
    "preference": Task(_preference, {"liked": PREFERENCE_ITEMS, "as_explanation": 1, "with_instruction": 1}),
    "item": Task(_item, {"item": 1, "kind": 1, "attribute": 1}),
    "reconstruction": Task(_reconstruction, {"summary": 1}),
}
