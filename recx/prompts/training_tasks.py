"""The six training tasks of the paper (sections 2.2 and 2.3) and two more, as prompts and answers made of pieces.

Explanations are in the backbone's own words. The relation mode instead learns explanations derived from measured
effects, and to name the causes of a decision (`attribution`).
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from recx.attribution.effect_labels import EffectLabels
from recx.attribution.removal import players_of
from recx.data.catalogue import Catalogue
from recx.prompts import wordings
from recx.prompts.controls import Control, all_wordings, random_control
from recx.prompts.conversations import Conversation
from recx.prompts.evidence import evidence_of, explain_evidence, name_causes, tell
from recx.prompts.modes import MODE_SPECS, Mode
from recx.prompts.pieces import Piece, Title, item_slot, quoted_pieces, render, titles
from recx.prompts.requests import person_prompt
from recx.prompts.templates import describe_item, summarise_taste
from recx.recommenders.labels import CANDIDATES, PREFERENCE_ITEMS, Labels

TASKS = ("retrieval", "ranking", "preference", "item", "conversation", "reconstruction", "explanation", "attribution")
NEIGHBOURS = 3
DRAWS = 24  # uniform random numbers drawn for each row; a task uses as many as its `draws` state


@dataclass(frozen=True, slots=True)
class Example:
    """One training row.

    Attributes:
        task: one of `TASKS`.
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
        told_share: share of the explanations from effects whose prompts state the measured causes instead of showing
            relation tokens.
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
        self, wording: str, items: Sequence[int] = (), form: Mode | None = None, related: bool = True
    ) -> list[Piece]:
        """Build the prompt with this wording, by default in the row's form and with relation tokens if it has them."""
        history = self.data.recent(self.row)
        return person_prompt(form or self.form, self.opening, history, self.row, wording, items, related)


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


def build_examples(
    data: TaskData, mode: Mode, counts: Mapping[str, int], rng: np.random.Generator
) -> Iterator[Example]:
    """Yield `counts[task]` examples of every task, in the forms of one mode.

    Histories are visited in random order, repeatedly if a task has more rows than there are histories.
    """
    forms, shares = zip(*MODE_SPECS[mode].trained_on.items(), strict=True)
    for name in TASKS:
        count = counts.get(name, 0)
        chosen = [forms[f] for f in rng.choice(len(forms), size=count, p=shares)]
        # All rows are drawn at once: calling the generator for each row would take longer than building the row.
        wording, opening = rng.integers(8, size=count).tolist(), rng.integers(4, size=count).tolist()
        if name == "conversation":
            yield from _conversations(data.conversations, count, rng)
        elif MODE_SPECS[mode].reads_relations and name in ("explanation", "attribution"):
            yield from _from_effects(data, mode, name, wording, opening, rng)
        elif name == "attribution":
            continue  # prompts of the other modes contain nothing from which the causes could be read
        elif name == "explanation":
            # If a mode shows titles, its explanations cite those shown; citing from the vector would unlearn copying.
            shown = [form if MODE_SPECS[form].shows_titles else mode for form in chosen]
            yield from _explanations(data, shown, wording, opening, rng)
        else:
            rows = data.preference_rows if name == "preference" else range(len(data.histories))
            task = _TASKS[name]
            any_row, draws = shuffled_cycle(len(rows), count, rng), task.named(rng.random((count, DRAWS)))
            with_titles = bisect_left(rows, len(data.histories) if data.with_titles is None else data.with_titles)
            titled = shuffled_cycle(with_titles, count, rng)
            for n, form in enumerate(chosen):
                row = rows[titled[n] if MODE_SPECS[form].shows_titles else any_row[n]]
                yield task.example(ExampleSpec(data, form, row, wording[n], opening[n]), **draws[n])


