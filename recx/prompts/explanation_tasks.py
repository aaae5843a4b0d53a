"""The tasks of explaining: from measured effects, or in the backbone's own words."""

from collections.abc import Iterator, Sequence

import numpy as np

from recx.attribution.removal import players_of
from recx.prompts import wordings
from recx.prompts.controls import Control, random_control
from recx.prompts.evidence import evidence_of, explain_evidence, name_causes, tell
from recx.prompts.modes import Mode
from recx.prompts.pieces import quoted_pieces
from recx.prompts.task_data import ExampleSpec, TaskData, shuffled_cycle
from recx.prompts.training_example import Example


def examples_from_effects(
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


def examples_in_own_words(
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
