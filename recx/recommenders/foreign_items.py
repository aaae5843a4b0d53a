"""Files of a recommender made elsewhere: its arrays, the ids of its rows, and how they match the catalogue's items."""

import csv
import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from recx.data.catalogue import Catalogue
from recx.errors import DataError
from recx.recommenders.protocol import Scorer, pad_histories

MIN_KNOWN = 0.5  # of the catalogue's items, below which a recommender was made for something else
SCORED = 1000  # people whose scores tell how far down unknown items have to be put
ID_FILES = ("txt", "csv", "json")
# What NumPy, zipfile (RuntimeError: encrypted or of an unknown compression), zlib and safetensors raise on damage.
_UNREADABLE = (
    OSError, ValueError, EOFError, KeyError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error, SafetensorError
)  # fmt: skip


@dataclass(frozen=True)
class ItemMatch:
    """Where the catalogue's items stand in a recommender made elsewhere.

    Attributes:
        rows: (N + 1,) row of each item in the recommender's arrays; -1 where it does not know the item, and for 0.
        note: what was matched, to be printed.
    """

    rows: np.ndarray
    note: str

    @property
    def known(self) -> Tensor:
        """(N + 1,) whether the recommender knows an item."""
        return torch.from_numpy(self.rows >= 0)

    def in_order(self, array: Tensor) -> Tensor:
        """Rows of the recommender (M, ...) in the catalogue's order (N + 1, ...); zero where it knows none."""
        rows = torch.from_numpy(self.rows)
        known = (rows >= 0).view(-1, *[1] * (array.ndim - 1))
        return torch.where(known, array[rows.clamp_min(0)], torch.zeros((), dtype=array.dtype))


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
        raise DataError(f"{folder}: no array {name!r}; expected one of shape ({wanted}). There are {_some(arrays)}.")
    found = arrays[name].shape
    fits = len(found) == len(shape) and all(f == s or (s is None and f > 0) for f, s in zip(found, shape, strict=True))
    if not fits:
        raise DataError(f"{folder}: array {name!r} has shape {tuple(found)}; expected ({wanted}).")
    return arrays[name]


def read_record(folder: Path, library: str, script: str) -> dict[str, Any]:
    """`model.json`, which says what kind of model was exported.

    Raises:
        DataError: it is missing or damaged, or another library's.
    """
    path = folder / "model.json"
    if not path.is_file():
        raise DataError(
            f"{folder}: no folder with a model.json. A checkpoint of {library} is a pickle, which can run code when it "
            f"is read, so it is not opened here: run docs/recommenders/{script} where you trained it and name the "
            "folder that it writes."
        )
    record = _json_of(path)
    if not isinstance(record, dict) or record.get("library") != library:
        raise DataError(f"{path}: not written by docs/recommenders/{script}; expected a table with library {library}.")
    return record


def choice(record: dict[str, Any], name: str, accepted: Sequence[Any]) -> Any:
    """A value of `model.json` that is one of those accepted.

    Raises:
        DataError: the value is missing or is not one of those accepted.
    """
    value = record.get(name)
    if not any(value is a or (type(value) is type(a) and value == a) for a in accepted):
        raise DataError(f"model.json: {name} is {str(value)[:60]!r}; accepted: {', '.join(map(str, accepted))}.")
    return value


def number(record: dict[str, Any], name: str, kind: type[int] | type[float] = int) -> Any:
    """A number of `model.json` above 0, whole for the kind int.

    Raises:
        DataError: it is missing or no such number.
    """
    value = record.get(name)
    if type(value) not in {int, kind} or not 0 < value < float("inf"):
        words = "a whole number" if kind is int else "a number"
        raise DataError(f"model.json: {name} is {str(value)[:60]!r}; expected {words} above 0.")
    return value


def divisor(record: dict[str, Any], name: str, width: int) -> int:
    """A number of `model.json` that divides the width of the vectors.

    Raises:
        DataError: it is missing or does not divide it.
    """
    value = number(record, name)
    if width % value:
        raise DataError(f"model.json: {name} is {value}; expected a divisor of the width {width}.")
    return value


def read_ids(folder: Path, name: str, count: int, what: str) -> list[str]:
    """Ids of the rows of an array, in their order, from `name.txt` (one per line), `.csv` (with a header) or `.json`.

    Args:
        folder: folder of the file.
        name: `item_ids` or `user_ids`.
        count: number of rows of the array.
        what: name of the array, for the message.

    Raises:
        DataError: there is no such file or there are several; the file is damaged or holds anything but texts or whole
            numbers; an id occurs twice; or there are not as many ids as the array has rows.
    """
    files = [folder / f"{name}.{suffix}" for suffix in ID_FILES if (folder / f"{name}.{suffix}").is_file()]
    if len(files) != 1:
        found = ", ".join(f.name for f in files) or "none"
        raise DataError(f"{folder}: expected one list of ids, {name}.txt, .csv or .json; found {found}.")
    ids = _ids_of(files[0], name.removesuffix("s"))
    if len(ids) != count:
        raise DataError(f"{files[0]}: {len(ids):,} ids for the {count:,} rows of {what}; expected one for each row.")
    twice = [i for i, n in Counter(ids).items() if n > 1]
    if twice:
        raise DataError(f"{files[0]}: {len(twice):,} ids occur twice, e.g. {twice[0]!r}; ids must be unique.")
    return ids


