"""Explains the pairs of a file into another file, batch by batch; an interrupted command can be resumed.

The output holds one JSON line for each row of the input, in its order. Beside it lies `<output>.provenance.json`, which
says what made it and is compared before anything is added.
"""

import csv
import io
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tqdm.auto import tqdm

from recx.data.packed_files import read_bytes
from recx.data.parquet_files import read_parquet
from recx.data.reading_report import ReadingReport
from recx.data.table_cache import file_digest
from recx.data.text_encoding import as_utf8
from recx.errors import CheckpointError, DataError, SettingsError
from recx.pipeline.explained_pairs import Pair, PairExplainer
from recx.storage.locks import hold, release
from recx.storage.run_folder import read_json, write_json

BATCH = 64  # pairs explained at once, and lost at most where the command is killed
PASSED_ON = ("user", "id")
_TEXT, _LINES = (".csv", ".tsv", ".txt"), (".jsonl", ".ndjson")
Row = dict[str, Any] | DataError


class Written(NamedTuple):
    """What an output file holds: its rows, and how many of them say why they could not be explained."""

    rows: int
    failed: int


def explain_file(
    explainer: PairExplainer,
    source: Path,
    output: Path,
    provenance: Mapping[str, Any],
    view: str = "",
    overwrite: bool = False,
) -> Written:
    """Explain the pairs of a file.

    Args:
        explainer: of the run.
        source: CSV or TSV with a header, JSON lines or Parquet, with columns `history` (titles separated by semicolons,
            or a JSON list) and `item`, and perhaps `view` (an instruction for this explanation), `user` and `id`.
        output: JSON lines as `PairExplainer.record` makes them, with `user` and `id` passed on; where a row cannot be
            read, `history` and `item` as given, and `error`.
        provenance: what decides about the texts; an output made with another is refused.
        view: an instruction for the explanations of rows that have none of their own.
        overwrite: whether to replace the output instead of resuming.

    Raises:
        DataError: the input cannot be read or lacks a column, or the output cannot be written.
        SettingsError: the output is the input, or was written with another provenance.
        CheckpointError: another process writes to the output.
    """
    if source.resolve() == output.resolve():
        raise SettingsError(f"{output} is the input. Name another file for the output.")
    total = require_pairs(source)
    made_with = {**provenance, "view": view, "input": {"name": source.name, "sha256": file_digest(source)}}
    lock = f".{output.name}.lock"
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        hold(output.parent, lock)
        written = _begin(output, made_with, overwrite)
        if written.rows > total:
            raise SettingsError(
                f"{output} holds {written.rows:,} rows, but {source.name} only {total:,}. Name another file, or use "
                "--overwrite to replace it."
            )
        waiting = itertools.islice(rows_of(source), written.rows, None)
        with output.open("ab") as file, tqdm(total=total, initial=written.rows, unit="pair", desc=output.name) as bar:
            while batch := list(itertools.islice(waiting, BATCH)):
                records = _explained(explainer, batch, view)
                file.write(b"".join(map(_line, records)))
                file.flush()
                failed = sum("error" in record for record in records)
                written = Written(written.rows + len(batch), written.failed + failed)
                bar.update(len(batch))
    except OSError as error:
        raise DataError(
            f"{output} cannot be written ({error.strerror or error}). Rerun the same command to resume."
        ) from error
    finally:
        release(output.parent, lock)
    return written


def require_pairs(path: Path) -> int:
    """The number of rows of a file of pairs.

    Raises:
        DataError: it cannot be read, lacks a column or contains no rows.
    """
    rows = sum(1 for _ in rows_of(path))
    if not rows:
        raise DataError(f"{path}: contains no rows.")
    return rows


def rows_of(path: Path) -> Iterator[Row]:
    """Yield the rows of a file of pairs, column -> value; for a row that cannot be read, the error that says why.

    Raises:
        DataError: the file cannot be read, or has no column `history` or `item`.
    """
    name = path.name.casefold().removesuffix(".gz").removesuffix(".zip")
    if name.endswith(".parquet"):
        frame = read_parquet(path)
        _require(path, frame.columns)
        return frame.iter_rows(named=True)
    if not name.endswith((*_TEXT, *_LINES)):
        known = ", ".join((*_TEXT, *_LINES, ".parquet"))
        raise DataError(f"{path}: has an unknown format; expected a name ending in {known}.")
    raw = read_bytes(path)
    try:
        text = as_utf8(path, raw, "", ReadingReport()).decode()
    except DataError as error:
        raise DataError(f"{path}: is neither UTF-8 nor UTF-16. Save it as UTF-8 and run the command again.") from error
    return _json_rows(path, text) if name.endswith(_LINES) else _text_rows(path, text)


