"""Every setting of the kit, as frozen dataclasses, and the profiles that fill them in.

A profile fits a machine (`tiny` runs on a laptop without GPU); a data set may adjust a few settings; what is told
on the command line (`--set key=value`) comes last.
"""

import dataclasses
import json
import typing
from dataclasses import dataclass, field
from typing import Any

from recx.errors import SettingsError


@dataclass(frozen=True)
class DemoSettings:
    """Size and rules of the demo world.

    Attributes:
        users: number of people.
        seed: of everything that is drawn.
        shortest: fewest choices of a person.
        mean_length: average number of choices.
        follow_series: chance to go on with a started series, where a next entry is at hand.
        buy_accessory: chance of an accessory for the platform owned most games of.
        noise: chance of a random choice.
    """

    users: int = 3000
    seed: int = 0
    shortest: int = 5
    mean_length: float = 10.0
    follow_series: float = 0.45
    buy_accessory: float = 0.08
    noise: float = 0.06


@dataclass(frozen=True)
class Columns:
    """Names of columns in one's own files.

    Attributes:
        user: user id, in the interactions.
        item: item id, in both files.
        timestamp: when; rows keep the file's order without it.
        rating: rating.
        title: title, in the items.
        separator: what separates several values of one attribute in a text column.
    """

    user: str = "user_id"
    item: str = "item_id"
    timestamp: str = "timestamp"
    rating: str = "rating"
    title: str = "title"
    separator: str = "|"


@dataclass(frozen=True)
class DataSettings:
    """Which data set, where it lies, and what is kept of it.

    Attributes:
        name: `demo`, `games`, `ml-100k`, or a folder with one's own files.
        data_dir: folder with data sets obtained elsewhere; `RECX_DATA_DIR` unless told.
        sample_users: users drawn before filtering (0 keeps all, -1 the data set's own choice).
        min_user: fewest interactions of a user (-1: the data set's own choice).
        min_item: fewest interactions of an item (-1: the data set's own choice).
        columns: names of columns in one's own CSV or Parquet files.
        demo: size and rules of the demo world.
    """

    name: str = "demo"
    data_dir: str = ""
    sample_users: int = -1
    min_user: int = -1
    min_item: int = -1
    columns: Columns = field(default_factory=Columns)
    demo: DemoSettings = field(default_factory=DemoSettings)


@dataclass(frozen=True)
class SASRecSettings:
    """Shape of the target.

    Attributes:
        width: d of the vectors.
        blocks: layers of self-attention.
        heads: attention heads.
        length: how many of the latest items are read, and shown in prompts.
        dropout: while it is trained; never when it is read.
    """

    width: int = 64
    blocks: int = 2
    heads: int = 2
    length: int = 10
    dropout: float = 0.3


@dataclass(frozen=True)
class TargetSettings:
    """How the target is trained.

    Attributes:
        model: shape.
        epochs: at most.
        patience: epochs without a better validation NDCG@10 before it stops.
        batch_size: rows a step.
        learning_rate: of AdamW.
        weight_decay: of AdamW.
        tie: relative difference in NDCG@10 below which the more diverse epoch wins.
        seed: of weights, order and dropout.
    """

    model: SASRecSettings = field(default_factory=SASRecSettings)
    epochs: int = 30
    patience: int = 8
    batch_size: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    tie: float = 0.01
    seed: int = 0


@dataclass(frozen=True)
class BackboneSettings:
    """Which language model is aligned, and how much of it is tuned.

    Attributes:
        name: `recx-tiny`, a hub id or a folder.
        lora_rank: rank of LoRA adapters on all linear layers; 0 tunes all weights.
        lora_alpha: scale of the adapters.
    """

    name: str = "recx-tiny"
    lora_rank: int = 0
    lora_alpha: int = 16


