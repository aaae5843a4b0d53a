"""The six training tasks of the paper (sections 2.2 and 2.3) and two more, as prompts and answers made of pieces.

Explanations are in the backbone's own words. The relation mode instead learns explanations derived from the effects
that its tokens show (from measured ones where its prompt states them), and to name the causes of a decision
(`attribution`).
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from recx.prompts.conversations import Conversation
from recx.prompts.explanation_tasks import examples_from_effects, examples_in_own_words
from recx.prompts.labelled_tasks import DRAWS, LABELLED_TASKS
from recx.prompts.modes import MODE_SPECS, Mode
from recx.prompts.task_data import ExampleSpec, TaskData, shuffled_cycle
from recx.prompts.training_example import Example

TASKS = ("retrieval", "ranking", "preference", "item", "conversation", "reconstruction", "explanation", "attribution")


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
            yield from examples_from_effects(data, mode, name, wording, opening, rng)
        elif name == "attribution":
            continue  # prompts of the other modes contain nothing from which the causes could be read
        elif name == "explanation":
            # If a mode shows titles, its explanations cite those shown; citing from the vector would unlearn copying.
            shown = [form if MODE_SPECS[form].shows_titles else mode for form in chosen]
            yield from examples_in_own_words(data, shown, wording, opening, rng)
        else:
            rows = data.preference_rows if name == "preference" else range(len(data.histories))
            task = LABELLED_TASKS[name]
            any_row, draws = shuffled_cycle(len(rows), count, rng), task.named(rng.random((count, DRAWS)))
            with_titles = bisect_left(rows, len(data.histories) if data.with_titles is None else data.with_titles)
            titled = shuffled_cycle(with_titles, count, rng)
            for n, form in enumerate(chosen):
                row = rows[titled[n] if MODE_SPECS[form].shows_titles else any_row[n]]
                yield task.example(ExampleSpec(data, form, row, wording[n], opening[n]), **draws[n])


def _conversations(conversations: Sequence[Conversation], count: int, rng: np.random.Generator) -> Iterator[Example]:
    """Task 5: general conversations."""
    for n in shuffled_cycle(len(conversations), count, rng):
        turns = conversations[n].turns
        yield Example("conversation", [turns[-2]], [turns[-1]], turns[:-2])