def _text_rows(path: Path, text: str) -> Iterator[Row]:
    header = text.lstrip().partition("\n")[0]
    separator = max(",\t;|", key=header.count)
    reader = csv.DictReader(io.StringIO(text.lstrip("\r\n"), newline=""), delimiter=separator, strict=True)
    try:
        columns = [name.strip() for name in reader.fieldnames or ()]
        _require(path, columns)
        reader.fieldnames = columns
        for row in reader:
            more = row.pop(None, None)
            if any("\n" in (row[name] or "") for name in ("history", "item")):
                raise DataError(
                    f"{path}, line {reader.line_num}: a title continues on a new line; a quotation mark may be missing."
                )
            wrong = f"{len(columns) + len(more)} fields, expected {len(columns)}." if more else ""
            yield DataError(f"{wrong} Put values that contain {separator!r} in quotes.") if wrong else row
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: cannot be read ({error}).") from error


def _json_rows(path: Path, text: str) -> Iterator[Row]:
    lines = (line for line in text.split("\n") if line.strip())  # not `splitlines`, which would cut texts
    for number, line in enumerate(lines):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict) and not number:
            _require(path, list(row))
        yield row if isinstance(row, dict) else DataError(f"{line[:60]!r} is not a JSON object.")


def _require(path: Path, columns: Sequence[str]) -> None:
    for name in ("history", "item"):
        if name not in columns:
            found = ", ".join(columns) or "none"
            raise DataError(f"{path}: no column {name!r}; found {found}. Expected history and item.")
        if list(columns).count(name) > 1:
            raise DataError(f"{path}: there are several columns {name!r}. Rename those that are not meant.")


def _explained(explainer: PairExplainer, rows: Sequence[Row], view: str) -> list[dict[str, Any]]:
    """A record for each row, in their order."""
    read = [_read(explainer, row, view) for row in rows]
    answers = iter(explainer.explain([pair for pair in read if isinstance(pair, Pair)]))
    records = []
    for row, pair in zip(rows, read, strict=True):
        given = row if isinstance(row, dict) else {}
        record = {name: given[name] for name in PASSED_ON if name in given}
        if isinstance(pair, Pair):
            record |= explainer.record(next(answers))
        else:
            record |= {name: given[name] for name in ("history", "item") if name in given} | {"error": str(pair)}
        records.append(record)
    return records


def _read(explainer: PairExplainer, row: Row, view: str) -> Pair | DataError:
    if isinstance(row, DataError):
        return row
    try:
        wish = row.get("view") or view
        if not isinstance(wish, str):
            raise DataError(f"view is {wish!r}, expected a text.")
        return explainer.names.pair(_titles(row.get("history")), _title(row.get("item")), wish)
    except DataError as error:
        return error


def _titles(value: Any) -> list[str] | str:
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return value  # a title may begin so, too
    return [_title(title) for title in value] if isinstance(value, list) else _title(value)


def _title(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():  # whole numbers of pandas, where another row has none
        value = int(value)
    if isinstance(value, float) and value != value:
        value = None
    if isinstance(value, bool) or not isinstance(value, str | int | None):
        raise DataError(f"{str(value)[:60]!r} is not a title.")
    return "" if value is None else str(value)


def _line(record: Mapping[str, Any]) -> bytes:
    return (json.dumps(record, ensure_ascii=False, default=str) + "\n").encode("utf-8", "replace")


def _begin(output: Path, made_with: Mapping[str, Any], overwrite: bool) -> Written:
    """What stands in the output already and is kept; a last line that was cut short is taken off."""
    beside = output.with_name(output.name + ".provenance.json")
    if overwrite:
        output.unlink(missing_ok=True)
    written, end = Written(0, 0), 0
    if output.is_file() and output.stat().st_size:
        if not beside.is_file():
            raise SettingsError(
                f"{output} exists and was not written by this command. Name another file, or use --overwrite."
            )
        try:
            other = _differences(read_json(beside), made_with)
        except CheckpointError as error:
            raise SettingsError(
                f"{beside} is damaged and does not say how {output.name} was made. Name another file, or use "
                "--overwrite to replace it."
            ) from error
        if other:
            raise SettingsError(
                f"{output} was written with other settings ({', '.join(other)}), so the file would mix two kinds of "
                "texts. Name another file, or use --overwrite to replace it."
            )
        with output.open("rb+") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                record = _record(line)
                if record is None:
                    raise SettingsError(
                        f"{output}, line {written.rows + 1}: is damaged, so the rows after it cannot be counted. "
                        "Restore the line, name another file, or use --overwrite to replace it."
                    )
                written, end = Written(written.rows + 1, written.failed + ("error" in record)), end + len(line)
            file.truncate(end)
    write_json(beside, made_with)
    return written


def _differences(before: Any, now: Mapping[str, Any]) -> list[str]:
    """What differs between the present and the kept settings; the folder and the name of a file do not matter."""
    before = before if isinstance(before, dict) else {}
    same_input = isinstance(before.get("input"), dict) and before["input"].get("sha256") == now["input"]["sha256"]
    return [
        name.replace("_", " ") for name in now if not (same_input if name == "input" else before.get(name) == now[name])
    ]


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
