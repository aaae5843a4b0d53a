"""The profiles, which fill the settings in.

A profile fits a machine (`tiny` runs on a laptop without GPU); a data set may adjust a few settings; what is told
on the command line (`--set key=value`) comes last.
"""

import dataclasses
import textwrap
import typing
from typing import Any

from recx.errors import SettingsError
from recx.settings import DataSettings, Settings

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
        "align.own_words": 1_600,
        "evaluate.users": 200,
        "evaluate.ranking_users": 100,
        "evaluate.free_users": 32,
        "evaluate.pairs": 80,
        "evaluate.rated": 80,
        "evaluate.sources": 160,
        "ablate.seeds": 1,
        "ablate.users": 100,
        "ablate.pairs": 40,
    },
    # One GPU: a small chat model with adapters.
    "gpu": {
        "align.backbone.name": "Qwen/Qwen3-0.6B",
        "align.backbone.lora_rank": 16,
        "align.backbone.lora_alpha": 32,
        "align.hybrid_from": "backbone",
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
        "align.hybrid_from": "backbone",
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
    ("*", "games"): {
        "target.model.length": 9,
        "target.model.dropout": 0.5,
        "target.learning_rate": 3e-3,
        "target.epochs": 60,
        "target.patience": 12,
        "evaluate.sources": 2_500,  # as in the paper; the demo has fewer
    },
    ("*", "movies"): {"evaluate.sources": 2_500},
    ("*", "steam"): {
        "target.model.blocks": 1,
        "target.model.dropout": 0.5,
        "target.learning_rate": 2e-3,
        "evaluate.sources": 2_500,
    },
    ("*", "demo"): {"target.model.blocks": 1},
    ("*", "ml-100k"): {"target.model.blocks": 1, "target.model.length": 20, "target.average": 0.98},
    ("*", "ml-latest-small"): {
        "target.model.blocks": 1,
        "target.model.norm": "post",
        "target.stride": 5,
        "target.average": 0.99,
        "target.learning_rate": 8e-3,
        "target.epochs": 18,
    },
    ("tiny", "games"): {
        "align.rows_behavior": 45_000,
        "align.rows_intention": 360_000,
        "align.rows_hybrid": 95_000,
        "align.shares.retrieval": 0.60,
        "align.shares.ranking": 0.03,
        "align.shares.preference": 0.14,
        "align.shares.item": 0.06,
        "align.shares.reconstruction": 0.04,
        "align.shares.explanation": 0.08,
        "align.variants": 10,
        "align.own_words": 2_000,
        "evaluate.free_users": 50,
    },
    ("tiny", "ml-100k"): {"align.variants": 0, "align.own_words": 2_000},
}


# What a kind of target needs otherwise than SASRec; tuned on validation, see LOG.md.
KINDS: dict[str, dict[str, Any]] = {
    "mf": {"target.learning_rate": 5e-3, "target.weight_decay": 0.01, "target.batch_size": 1024, "target.epochs": 60},
    "lightgcn": {
        "target.model.blocks": 2,  # steps over the graph, whatever SASRec has on the data
        "target.learning_rate": 1e-2,
        "target.weight_decay": 1e-4,
        "target.batch_size": 1024,
        "target.epochs": 100,
        "target.patience": 15,
    },
}


def resolve_settings(
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
    overrides = overrides or {}
    kind = KINDS.get(str(overrides.get("target.kind", "")), {})
    for changes in (PROFILES[profile], *(ADJUSTMENTS.get((p, dataset), {}) for p in ("*", profile)), kind, overrides):
        for key, value in changes.items():
            result = _replace(result, key.split("."), value, key)
    return _check(result)


def _check(result: Settings) -> Settings:
    if result.align.hybrid_from not in ("backbone", "intention"):
        raise SettingsError(
            f"Setting 'align.hybrid_from' is 'backbone' or 'intention', not {result.align.hybrid_from!r}."
        )
    named = result.align.modes.replace(",", " ").split()
    if not named or len(result.align.mode_list) != len(set(named)):
        raise SettingsError(
            f"Setting 'align.modes' names some of behavior, intention and hybrid, not {result.align.modes!r}."
        )
    if not 0 <= result.align.continued_weight <= 1:
        raise SettingsError(
            f"Setting 'align.continued_weight' is between 0 and 1, not {result.align.continued_weight:g}."
        )
    target, shape = result.target, result.target.model
    least = {"epochs": target.epochs, "patience": target.patience, "batch_size": target.batch_size}
    least |= {f"model.{name}": getattr(shape, name) for name in ("width", "blocks", "heads", "length")}
    for name, value in least.items():
        if value < 1:
            raise SettingsError(f"Setting 'target.{name}' is at least 1, not {value}.")
    if shape.width % shape.heads:
        raise SettingsError(
            f"Setting 'target.model.heads' divides target.model.width; {shape.heads} does not divide {shape.width}."
        )
    if shape.norm not in ("pre", "post"):
        raise SettingsError(f"Setting 'target.model.norm' is 'pre' or 'post', not {shape.norm!r}.")
    if not 0 <= target.stride <= shape.length:
        raise SettingsError(
            f"Setting 'target.stride' is between 0 and target.model.length ({shape.length}), not {target.stride}."
        )
    for name, share in (("model.dropout", shape.dropout), ("average", target.average)):
        if not 0 <= share < 1:
            raise SettingsError(f"Setting 'target.{name}' is at least 0 and below 1, not {share:g}.")
    return result


def as_dict(value: Settings) -> dict[str, Any]:
    """Settings as nested plain values."""
    return dataclasses.asdict(value)


def show(value: Settings) -> str:
    """Settings as text, a paragraph a group: every field with the key that `--set` takes."""
    groups: dict[str, list[str]] = {}
    _gather(as_dict(value), "", groups)
    lines = []
    for group, fields in groups.items():
        head = f"{group or 'run':<16}"
        lines += textwrap.wrap(" ".join(fields), 110, initial_indent=head, subsequent_indent=" " * len(head))
    return "\n".join(lines)


def _gather(values: dict[str, Any], group: str, groups: dict[str, list[str]]) -> None:
    own = groups.setdefault(group, [])
    for name, value in values.items():
        if isinstance(value, dict):
            _gather(value, f"{group}.{name}".lstrip("."), groups)
        else:
            own.append(f"{name}={value if value != '' else repr(value)}")


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
        if kind is int and float(new) != int(float(new)):  # "2e4" is a whole number too
            raise ValueError("not a whole number")
        return int(float(new)) if kind is int else kind(new)
    except (TypeError, ValueError, OverflowError) as error:
        raise SettingsError(f"Setting {key!r} takes {kind.__name__}, not {new!r}.") from error