@dataclass(frozen=True)
class FitSettings:
    """How a language model is trained.

    Attributes:
        batch_size: rows a step.
        epochs: passes over the rows.
        learning_rate: peak of a cosine schedule after a short linear warm-up.
        projector_rate: learning rate of the projectors, which start from nothing, as a multiple of that.
        weight_decay: of AdamW.
        warmup: share of the steps spent warming up.
        clip: largest norm of the gradient.
        precision: "auto" (bfloat16 where the hardware has it), "bfloat16" or "float32".
        save_steps: steps between checkpoints.
    """

    batch_size: int = 32
    epochs: float = 1.0
    learning_rate: float = 2e-3
    projector_rate: float = 2.5
    weight_decay: float = 0.01
    warmup: float = 0.03
    clip: float = 1.0
    precision: str = "auto"
    save_steps: int = 1000


@dataclass(frozen=True)
class TaskShares:
    """Share of the training rows that each task gets; they need not add up to one.

    Attributes:
        retrieval: task 1, the target's next item.
        ranking: task 2, five items in the target's order.
        preference: task 3, like or dislike.
        item: task 4, facts and related items.
        conversation: task 5, general conversations.
        reconstruction: task 6, the history or its summary.
        explanation: answers in the backbone's own words that begin with the target's decision.
    """

    retrieval: float = 0.28
    ranking: float = 0.08
    preference: float = 0.32
    item: float = 0.10
    conversation: float = 0.03
    reconstruction: float = 0.05
    explanation: float = 0.14


@dataclass(frozen=True)
class AlignSettings:
    """How the language model is aligned.

    Attributes:
        backbone: which one.
        fit: how it is trained.
        shares: of the tasks.
        rows_behavior: training rows of the behavior mode.
        rows_intention: training rows of the intention mode.
        rows_hybrid: training rows of the hybrid mode.
        own_words: explanations the backbone writes for training.
        conversations: file or folder with conversations for task 5; the built-in ones unless told.
        max_tokens: longest row.
        seed: of labels, rows, projectors and order.
    """

    backbone: BackboneSettings = field(default_factory=BackboneSettings)
    fit: FitSettings = field(default_factory=FitSettings)
    shares: TaskShares = field(default_factory=TaskShares)
    rows_behavior: int = 22_000
    rows_intention: int = 56_000
    rows_hybrid: int = 52_000
    own_words: int = 2_500
    conversations: str = ""
    max_tokens: int = 320
    seed: int = 0


@dataclass(frozen=True)
class EvaluateSettings:
    """How much is measured.

    Attributes:
        users: users for tasks 1, 3 and 6 (0: all).
        ranking_users: users for task 2 (0: all).
        free_users: users for the unconstrained decodings of task 1, as in the paper (0: none).
        pairs: user-item pairs to explain, half of them liked by the target.
        seed: of the choice of users and items.
    """

    users: int = 1000
    ranking_users: int = 500
    free_users: int = 200
    pairs: int = 300
    seed: int = 1


@dataclass(frozen=True)
class Settings:
    """All settings of a run.

    Attributes:
        profile: name of the profile they come from.
        data: the data set.
        target: the recommender.
        align: the alignment.
        evaluate: the evaluation.
    """

    profile: str = "tiny"
    data: DataSettings = field(default_factory=DataSettings)
    target: TargetSettings = field(default_factory=TargetSettings)
    align: AlignSettings = field(default_factory=AlignSettings)
    evaluate: EvaluateSettings = field(default_factory=EvaluateSettings)

    @property
    def dataset(self) -> str:
        """Name of the data set as it stands in folders and results."""
        return self.data.name.rstrip("/").rpartition("/")[2]


