"""Arrays of a recommender made elsewhere, read from files without pickle and checked."""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from recx.errors import DataError, examples

# What NumPy, zipfile (RuntimeError: encrypted or of an unknown compression), zlib and safetensors raise on damage.
_UNREADABLE = (
    OSError, ValueError, EOFError, KeyError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error, SafetensorError
)  # fmt: skip


def read_arrays(folder: Path) -> dict[str, Tensor]:
    """All arrays of a folder as float32: each `.npy` by its stem, those in `.npz` and `.safetensors` by their names.

    Raises:
        DataError: there is no such folder, it holds none, a file is damaged or holds Python objects, or an array holds
            other than finite numbers.
    """
    if not folder.is_dir():
        raise DataError(f"Setting 'target.files' names {str(folder)!r}, which is not a folder.")
    arrays: dict[str, Tensor] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix not in (".npy", ".npz", ".safetensors"):
            continue
        for name, array in _arrays_of(path).items():
            if name in arrays:
                raise DataError(f"{path}: contains a second array {name!r} for this folder; only one is accepted.")
            arrays[name] = _finite(path, name, array)
    if not arrays:
        raise DataError(f"{folder}: no arrays; expected .npy, .npz or .safetensors files.")
    return arrays


def _arrays_of(path: Path) -> dict[str, np.ndarray]:
    try:
        if path.suffix == ".safetensors":
            return {name: _as_array(tensor) for name, tensor in load_file(path).items()}
        if path.suffix == ".npy":  # mapped, so that a stated size is held against the file's before memory is taken
            return {path.stem: np.load(path, mmap_mode="r", allow_pickle=False)}
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except _UNREADABLE as error:
        raise DataError(f"{path}: not readable as arrays of plain numbers ({error}).") from error


def _as_array(tensor: Tensor) -> np.ndarray:
    short = tensor.is_floating_point() and tensor.itemsize < 4  # bfloat16, for example, which numpy does not know
    return (tensor.float() if short else tensor).numpy()


def _finite(path: Path, name: str, array: np.ndarray) -> Tensor:
    if array.dtype.kind not in "fiu":
        raise DataError(f"{path}: array {name!r} is of type {array.dtype}; expected numbers.")
    with np.errstate(over="ignore"):
        numbers = np.array(array, dtype=np.float32)
    if not np.isfinite(numbers).all():
        count = int((~np.isfinite(numbers)).sum())
        raise DataError(f"{path}: array {name!r} has {count:,} values that are NaN, infinite or beyond float32.")
    return torch.from_numpy(numbers)


def take(arrays: dict[str, Tensor], name: str, shape: Sequence[int | None], folder: Path) -> Tensor:
    """Return the array of a name after checking its shape.

    Args:
        arrays: name -> array.
        name: name of the array.
        shape: expected shape; None stands for any side of at least 1.
        folder: folder of the arrays, for the message.

    Raises:
        DataError: there is no array of that name, or it has another shape.
    """
    wanted = ", ".join("any" if side is None else f"{side:,}" for side in shape) + "," * (len(shape) == 1)
    if name not in arrays:
        raise DataError(f"{folder}: no array {name!r}; expected one of shape ({wanted}). There are {examples(arrays)}.")
    found = arrays[name].shape
    fits = len(found) == len(shape) and all(f == s or (s is None and f > 0) for f, s in zip(found, shape, strict=True))
    if not fits:
        raise DataError(f"{folder}: array {name!r} has shape {tuple(found)}; expected ({wanted}).")
    return arrays[name]
