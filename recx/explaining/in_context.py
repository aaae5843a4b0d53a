"""In-context examples of the target's answers for models that are not aligned (paper section 3.2.3)."""

from collections.abc import Mapping, Sequence

import numpy as np

from recx.prompts import wordings
from recx.prompts.controls import Control
from recx.prompts.pieces import Piece, Title, titles
from recx.prompts.requests import person_prompt
from recx.prompts.task_data import TaskData
from recx.prompts.templates import templated_explanation

Shot = tuple[list[Piece], list[Piece]]
Shots = Mapping[str, Sequence[Shot]]


def draw_shots(data: TaskData, rows: Sequence[int], rng: np.random.Generator) -> dict[str, list[Shot]]:
    """Build one worked example per task and training history, answered as the target answered.

    Explanations begin with the target's decision (alternately yes and no) and continue with true facts that support
    it. A history for which the target has no preference yields examples of the first two tasks only.

    Args:
        data: training histories, catalogue and the target's labels.
        rows: indices of the histories; the paper uses two.
        rng: shuffles the candidates of the ranking task.

    Returns:
        task -> (prompt, answer) pairs, for `retrieval, ranking, preference, explanation`.
    """
    shots: dict[str, list[Shot]] = {name: [] for name in ("retrieval", "ranking", "preference", "explanation")}
    for n, row in enumerate(rows):
        liked = n % 2 == 0
        item = int((data.labels.liked if liked else data.labels.disliked)[row, 0])
        ranked = data.labels.ranked[row]

        def ask(wording: str, items: Sequence[int] = (), row: int = row) -> list[Piece]:
            return person_prompt("behavior", 0, data.recent(row), row, wording, items)

        shots["retrieval"].append((ask(wordings.RETRIEVAL[0]), [Title(int(data.labels.top[row, 0]))]))
        shots["ranking"].append((ask(wordings.RANKING[0], rng.permutation(ranked)), titles(ranked)))
        if not data.labels.has_preference[row]:
            continue
        shots["preference"].append((ask(wordings.PREFERENCE[0], [item]), ["Yes" if liked else "No"]))
        explanation = templated_explanation(rng, data.catalogue, data.recent(row).tolist(), item, liked, Control())
        shots["explanation"].append((ask(wordings.EXPLANATION[0], [item]), explanation))
    return shots
