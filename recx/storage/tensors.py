"""Weights on disk: safetensors only, validated when read."""

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from recx.errors import CheckpointError


def trainable(model: nn.Module) -> dict[str, torch.Tensor]:
    """Trainable parameters by name; tied ones once."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def save_weights(path: Path, parameters: dict[str, torch.Tensor]) -> None:
    """Write parameters as a safetensors file for `load_weights`."""
    save_file({name: p.detach().contiguous().cpu() for name, p in parameters.items()}, path)


def load_weights(path: Path, parameters: dict[str, torch.Tensor], without: Sequence[str] = ()) -> None:
    """Copy weights from a safetensors file into parameters with the same names and shapes.

    Args:
        path: the file.
        parameters: replaced, by name.
        without: parts of names; weights of the file with such a name are not read.

    Raises:
        CheckpointError: names or shapes differ, a weight is not finite, or the file is missing or damaged.
    """
    saved = {n: t for n, t in read_tensors(path).items() if not any(part in n for part in without)}
    if saved.keys() != parameters.keys():
        odd = sorted(saved.keys() ^ parameters.keys())
        raise CheckpointError(f"{path}: saved for another model; {len(odd)} weights differ, e.g. {odd[0]!r}.")
    with torch.no_grad():
        for name, parameter in parameters.items():
            if saved[name].shape != parameter.shape:
                raise CheckpointError(
                    f"{path}: {name} has the shape {tuple(saved[name].shape)}, expected {tuple(parameter.shape)}."
                )
            if not saved[name].isfinite().all():
                raise CheckpointError(f"{path}: {name} has values that are not finite. Delete the folder and rerun.")
            parameter.copy_(saved[name])


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Read a safetensors file.

    Raises:
        CheckpointError: the file is missing, truncated or not in that format.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError, ValueError) as error:
        raise CheckpointError(
            f"{path}: not a valid safetensors file ({error}). Delete the folder and rerun."
        ) from error