def shuffled_cycle(total: int, count: int, rng: np.random.Generator) -> list[int]:
    """Return `count` numbers below `total` in random order, going through all of them repeatedly if need be."""
    rounds = -(-count // total) if total else 0
    return np.concatenate([rng.permutation(total) for _ in range(rounds)])[:count].tolist() if rounds else []


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


def excerpt(texts: Sequence[str], words: int = 24) -> str:
    """Return the first words of a shop's text, up to the end of a sentence if one ends late enough among them."""
    kept = " ".join(texts).split()[:words]
    ends = [n for n, word in enumerate(kept, 1) if word.endswith((".", "!", "?")) and n > words // 3]
    return " ".join(kept[: ends[-1]] if ends else kept).replace('"', "'")


def _reconstruction(spec: ExampleSpec, summary: float) -> Example:
    """Task 6: the titles behind a user vector, or the taste in words (read from the titles if the form shows them)."""
    recent = spec.data.recent(spec.row)
    if not MODE_SPECS[spec.form].reads_vectors or summary < 0.4:
        prompt, answer = spec.prompt(wordings.SUMMARY[spec.wording]), summarise_taste(spec.data.catalogue, recent)
    else:
        prompt, answer = spec.prompt(wordings.HISTORY[spec.wording], form="intention"), titles(recent)
    return Example("reconstruction", prompt, answer)


_TASKS = {
    "retrieval": Task(_retrieval),
    "ranking": Task(_ranking, {"order": CANDIDATES}),
    "preference": Task(_preference, {"liked": PREFERENCE_ITEMS, "as_explanation": 1, "with_instruction": 1}),
    "item": Task(_item, {"item": 1, "kind": 1, "attribute": 1}),
    "reconstruction": Task(_reconstruction, {"summary": 1}),
}


def _conversations(conversations: Sequence[Conversation], count: int, rng: np.random.Generator) -> Iterator[Example]:
    """Task 5: general conversations."""
    for n in shuffled_cycle(len(conversations), count, rng):
        turns = conversations[n].turns
        yield Example("conversation", [turns[-2]], [turns[-1]], turns[:-2])


def _from_effects(
    data: TaskData, mode: Mode, task: str, wording: Sequence[int], opening: Sequence[int], rng: np.random.Generator
) -> Iterator[Example]:
    """Explanations and causes based on the measured effects, in the form of the mode."""
    measured, views = data.effects, list(data.catalogue.attributes)
    if measured is None:
        return
    for n, choice in enumerate(shuffled_cycle(len(measured), len(wording), rng)):
        row, item = int(measured.rows[choice]), int(measured.items[choice])
        shown = measured.shown[choice]
        players = players_of(shown[shown > 0])
        first = [int(np.flatnonzero(shown == player)[0]) for player in players]
        evidence = evidence_of(
            players,
            measured.effects[choice][first],
            item,
            measured.liked[choice],
            measured.shares_below[choice],
            measured.shares_without[choice][first],
        )
        spec = ExampleSpec(data, mode, row, wording[n], opening[n])
        told = task == "explanation" and rng.random() < data.told_share
        prompt = spec.prompt(wordings.ALL_WORDINGS[task][wording[n]], [item], related=not told)
        if task == "attribution":
            yield Example(task, prompt, name_causes(evidence))
            continue
        control = random_control(rng, views) if views and rng.random() < 0.3 else Control()
        instruction = control.wording(int(rng.integers(8)))
        prompt += [f" {instruction}"] if instruction else []
        prompt += tell(evidence) if told else []
        yield Example(task, prompt, explain_evidence(rng, data.catalogue, evidence, control, numbers=told))


def _explanations(
    data: TaskData, forms: Sequence[Mode], wording: Sequence[int], opening: Sequence[int], rng: np.random.Generator
) -> Iterator[Example]:
    """Explanations that the backbone itself wrote, in the form of the mode."""
    for n, choice in enumerate(shuffled_cycle(len(data.explanations), len(forms), rng)):
        row, item, instruction, answer = data.explanations[choice]
        prompt = ExampleSpec(data, forms[n], row, wording[n], opening[n]).prompt(
            wordings.EXPLANATION[wording[n]], [item]
        )
        prompt += [f" {instruction}"] if instruction else []
        yield Example("explanation", prompt, quoted_pieces(answer, data.catalogue.index_of_label))
