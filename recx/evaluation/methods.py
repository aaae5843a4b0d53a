"""The methods compared: aligned modes, the unaligned backbone and a chat model, with and without examples."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from recx import paths
from recx.data.catalogue import Catalogue
from recx.data.split import Split
from recx.errors import SettingsError
from recx.evaluation.metric_records import label_of, metric_record
from recx.evaluation.test_set import Pairs
from recx.explaining.aligned import AlignedExplainer
from recx.explaining.chat_explainer import ChatExplainer
from recx.explaining.explainer import Explainer
from recx.explaining.imported import ImportedExplainer
from recx.explaining.in_context import Shots, draw_shots
from recx.explaining.records import Explanation
from recx.prompts.task_data import TaskData
from recx.recommenders.labels import label_histories
from recx.recommenders.protocol import Scorer
from recx.settings import MODES, EvaluateSettings
from recx.storage.text_store import TextStore

E = TypeVar("E", bound=Explainer)


@dataclass(frozen=True)
class Method(Generic[E]):
    """An explainer with its names in records.

    Attributes:
        explainer: the explainer.
        method: "aligned" for the modes, otherwise its own name.
        mode: mode of an aligned model.
        control: what was deliberately changed, e.g. that it was given evidence.
    """

    explainer: E
    method: str
    mode: str = ""
    control: str = ""

    @property
    def columns(self) -> dict[str, str]:
        """The fields `method` and `mode` of a record, and `control` if there is one."""
        return {"method": self.method, "mode": self.mode} | ({"control": self.control} if self.control else {})

    @property
    def label(self) -> str:
        """The name shown in tables and figures."""
        return label_of(self.columns)

    def records(self, values: Mapping[str, np.ndarray], **columns: Any) -> list[dict[str, Any]]:
        """Build records of several metrics; `columns` are further arguments of `metric_record`."""
        return [metric_record(**self.columns, metric=metric, values=own, **columns) for metric, own in values.items()]


def shots_of(target: Scorer, split: Split, catalogue: Catalogue, length: int, count: int, seed: int = 0) -> Shots:
    """Build worked examples from the training histories of random users, answered as the target answers."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(split.train))[:count]
    histories = [split.train[r] for r in rows]
    data = TaskData(catalogue, histories, label_histories(target, histories, length, rng), max_history=length)
    return draw_shots(data, range(len(histories)), rng)


def all_methods(
    explainers: Mapping[str, AlignedExplainer], target: Scorer, split: Split, settings: EvaluateSettings, texts: Path
) -> dict[str, Method]:
    """Create all methods by label: the backbone and the chat model, without and with examples (ICL), then the modes.

    Each method caches its texts; texts that the folder already holds are not generated again.

    Args:
        explainers: explainers by mode, and `unaligned`.
        target: recommender that labels the worked examples.
        split: data split whose training histories serve as worked examples.
        settings: number of examples and, if set, the chat model and the imported texts.
        texts: folder in which texts are cached.
    """
    unaligned, chat = explainers["unaligned"], settings.chat
    catalogue, length = unaligned.catalogue, unaligned.max_history
    shots: dict[str, Shots] = {"": {}}
    if settings.shots:
        shots[" ICL"] = shots_of(target, split, catalogue, length, settings.shots, settings.seed)

    def keeping(explainer: AlignedExplainer, name: str) -> AlignedExplainer:
        return explainer.with_store(TextStore(texts / f"{name}.jsonl".replace(" ", "-")))

    methods = [
        Method(keeping(unaligned.with_shots(own), f"unaligned{suffix}"), f"unaligned{suffix}")
        for suffix, own in shots.items()
    ]
    if chat.address:
        store = TextStore(texts / "chat.jsonl")
        for suffix, own in shots.items():
            methods.append(Method(ChatExplainer(catalogue, chat, length, own, store), f"{chat.model}{suffix}"))
    for path in files_of(settings.imported):
        methods.append(Method(ImportedExplainer(catalogue, path, length), path.stem))
    methods += [Method(keeping(explainers[mode], mode), "aligned", mode) for mode in MODES if mode in explainers]
    labels = [m.label for m in methods]
    if repeated := sorted({label for label in labels if labels.count(label) > 1}):
        raise SettingsError(
            f"Several methods would be called {', '.join(map(repr, repeated))}. Imported texts are named after their "
            "file (`evaluate.imported`): rename the file so that it differs from the modes and from the chat model."
        )
    return {m.label: m for m in methods}


def files_of(named: str) -> list[Path]:
    """List a file, or all `*.jsonl` files of a folder by name; empty if no path is given."""
    path = paths.expanded(named)
    return [] if not named else sorted(path.glob("*.jsonl")) if path.is_dir() else [path]


def explain_all(methods: Mapping[str, Method], pairs: Pairs) -> dict[str, list[Explanation]]:
    """Explain all pairs with all methods.

    Prints for how many pairs a method has no text; a method without any text is omitted.
    """
    explained = {}
    for name, method in methods.items():
        own = method.explainer.explain(pairs.histories, pairs.items.tolist(), show_progress=True)
        missing = sum(not e.text.strip() for e in own)
        if missing < len(own):
            explained[name] = own
        if missing:
            left_out = "; the method is omitted" if missing == len(own) else ""
            print(f"{name}: no text for {missing:,} of {len(own):,} pairs{left_out}.")
    return explained
