"""The six training tasks of the paper (section 4), as prompts and answers in pieces."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from recx.data.catalogue import Catalogue
from recx.prompts import wordings as prompts
from recx.prompts.controls import all_wordings
from recx.prompts.conversations import Conversation
from recx.prompts.templates import describe, summarise
from recx.prompts.wordings import Entity, Mode, Piece, Title, render
from recx.recommenders.labels import VERDICTS, Labels

TASKS = ("retrieval", "ranking", "preference", "item", "conversation", "reconstruction", "explanation")
NEIGHBOURS = 3


@dataclass(frozen=True, slots=True)
class Example:
    """One row of training.

    Attributes:
        task: one of `TASKS`.
        prompt: what is asked.
        response: the answer to learn.
        earlier: turns that went before (conversations only).
        ends: whether the answer ends there; False where only its beginning is learnt.
        further: more questions about the same person, each with its answer, to learn as well.
    """

    task: str
    prompt: list[Piece]
    response: list[Piece]
    earlier: tuple[str, ...] = ()
    ends: bool = True
    further: tuple[tuple[list[Piece], list[Piece]], ...] = ()


@dataclass(frozen=True)
class TaskData:
    """All that examples are made from.

    Attributes:
        catalogue: titles and attributes.
        histories: H histories of item indices; row h of the user vectors belongs to `histories[h]`.
        labels: the target's labels of the histories.
        neighbours: (N + 1, k) nearest items by the target's item vectors, or None for a black box.
        conversations: general conversations (task 5).
        explanations: (history row, item, instruction, answer) in the backbone's own words.
        longest: how many of the latest items a prompt shows.
        shown: prompts with titles draw from the first `shown` histories only, but for explanations, which bring their
            own; from all unless told. Made-up histories are there for their user vectors; titles make rows longer.
    """

    catalogue: Catalogue
    histories: Sequence[np.ndarray]
    labels: Labels
    neighbours: np.ndarray | None = None
    conversations: Sequence[Conversation] = ()
    explanations: Sequence[tuple[int, int, str, str]] = ()
    longest: int = 10
    shown: int | None = None

    @property
    def readable(self) -> int:
        """How many histories prompts with titles draw from."""
        return len(self.histories) if self.shown is None else self.shown

    @cached_property
    def instructions(self) -> tuple[str, ...]:
        """Wordings of every wish about an explanation that this catalogue allows."""
        return all_wordings(list(self.catalogue.attributes))

    def recent(self, row: int) -> np.ndarray:
        """The part of a history that a prompt shows."""
        return self.histories[row][-self.longest :]


def forms_of(mode: Mode) -> tuple[tuple[Mode, ...], tuple[float, ...]]:
    """Prompt forms that a mode trains on, with their shares of the rows.

    Hybrid holds all three, as in the paper's text; rows of the intention form are a third as long as the others.
    """
    return (("hybrid", "behavior", "intention"), (0.45, 0.1, 0.45)) if mode == "hybrid" else ((mode,), (1.0,))


def build_examples(
    data: TaskData, mode: Mode, counts: Mapping[str, int], rng: np.random.Generator
) -> Iterator[Example]:
    """Examples of every task, `counts[task]` each, in the forms of one mode.

    Histories are walked in a random order, again from the start when a task wants more rows than there are.
    """
    forms, shares = forms_of(mode)
    makers: dict[str, Callable[..., Example]] = {
        "retrieval": _retrieval,
        "ranking": _ranking,
        "preference": _preference,
        "item": _item,
        "reconstruction": _reconstruction,
    }
    for task in TASKS:
        count = counts.get(task, 0)
        chosen = [forms[f] for f in rng.choice(len(forms), size=count, p=shares)]
        # Draws are made for all rows at once: a generator call a row would cost more than the row.
        wording, opening = rng.integers(8, size=count).tolist(), rng.integers(4, size=count).tolist()
        if task == "conversation":
            yield from _conversations(data.conversations, count, rng)
        elif task == "explanation":
            # Where a mode shows titles, explanations cite what is shown: citing out of the vector unlearns copying.
            shown = [mode if form == "intention" else form for form in chosen]
            yield from _explanations(data, shown, wording, opening, rng)
        else:
            rows, extra = walk(len(data.histories), count, rng), rng.random((count, 24))
            readable = walk(data.readable, count, rng)
            for n, form in enumerate(chosen):
                row = rows[n] if form == "intention" else readable[n]
                yield makers[task](data, form, row, wording[n], opening[n], extra[n])


def question(
    data: TaskData,
    mode: Mode,
    row: int,
    opening: int,
    wording: str,
    items: Sequence[int] = (),
    user_row: int | None = None,
) -> list[Piece]:
    """Subject and question: the prompt of every task about a person.

    Args:
        data: histories and catalogue.
        mode: form of the prompt.
        row: which history.
        opening: index into the mode's openings.
        wording: text with an `{item}` or a `{candidates}` slot, or none.
        items: the item, or the candidates.
        user_row: row of the user vector; `row` unless told.
    """
    person = prompts.subject(mode, opening, data.recent(row), row if user_row is None else user_row)
    if "{item}" in wording:
        return person + render(wording, item=prompts.item_slot(mode, int(items[0])))
    if "{candidates}" in wording:
        return person + render(wording, candidates=prompts.candidates_slot(mode, items))
    return person + [wording]


def walk(total: int, count: int, rng: np.random.Generator) -> list[int]:
    """`count` of the numbers below `total` in random order; again from the start where that is more than there are."""
    rounds = -(-count // total) if total else 0
    return np.concatenate([rng.permutation(total) for _ in range(rounds)])[:count].tolist() if rounds else []


def _retrieval(data: TaskData, form: Mode, row: int, wording: int, opening: int, extra: np.ndarray) -> Example:
    prompt = question(data, form, row, opening, prompts.RETRIEVAL[wording])
    return Example("retrieval", prompt, [Title(int(data.labels.top[row, 0]))])


def _ranking(data: TaskData, form: Mode, row: int, wording: int, opening: int, extra: np.ndarray) -> Example:
    ranked = data.labels.ranked[row]
    shown = ranked[np.argsort(extra[: len(ranked)])]
    prompt = question(data, form, row, opening, prompts.RANKING[wording], shown)
    return Example("ranking", prompt, prompts.titles(ranked))


def _preference(data: TaskData, form: Mode, row: int, wording: int, opening: int, extra: np.ndarray) -> Example:
    """Task 3; every third time as the first word of an explanation, so that the decision carries over to those."""
    verdicts = (extra[:VERDICTS] < 0.5).tolist()
    pools = {True: data.labels.liked[row].tolist(), False: data.labels.disliked[row].tolist()}
    items = [pools[liked][n] for n, liked in enumerate(verdicts)]
    answers = [["Yes" if liked else "No"] for liked in verdicts]
    if extra[VERDICTS] < 0.35:
        prompt = question(data, form, row, opening, prompts.EXPLANATION[wording], items[:1])
        wish = extra[VERDICTS + 1]
        if wish < 0.5:
            prompt.append(" " + data.instructions[int(2 * wish * len(data.instructions))])
        return Example("preference", prompt, answers[0], ends=False)
    prompt = question(data, form, row, opening, prompts.PREFERENCE[wording], items[:1])
    # The history is said once for several questions: most of a row's cost is its history.
    further = tuple(
        (render(prompts.PREFERENCE[(wording + n) % 8], item=prompts.item_slot(form, items[n])), answers[n])
        for n in range(1, VERDICTS)
    )
    return Example("preference", prompt, answers[0], further=further)


def _item(data: TaskData, form: Mode, row: int, wording: int, opening: int, extra: np.ndarray) -> Example:
    """Task 4: name, one attribute, all facts, or the neighbours of a random item."""
    item = 1 + int(extra[0] * len(data.catalogue))
    slot = prompts.item_slot(form, item)
    facts = data.catalogue.facts(item)
    kinds = ["name"] * 3 if form == "intention" else []
    kinds += ["attribute", "attribute", "description"] if facts else []
    kinds += ["related"] if data.neighbours is not None else []
    told = {name: values[item] for name, values in data.catalogue.texts.items() if values[item]}
    kinds += ["attribute"] if told else []
    kind = kinds[int(extra[1] * len(kinds))] if kinds else "description"
    text = prompts.ALL_WORDINGS[kind][wording]
    if kind == "name":
        return Example("item", render(text, item=slot), [Title(item)])
    if kind == "related":
        near = data.neighbours[item][:NEIGHBOURS]
        return Example("item", render(text, item=slot), prompts.titles(near))
    if kind == "attribute":
        known = facts | {name: (excerpt(values),) for name, values in told.items()}
        column = list(known)[int(extra[2] * len(known))]
        shown = column.replace("_", " ")
        return Example("item", render(text, item=slot, attribute=shown), [", ".join(known[column]).rstrip(".") + "."])
    return Example("item", render(text, item=slot), describe(data.catalogue, item))


def excerpt(texts: Sequence[str], words: int = 24) -> str:
    """The beginning of a shop's text, to the end of a sentence where one ends in time."""
    kept = " ".join(texts).split()[:words]
    ends = [n for n, word in enumerate(kept, 1) if word.endswith((".", "!", "?")) and n > words // 3]
    return " ".join(kept[: ends[-1]] if ends else kept).replace('"', "'")


def _reconstruction(data: TaskData, form: Mode, row: int, wording: int, opening: int, extra: np.ndarray) -> Example:
    """Task 6: the titles behind a user vector, or the taste in words (from titles where the form has them)."""
    if form == "behavior" or extra[0] < 0.4:
        prompt = question(data, form, row, opening, prompts.SUMMARY[wording])
        return Example("reconstruction", prompt, summarise(data.catalogue, data.recent(row)))
    prompt = question(data, "intention", row, opening, prompts.HISTORY[wording])
    return Example("reconstruction", prompt, prompts.titles(data.recent(row)))


def _conversations(conversations: Sequence[Conversation], count: int, rng: np.random.Generator) -> Iterator[Example]:
    for n in walk(len(conversations), count, rng):
        turns = conversations[n].turns
        yield Example("conversation", [turns[-2]], [turns[-1]], turns[:-2])


def _explanations(
    data: TaskData, forms: Sequence[Mode], wording: Sequence[int], opening: Sequence[int], rng: np.random.Generator
) -> Iterator[Example]:
    for n, choice in enumerate(walk(len(data.explanations), len(forms), rng)):
        row, item, instruction, answer = data.explanations[choice]
        prompt = question(data, forms[n], row, opening[n], prompts.EXPLANATION[wording[n]], [item])
        prompt += [f" {instruction}"] if instruction else []
        yield Example("explanation", prompt, quoted_pieces(answer, data.catalogue.index_of_label))


def quoted_pieces(text: str, index_of_label: Mapping[str, int]) -> list[Piece]:
    """Split a text into plain pieces and `Title`s, wherever a catalogue label stands in double quotes."""
    parts = text.split('"')
    pieces: list[Piece] = []
    for n, part in enumerate(parts):
        if n % 2 and part in index_of_label:
            pieces.append(Title(index_of_label[part]))
        elif n % 2:
            pieces.append(f'"{part}"' if n + 1 < len(parts) else f'"{part}')
        elif part:
            pieces.append(part)
    return pieces


def as_text(pieces: Sequence[Piece], catalogue: Catalogue) -> str:
    """Pieces as a person reads them: titles quoted, vectors as `<user>` and `<item>`."""
    shown = []
    for piece in pieces:
        if isinstance(piece, Title):
            shown.append(f'"{catalogue.labels[piece.item]}"')
        else:
            shown.append(f"<{piece.kind}>" if isinstance(piece, Entity) else piece)
    return "".join(shown)
