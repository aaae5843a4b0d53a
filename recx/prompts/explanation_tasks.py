"""The tasks of explaining: from effects on the target's decision, or in the backbone's own words."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from recx.attribution.effect_labels import EffectLabels
from recx.attribution.removal import players_of
from recx.prompts import wordings
from recx.prompts.controls import Control, random_control
from recx.prompts.evidence import Evidence, evidence_of, explain_evidence, name_causes, tell
from recx.prompts.modes import Mode
from recx.prompts.pieces import quoted_pieces
from recx.prompts.task_data import ExampleSpec, TaskData, shuffled_cycle
from recx.prompts.training_example import Example

PLACE_UNKNOWN = (
    0.25  # share of the told texts whose evidence lacks the place without the first cause, as predictions do
)


def examples_from_effects(
    data: TaskData, mode: Mode, task: str, wording: Sequence[int], opening: Sequence[int], rng: np.random.Generator
) -> Iterator[Example]:
    """Examples from the effects that the mode's tokens show; told explanations use the measured effects."""
    views = list(data.catalogue.attributes)
    if data.effects is None:
        return
    for n, choice in enumerate(shuffled_cycle(len(data.effects), len(wording), rng)):
        told = task == "explanation" and rng.random() < data.told_share
        effects = data.effects if told or data.predicted is None else data.predicted
        evidence = evidence_of_pair(effects, choice)
        if told and rng.random() < PLACE_UNKNOWN:
            evidence = replace(evidence, share_without=None)
        item = evidence.item
        spec = ExampleSpec(data, mode, int(effects.rows[choice]), wording[n], opening[n])
        roles = [evidence.role(title) for title in data.recent(spec.row).tolist()] if told else []
        prompt = spec.prompt(wordings.ALL_WORDINGS[task][wording[n]], [item], roles=roles)
        if task == "attribution":
            yield Example(task, prompt, name_causes(evidence))
            continue
        control = random_control(rng, views) if rng.random() < 0.3 else Control()
        instruction = control.wording(int(rng.integers(8)))
        prompt += [f" {instruction}"] if instruction else []
        prompt += tell(evidence) if told else []
        yield Example(task, prompt, explain_evidence(rng, data.catalogue, evidence, control, numbers=told))


def evidence_of_pair(effects: EffectLabels, pair: int) -> Evidence:
    """What the measured or predicted effects of one pair say, by its index."""
    shown = effects.shown[pair]
    players = players_of(shown[shown > 0])
    first = [int(np.flatnonzero(shown == player)[0]) for player in players]
    return evidence_of(
        players,
        effects.effects[pair][first],
        int(effects.items[pair]),
        bool(effects.liked[pair]),
        float(effects.shares_below[pair]),
        effects.shares_without[pair][first],
    )


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
