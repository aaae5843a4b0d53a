"""The record of a model exported elsewhere, `model.json`: what kind of model it is, and its sizes."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recx.errors import DataError


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
    record = read_json_file(path)
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


def read_json_file(path: Path) -> Any:
    """A JSON file from elsewhere.

    Raises:
        DataError: it is not readable as JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: not readable as JSON ({error}).") from error
