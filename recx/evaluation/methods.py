"""Everyone who is asked: aligned modes, the unaligned backbone with and without examples, a chat model if told."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from recx.data.catalogue import Catalogue
from recx.data.split import Split
from recx.evaluation.alignment_effect import Pairs
from recx.explaining.aligned import Explainer
from recx.explaining.chat_explainer import ChatExplainer
from recx.explaining.in_context import Shots, draw_shots
from recx.explaining.records import Explanation
from recx.prompts.training_tasks import TaskData
from recx.recommenders.labels import label
from recx.recommenders.protocol import Scorer
from recx.settings import EvaluateSettings
from recx.storage.text_store import TextStore

Method = Explainer | ChatExplainer


def shots_of(target: Scorer, split: Split, catalogue: Catalogue, length: int, count: int, seed: int = 0) -> Shots:
    """Worked examples from training histories of randomly chosen people, answered as the target answers."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(split.train))[:count]
    histories = [split.train[r] for r in rows]
    data = TaskData(catalogue, histories, label(target, histories, length, rng), longest=length)
    return draw_shots(data, range(len(histories)), rng)


def all_methods(
    explainers: Mapping[str, Explainer], target: Scorer, split: Split, settings: EvaluateSettings, texts: Path
) -> dict[str, Method]:
    """Methods by name: `unaligned`, `unaligned ICL`, the chat model's name with ICL, then the aligned modes.

    Args:
        explainers: by mode, and `unaligned`.
        target: labels the worked examples.
        split: its training histories are the worked examples.
        settings: number of examples, and the chat model if there is one.
        texts: folder where texts are kept.
    """
    plain = explainers["unaligned"]
    shots = shots_of(target, split, plain.catalogue, plain.longest, settings.shots, settings.seed)
    found: dict[str, Method] = {"unaligned": plain}
    if settings.shots:
        found["unaligned ICL"] = plain.with_shots(shots)
    if settings.chat.address:
        store = TextStore(texts / "chat.jsonl")
        name = f"{settings.chat.model} ICL"
        found[name] = ChatExplainer(plain.catalogue, settings.chat, plain.longest, shots, store)
    return found | {mode: e for mode, e in explainers.items() if mode != "unaligned"}


def explain_all(
    methods: Mapping[str, Method], pairs: Pairs, texts: Path, show_progress: bool = True
) -> dict[str, list[Explanation]]:
    """Explanations of all pairs by all methods; what is in the folder of texts already is not written again."""
    found = {}
    for name, method in methods.items():
        items = pairs.items.tolist()
        if isinstance(method, Explainer):
            store = TextStore(texts / f"{name.replace(' ', '-')}.jsonl")
            found[name] = method.explain(pairs.histories, items, show_progress=show_progress, store=store)
        else:
            found[name] = method.explain(pairs.histories, items, show_progress=show_progress)
    return found
