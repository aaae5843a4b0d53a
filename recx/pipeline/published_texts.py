"""Explanations of a finished run as JSON lines, for readers and judges who do not have the run."""

import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from recx import paths
from recx.data.catalogue import Catalogue
from recx.data.registry import load_dataset
from recx.data.split import leave_one_out
from recx.errors import CheckpointError, SettingsError
from recx.explaining.records import explanation_of
from recx.explaining.segments import segments
from recx.parsing.explanation_parser import ExplanationParser
from recx.profiles.resolve import settings_of
from recx.prompts.requests import Request
from recx.recommenders.target_record import length_read
from recx.storage.atomic_files import replace_file
from recx.storage.run_folder import missing_files, read_frame, read_manifest


def write_texts(path: Path, profile: str = "tiny", dataset: str = "demo") -> int:
    """Write the explanations of notebook 07, one JSON line per pair of a user and an item.

    Args:
        path: the file to write, which is replaced; compressed if its name ends in .gz.
        profile: profile of the run.
        dataset: data set of the run.

    Returns:
        The number of lines; `records` describes them.

    Raises:
        CheckpointError: the explanations are missing or damaged, or the data set has changed since.
        SettingsError: the file cannot be written.
        DataError: the data set cannot be read.
    """
    folder = paths.runs() / profile / dataset / "quality"
    manifest = read_manifest(folder)
    if manifest is None or missing_files(folder, manifest):
        raise CheckpointError(
            f"{folder} is not finished. Run this first: recx run --profile {profile} --dataset {dataset}"
        )
    lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records(folder)]
    content = "".join(lines).encode()
    try:
        replace_file(path, gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written ({error.strerror or error}). Name another file.") from error
    return len(lines)


def records(folder: Path) -> Iterator[dict[str, Any]]:
    """Read the explanations of a finished quality stage.

    Args:
        folder: folder of the stage.

    Yields:
        For each pair: `dataset`, `user` (row in the data set; of users with equal histories, the last), `history` (the
        latest items, which the target reads, oldest first) and `item` with `title` and `attributes`, `decision` (the
        target's), `texts` (method -> text) and `marks` (method -> checked parts of its text, each with `start`, `text`,
        `holds`, None where the catalogue does not tell, and `why`).

    Raises:
        CheckpointError: the explanations are damaged, or the data set has changed since.
        DataError: the data set cannot be read.
    """
    settings = settings_of(folder / "config.json")
    data = load_dataset(settings.data)
    catalogue, parser = data.catalogue, ExplanationParser(data.catalogue)
    length = length_read(folder.parent / "target", settings.target)
    users = {tuple(history): user for user, history in enumerate(leave_one_out(data.sequences).test_histories)}
    for _, rows in read_frame(folder / "explanations.parquet").groupby("pair"):
        first = rows.iloc[0]
        try:
            *history, item = (catalogue.index_of_label[label] for label in (*first["history"], first["item"]))
            user = users[tuple(history)]
        except KeyError as error:
            raise CheckpointError(f"{folder}: the data set has changed since; rerun notebook 07.") from error
        shown = history[-length:]
        texts = dict(zip(rows["method"], rows["text"], strict=True))
        yield {
            "dataset": settings.dataset,
            "user": user,
            "history": [_described(catalogue, i) for i in shown],
            "item": _described(catalogue, item),
            "decision": bool(first["target"]),
            "texts": texts,
            "marks": {method: _marks(parser, text, shown, item) for method, text in texts.items()},
        }


def _described(catalogue: Catalogue, item: int) -> dict[str, Any]:
    return {"title": catalogue.labels[item], "attributes": catalogue.facts(item)}


def _marks(parser: ExplanationParser, text: str, history: Sequence[int], item: int) -> list[dict[str, Any]]:
    request = Request("explanation", np.array(history), (item,))
    marks, start = [], 0
    for part in segments(explanation_of(text, request, parser.catalogue, parser)):
        if part.said:
            marks.append({"start": start, "text": part.text, "holds": part.holds, "why": part.why})
        start += len(part.text)
    return marks