PROFILES: dict[str, dict[str, Any]] = {
    # A laptop without GPU: the embedded teaching backbone, everything in minutes.
    "tiny": {},
    # The chain in a few minutes on a shrunken demo world, for the tests.
    "test": {
        "data.demo.users": 900,
        "target.epochs": 25,
        "align.rows_behavior": 8_000,
        "align.rows_intention": 36_000,
        "align.rows_hybrid": 28_000,
        "align.own_words": 800,
        "evaluate.users": 200,
        "evaluate.ranking_users": 100,
        "evaluate.free_users": 32,
        "evaluate.pairs": 80,
    },
    # One GPU: a small chat model with adapters.
    "gpu": {
        "align.backbone.name": "Qwen/Qwen3-0.6B",
        "align.backbone.lora_rank": 16,
        "align.backbone.lora_alpha": 32,
        "align.fit.batch_size": 32,
        "align.fit.learning_rate": 3e-4,
        "align.max_tokens": 1024,
        "align.rows_behavior": 100_000,
        "align.rows_intention": 100_000,
        "align.rows_hybrid": 200_000,
    },
    # The paper's backbone.
    "paper": {
        "align.backbone.name": "lmsys/vicuna-7b-v1.5",
        "align.backbone.lora_rank": 8,
        "align.backbone.lora_alpha": 16,
        "align.fit.batch_size": 64,
        "align.fit.learning_rate": 1e-4,
        "align.max_tokens": 1024,
        "align.rows_behavior": 100_000,
        "align.rows_intention": 100_000,
        "align.rows_hybrid": 200_000,
        "evaluate.users": 0,
        "evaluate.ranking_users": 0,
    },
}
# What a data set needs otherwise than the profile says; tuned on validation, see LOG.md.
ADJUSTMENTS: dict[tuple[str, str], dict[str, Any]] = {
    ("*", "games"): {"target.model.length": 9},
    ("*", "ml-100k"): {"target.model.length": 20},
    ("tiny", "games"): {
        "align.rows_behavior": 100_000,
        "align.rows_intention": 200_000,
        "align.rows_hybrid": 130_000,
        "align.own_words": 2_000,
    },
}


def settings(
    profile: str = "tiny", dataset: str = "demo", data_dir: str = "", overrides: dict[str, Any] | None = None
) -> Settings:
    """Settings of a profile for a data set.

    Args:
        profile: a key of `PROFILES`.
        dataset: name or folder.
        data_dir: folder with data sets obtained elsewhere.
        overrides: dotted keys and values, e.g. `{"target.epochs": 5}`; text is converted to the field's type.

    Raises:
        SettingsError: unknown profile or key, or a value of the wrong type.
    """
    if profile not in PROFILES:
        raise SettingsError(f"Unknown profile {profile!r}. Known: {', '.join(PROFILES)}.")
    result = Settings(profile=profile, data=DataSettings(name=dataset, data_dir=data_dir or ""))
    for changes in (PROFILES[profile], *(ADJUSTMENTS.get((p, dataset), {}) for p in ("*", profile)), overrides or {}):
        for key, value in changes.items():
            result = _replace(result, key.split("."), value, key)
    return result


def as_dict(value: Settings) -> dict[str, Any]:
    """Settings as nested plain values."""
    return dataclasses.asdict(value)


def show(value: Settings) -> str:
    """Settings as indented text, one field a line."""
    return json.dumps(as_dict(value), indent=2).replace('"', "").replace("{", "").replace("}", "").replace(",\n", "\n")


def parse_overrides(pairs: typing.Iterable[str]) -> dict[str, str]:
    """`["a.b=1", ...]` -> `{"a.b": "1", ...}`.

    Raises:
        SettingsError: a pair has no "=".
    """
    out = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise SettingsError(f"--set takes key=value, e.g. target.epochs=5; got {pair!r}.")
        out[key.strip()] = value.strip()
    return out


def _replace(value: Any, path: list[str], new: Any, key: str) -> Any:
    names = {f.name: f for f in dataclasses.fields(value)}
    if path[0] not in names:
        raise SettingsError(f"Unknown setting {key!r}: {path[0]!r} is none of {', '.join(names)}.")
    inner = getattr(value, path[0])
    if len(path) > 1:
        if not dataclasses.is_dataclass(inner):
            raise SettingsError(f"Unknown setting {key!r}: {path[0]!r} has no fields of its own.")
        return dataclasses.replace(value, **{path[0]: _replace(inner, path[1:], new, key)})
    if dataclasses.is_dataclass(inner):
        raise SettingsError(
            f"Setting {key!r} is a group; set one of {', '.join(f.name for f in dataclasses.fields(inner))}."
        )
    return dataclasses.replace(value, **{path[0]: _converted(new, type(inner), key)})


def _converted(new: Any, kind: type, key: str) -> Any:
    try:
        return (
            kind(float(new))
            if kind is int and float(new) == int(float(new))
            else kind(new)
            if kind is not int
            else int(new)
        )
    except (TypeError, ValueError) as error:
        raise SettingsError(f"Setting {key!r} takes {kind.__name__}, not {new!r}.") from error
