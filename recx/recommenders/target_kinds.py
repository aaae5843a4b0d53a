"""The kinds of target: building, training, saving and loading them."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from recx import paths
from recx.data.dataset import Dataset
from recx.data.split import Split
from recx.data.suitability import require_trainable
from recx.errors import CheckpointError, SettingsError
from recx.recommenders import devices, factors, recbole, rectools
from recx.recommenders.custom_recommender import load_module
from recx.recommenders.lightgcn import LightGCN
from recx.recommenders.mf import MF
from recx.recommenders.protocol import Scorer, TwoTower, check_finite, pad_histories
from recx.recommenders.sasrec import SASRec
from recx.recommenders.training import TrainingCurve, fit_lightgcn, fit_mf, fit_sasrec
from recx.settings import TargetSettings, TargetShape

KINDS = {"sasrec": fit_sasrec, "mf": fit_mf, "lightgcn": fit_lightgcn}
# Recommenders made elsewhere: what reads their files, and what is made again from the tensors and options kept of them.
IMPORTED = {
    "factors": (factors.load, factors.Factors),
    "recbole": (recbole.load, recbole.RecBoleSASRec),
    "rectools": (rectools.load, rectools.RecToolsTransformer),
}


def fit_target(
    split: Split, items: int, settings: TargetSettings, show_progress: bool = True, data: Dataset | None = None
) -> tuple[Scorer, TrainingCurve]:
    """Train the target named in the settings, on the GPU if there is one, or build and fit the user's own.

    A target made elsewhere is read instead, and how its items match the catalogue's is printed.

    Args:
        split: leave-one-out.
        items: N.
        settings: the target's settings.
        show_progress: a bar over the epochs.
        data: where the split comes from; only what is made elsewhere needs it, for the ids of items and people.

    Returns:
        The target in eval mode, and its training curve (empty for a target made elsewhere, and if the user's file has
        no `fit`, or it returns none).

    Raises:
        SettingsError: the files of a target made elsewhere are not named, or the user's file lacks something required.
        DataError: there is no training data, there are too few items, the user's recommender returns scores that are
            not finite, or the files of a target made elsewhere cannot be used.
    """
    require_trainable(split.test_histories, items, ordered=settings.kind == "sasrec")
    if settings.kind in KINDS:
        model, curve = KINDS[settings.kind](split, items, settings, show_progress)
        return model.eval().requires_grad_(False), curve
    if settings.kind in IMPORTED:
        return _import(settings, data), []
    module = load_module(settings.kind)
    torch.manual_seed(settings.seed)
    target = _require_scorer(module.build(items, settings.model.length), settings.kind)
    if hasattr(module, "fit") and not isinstance(target, nn.Module):
        raise SettingsError(
            f"{settings.kind}: the result of fit can only be kept in a torch.nn.Module (as parameters or buffers), "
            f"but build returns a {type(target).__name__}. Return one, or train elsewhere and load the result in build."
        )
    curve = module.fit(target, split) if hasattr(module, "fit") else None
    if isinstance(target, nn.Module):
        target.eval().requires_grad_(False)
    _check_shapes(target, split, items, settings.kind)
    return target, list(curve or [])


def _import(settings: TargetSettings, data: Dataset | None) -> Scorer:
    if not settings.files or data is None:
        missing = "the data set, whose ids it is matched with" if settings.files else "target.files=FOLDER"
        raise SettingsError(f"target.kind={settings.kind} needs {missing}; see docs/recommenders/{settings.kind}.md.")
    target, notes = IMPORTED[settings.kind][0](paths.expanded(settings.files), data, settings)
    print("\n".join(notes))
    target.to(devices.preferred_device()).eval().requires_grad_(False)
    return target


def _check_shapes(target: Scorer, split: Split, items: int, kind: str) -> None:
    """Call the user's recommender once, so that a wrong shape is reported here and not three notebooks later."""
    history = pad_histories(split.train[:1], target.length)
    named = ("score", "encode_users", "item_vectors") if isinstance(target, TwoTower) else ("score",)
    for name in named:
        result = getattr(target, name)(*([] if name == "item_vectors" else [history]))
        if not isinstance(result, torch.Tensor):
            raise SettingsError(
                f"{kind}: {name} returns {type(result).__name__}; expected a torch.Tensor (torch.as_tensor converts)."
            )
    with torch.inference_mode():
        results = {"score": (devices.score(target, history), (1, items + 1))}
        if isinstance(target, TwoTower):
            vectors = devices.item_vectors(target)
            results["encode_users"] = (devices.encode_users(target, history), (1, vectors.shape[-1]))
            results["item_vectors"] = (vectors, (items + 1, vectors.shape[-1]))
    for name, (result, shape) in results.items():
        if tuple(result.shape) != shape:
            raise SettingsError(
                f"{kind}: {name} returns shape {tuple(result.shape)} for one history; expected {shape}."
            )
    check_finite(results["score"][0])
    if isinstance(target, TwoTower):
        scores, products = results["score"][0][:, 1:], results["encode_users"][0] @ vectors[1:].T
        if not torch.allclose(scores.double(), products.double(), rtol=1e-3, atol=1e-3 * float(scores.abs().max())):
            raise SettingsError(
                f"{kind}: score differs from encode_users @ item_vectors.T, so the language model would read other "
                "preferences from the vectors than those that it learns. Add what is missing (e.g. a bias as a further "
                "column of both), or leave out encode_users and item_vectors and align in the behavior mode."
            )


