"""Training state on disk without pickles: tensors as safetensors, the rest as JSON."""

import json
import random as python_random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from recx.errors import CheckpointError


def trainable(model: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters that training changes, by name; tied ones once."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


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


def load_weights(path: Path, parameters: dict[str, torch.Tensor]) -> None:
    """Copy weights of a safetensors file into parameters of the same names and shapes.

    Raises:
        CheckpointError: names or shapes differ, or the file is missing or damaged.
    """
    saved = read_tensors(path)
    if saved.keys() != parameters.keys():
        odd = sorted(saved.keys() ^ parameters.keys())
        raise CheckpointError(f"{path}: made for another model; {len(odd)} weights differ, e.g. {odd[0]!r}.")
    with torch.no_grad():
        for name, parameter in parameters.items():
            if saved[name].shape != parameter.shape:
                raise CheckpointError(
                    f"{path}: {name} is {tuple(saved[name].shape)}, expected {tuple(parameter.shape)}."
                )
            parameter.copy_(saved[name])


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Read a safetensors file.

    Raises:
        CheckpointError: it is missing, cut short or not in that format.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError, ValueError) as error:
        raise CheckpointError(
            f"{path}: not a readable safetensors file ({error}). Delete the folder and rerun."
        ) from error


def _dump(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: not readable as JSON ({error}). Delete the folder and rerun.") from error
