"""Training state on disk without pickles: tensors as safetensors, the rest as JSON."""

import json
import random as python_random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from recx.errors import CheckpointError
from recx.storage.tensors import load_weights, read_tensors, trainable


def save_training_state(
    folder: Path,
    model: nn.Module | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    scheduler: Any = None,
    random: bool = False,
) -> None:
    """Write the given parts of a training's state into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    optimizer = getattr(optimizer, "optimizer", optimizer)
    if model is not None:
        save_file({n: p.detach().contiguous().cpu() for n, p in trainable(model).items()}, folder / "model.safetensors")
    if optimizer is not None:
        state = optimizer.state_dict()
        tensors, numbers = {}, {}
        for parameter, values in state["state"].items():
            for name, value in values.items():
                if isinstance(value, torch.Tensor):
                    tensors[f"{parameter}.{name}"] = value.detach().contiguous().cpu()
                else:
                    numbers[f"{parameter}.{name}"] = value
        save_file(tensors, folder / "optimizer.safetensors")
        _dump(folder / "optimizer.json", {"numbers": numbers, "groups": state["param_groups"]})
    if scheduler is not None:
        plain = {k: v for k, v in scheduler.state_dict().items() if isinstance(v, int | float | bool | list | None)}
        _dump(folder / "scheduler.json", plain)
    if random:
        kind, keys, position, has_gauss, gauss = np.random.get_state()
        version, state, gauss_next = python_random.getstate()
        values = {
            "python": [version, list(state), gauss_next],
            "numpy": [kind, keys.tolist(), position, has_gauss, gauss],
            "torch": torch.random.get_rng_state().tolist(),
            "cuda": [s.tolist() for s in torch.cuda.get_rng_state_all()] if torch.cuda.is_available() else [],
        }
        _dump(folder / "random.json", values)


def load_training_state(
    folder: Path,
    model: nn.Module | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    scheduler: Any = None,
    random: bool = False,
) -> None:
    """Read the given parts of a training's state back.

    Raises:
        CheckpointError: a file is missing or damaged, or belongs to another model.
    """
    optimizer = getattr(optimizer, "optimizer", optimizer)
    if model is not None:
        load_weights(folder / "model.safetensors", trainable(model))
    if optimizer is not None:
        tensors, plain = read_tensors(folder / "optimizer.safetensors"), _read(folder / "optimizer.json")
        state: dict[int, dict[str, Any]] = {}
        for name, value in {**tensors, **plain["numbers"]}.items():
            parameter, key = name.split(".", 1)
            state.setdefault(int(parameter), {})[key] = value
        optimizer.load_state_dict({"state": state, "param_groups": plain["groups"]})
    if scheduler is not None:
        scheduler.load_state_dict(_read(folder / "scheduler.json"))
    if random:
        values = _read(folder / "random.json")
        version, keys, gauss_next = values["python"]
        python_random.setstate((version, tuple(keys), gauss_next))
        np.random.set_state(tuple(values["numpy"]))
        torch.random.set_rng_state(torch.tensor(values["torch"], dtype=torch.uint8))
        for device, state in enumerate(values["cuda"][: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(torch.tensor(state, dtype=torch.uint8), device)


def _dump(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: not readable as JSON ({error}). Delete the folder and rerun.") from error