def _ids_of(path: Path, column: str) -> list[str]:
    if path.suffix == ".json":
        return _id_texts(path, _json_of(path))
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".txt":
            return [line.strip() for line in text.splitlines() if line.strip()]
        rows = list(csv.reader(text.splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not readable as UTF-8 text ({error}).") from error
    header = rows[0] if rows else []
    if column not in header:
        raise DataError(f"{path}: the first line names {', '.join(header) or 'no column'}; expected a column {column}.")
    place = header.index(column)
    short = next((n for n, row in enumerate(rows, 1) if row and len(row) <= place), None)
    if short:
        raise DataError(f"{path}, line {short}: no value for {column}.")
    return [row[place].strip() for row in rows[1:] if row]


def _json_of(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: not readable as JSON ({error}).") from error


def _id_texts(path: Path, ids: Any) -> list[str]:
    if not isinstance(ids, list):
        raise DataError(f"{path}: expected a list of ids.")
    kinds = {type(i) for i in ids}
    if len(kinds) > 1 or not kinds <= {str, int}:
        odd = next(i for i in ids if type(i) not in (str, int) or type(i) is not type(ids[0]))
        raise DataError(
            f"{path}: ids are texts or whole numbers, all of one type; found {odd!r} ({type(odd).__name__}) beside "
            f"{ids[0]!r} ({type(ids[0]).__name__})."
        )
    return [str(i) for i in ids]


def match_items(catalogue: Catalogue, ids: Sequence[str]) -> ItemMatch:
    """Find the catalogue's items among a recommender's ids, which are compared as texts.

    Raises:
        DataError: fewer than half (`MIN_KNOWN`) of the catalogue's items are among them.
    """
    place = {item_id: row for row, item_id in enumerate(ids)}
    rows = np.array([-1, *(place.get(item_id, -1) for item_id in catalogue.item_ids[1:])], dtype=np.int64)
    total, known = len(catalogue), int((rows >= 0).sum())
    unknown, elsewhere = total - known, len(ids) - known
    if known < MIN_KNOWN * total:
        raise DataError(
            f"The recommender knows {known:,} of the catalogue's {total:,} items, fewer than half. Ids are compared "
            f"as texts: the catalogue's look like {_some(catalogue.item_ids[1:])}, the recommender's like {_some(ids)}."
            " Give the ids of the data set's files, not row numbers, and train on this data set."
        )
    note = (
        f"The recommender knows {known:,} of the catalogue's {total:,} items; {unknown:,} it does not know are never "
        f"recommended and are left out of histories; {elsewhere:,} of its items are not in the catalogue."
    )
    if list(ids) in ([str(n) for n in range(len(ids))], [str(n + 1) for n in range(len(ids))]):
        note += " Its ids count up in order: make sure that they are the data set's and not the model's row numbers."
    return ItemMatch(rows, note)


def drop_unknown(histories: Tensor, known: Tensor) -> Tensor:
    """Histories (B, L) without the items that a recommender does not know, still left-padded with 0 and in order."""
    real = known[histories]
    order = real.int().argsort(dim=1, stable=True)
    return (histories * real).gather(1, order)


def floored_items(vectors: Tensor, known: Tensor, floor: float) -> Tensor:
    """Item vectors (N + 1, d) with one more coordinate if there is a floor: minus the floor for unknown items, else 0.

    Users have a 1 there (`floored_users`). So what an unknown item scores is in its vector, for all that reads vectors.
    """
    if not floor:
        return vectors
    below = torch.where(known, 0.0, -floor).to(vectors.dtype)
    below[0] = 0.0  # padding
    return torch.cat([vectors, below[:, None]], dim=1)


def floored_users(vectors: Tensor, floor: float) -> Tensor:
    """User vectors (B, d) with a 1 as one more coordinate if there is a floor."""
    return functional.pad(vectors, (0, 1), value=1.0) if floor else vectors


def floor_of(target: Scorer, known: Tensor, sequences: Sequence[np.ndarray], length: int) -> float:
    """How far below 0 unknown items are put: twice the largest score of some people, plus 1; 0 if all are known.

    Args:
        target: scores without a floor.
        known: (N + 1,) whether an item is known.
        sequences: items of each person.
        length: how many of the latest are read.
    """
    if bool(known[1:].all()):
        return 0.0
    with torch.inference_mode():
        return 2 * float(target.score(pad_histories(sequences[:SCORED], length)).abs().max()) + 1


def _some(names: Any) -> str:
    return ", ".join(repr(str(n)[:40]) for n in list(names)[:3])