def save_target(target: Scorer, items: int, settings: TargetSettings, folder: Path) -> None:
    """Write `target.json` and, if the target has weights, `target.safetensors`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "target.json").unlink(missing_ok=True)  # until the weights are complete, there is no target here
    if isinstance(target, nn.Module):
        # Copies, since safetensors refuses tensors that share memory, as the tied weights of a module do.
        kept = {n: t.clone(memory_format=torch.contiguous_format) for n, t in target.state_dict().items()}
        save_file(kept, folder / "target.safetensors")
    record = {"kind": settings.name, "items": items, "length": target.length, "settings": asdict(settings.model)}
    if settings.kind in IMPORTED:
        record["options"] = target.options
    (folder / "target.json").write_text(json.dumps(record, indent=1), encoding="utf-8")


def load_target(folder: Path, settings: TargetSettings) -> Scorer:
    """Load a target in eval mode; a built-in kind goes to the GPU if there is one.

    The folder is untrusted: a Python file is run only if the settings name it, whatever the folder says.

    Raises:
        CheckpointError: a file is missing, damaged or of another kind, or the weights do not fit the stated shape.
        SettingsError: the user's file that built the target no longer exists.
    """
    try:
        record = json.loads((folder / "target.json").read_text(encoding="utf-8"))
        if record["kind"] != settings.name:
            raise ValueError(f"its kind is {record['kind']!r}, but the settings say {settings.name!r}")
        if record["settings"] != asdict(settings.model):
            raise ValueError("its shape differs from the settings")
        _check_size(record["items"], folder / "target.safetensors", settings.kind)
        if settings.kind in IMPORTED:
            target = IMPORTED[settings.kind][1](load_file(folder / "target.safetensors"), record["options"])
        else:
            target = _empty(settings.kind, record["items"], settings.model)
            if isinstance(target, nn.Module):
                target.load_state_dict(load_file(folder / "target.safetensors"))
    except (OSError, LookupError, ValueError, TypeError, RuntimeError, AssertionError, SafetensorError) as error:
        raise CheckpointError(f"{folder}: cannot load the target ({error}). Delete the folder and rerun.") from error
    if settings.kind in (*KINDS, *IMPORTED):
        target.to(devices.preferred_device())
    return target.eval().requires_grad_(False) if isinstance(target, nn.Module) else target


def _check_size(items: Any, weights: Path, kind: str) -> None:
    """Reject a stated number of items that the weights do not have, before memory is allocated for it.

    The weights of the user's own recommender need not grow with the items.
    """
    if type(items) is not int or items < 1:
        raise ValueError(f"{items!r} items")
    if kind in (*KINDS, *IMPORTED) and weights.is_file():
        with safe_open(weights, "pt") as file:
            largest = max((side for name in file.keys() for side in file.get_slice(name).get_shape()), default=0)
        if items >= largest:
            raise ValueError(f"it states {items:,} items, but no dimension of its weights exceeds {largest:,}")


def _empty(kind: str, items: int, shape: TargetShape) -> Any:
    if kind == "sasrec":
        return SASRec(items, shape)
    if kind == "mf":
        return MF(items, shape.width, shape.length)
    if kind == "lightgcn":
        return LightGCN(items, shape.width, shape.length, shape.blocks)
    return _require_scorer(load_module(kind).build(items, shape.length), kind)


def _require_scorer(target: Any, kind: str) -> Any:
    if not isinstance(target, Scorer) or not hasattr(target, "length"):
        raise SettingsError(
            f"{kind}: the result of build needs a method score(histories) and a length; see docs/own_recommender.md."
        )
    return target
