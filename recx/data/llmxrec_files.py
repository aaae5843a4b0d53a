"""The public files of LLMXRec (Luo et al., arXiv 2312.15661) as JSON lines: instructions, comparisons, explanations.

They lie in one folder, with the names and fields below, and come from the authors' repository
(github.com/GodFire66666/LLM_rec_explanation), which states no licence: they are read, never copied.
"""

import gzip
import hashlib
import json
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recx.data.text_records import Comparison, TextRecord, comparison, text_record
from recx.errors import DataError

_LITERAL = re.compile(r"""u?(["'])(.*)\1""")  # u"Garrys Mod", as a list of Python prints a title


@dataclass(frozen=True)
class InstructionStudy:
    """Instructions, comparisons and recommendations, as the authors published them or made from a run of the kit.

    Attributes:
        instructions: records with an explanation (`text`), from which a model is tuned; 240 hand-checked ones.
        unseen: further ones about other histories; 60 of the 300 in their test file, which repeats the 240.
        judged: comparisons, to train a discriminator; 1,440 of them.
        judged_unseen: comparisons about other histories, to test it; 360 of them.
        recommended: recommender -> recommendations that several models explained; those whose history contains all
            titles of the history of an instruction or of a comparison for training are left out.
    """

    instructions: list[TextRecord]
    unseen: list[TextRecord]
    judged: list[Comparison]
    judged_unseen: list[Comparison]
    recommended: dict[str, list[TextRecord]]


def read_llmxrec(folder: Path, per_dataset: int = 0, seed: int = 0) -> InstructionStudy:
    """Read the files of the folder.

    Args:
        folder: the folder.
        per_dataset: how many recommendations to draw per recommender and data set; 0 for all.
        seed: random seed of this drawing. The same people are drawn for all recommenders as far as they have all.

    Raises:
        DataError: a file is missing or damaged.
    """
    read = {name: rows(folder / f"{name}.jsonl.gz") for name in _FILES}
    try:
        learnt = {_people(row) for row in read["instructions-train"]}
        seen = learnt | {_people(row) for row in read["comparisons-train"]}
        explained = _merged([row for name in _FILES if name.startswith("explanations") for row in read[name]])
        drawn = _drawn([row for row in explained if not _is_seen(row, seen)], per_dataset, seed)
        return InstructionStudy(
            [text_record(converted(row)) for row in read["instructions-train"]],
            [text_record(converted(row)) for row in read["instructions-test"] if _people(row) not in learnt],
            [comparison(converted(row)) for row in read["comparisons-train"]],
            [comparison(converted(row)) for row in read["comparisons-test"]],
            {name: [text_record(converted(row)) for row in own] for name, own in drawn.items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"{folder}: a row of a .jsonl.gz file does not have the fields of LLMXRec's files ({error!r})."
        ) from error


_FILES = (
    "instructions-train",
    "instructions-test",
    "comparisons-train",
    "comparisons-test",
    "explanations",
    "explanations-other-recommenders",
)


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of one file as they are.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return [json.loads(line) for line in file]
    except (OSError, EOFError, ValueError, RecursionError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read as JSON lines of LLMXRec ({error}).") from error


def converted(row: dict[str, Any]) -> dict[str, Any]:
    """One row in the fields of `recx.data.text_records`; none of its texts is changed.

    Rows that are filed under films, though their items are news, become a data set of their own.
    """
    news = any("subcategory" in item["attributes"] for item in row["history"])
    person = row.get("user") or {}
    return {
        **{name: row[name] for name in ("texts", "text", "first", "second", "better") if name in row},
        "dataset": row["dataset"] + (" (items of news)" if news and "mind" not in row["dataset"] else ""),
        "history": [_item(item) for item in row["history"]],
        "item": _item(row["item"]),
        **({"person": person} if person else {}),
    }


def _item(item: dict[str, Any]) -> dict[str, Any]:
    literal = _LITERAL.fullmatch(item["title"])
    attributes = {
        name: [v for v in values if v not in ("nan", "unknown")] for name, values in item["attributes"].items()
    }
    return {"title": literal[2] if literal else item["title"], "attributes": attributes}


_Person = tuple[str, frozenset[str]]


def _people(row: dict[str, Any]) -> _Person:
    """Data set and titles of a history, by which a person is recognised."""
    return row["dataset"], frozenset(item["title"] for item in row["history"])


def _is_seen(row: dict[str, Any], seen: set[_Person]) -> bool:
    dataset, titles = _people(row)
    return (dataset, titles) in seen or any(d == dataset and own <= titles for d, own in seen)


def _merged(explained: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the same recommender, history and item as one, with the texts of all; only those of several models.

    A list of films whose items are news, which one model was given by mistake, is left out.
    """
    whole: dict[str, dict[str, Any]] = {}
    for row in explained:
        if row["dataset"] == "ml-100k" and "subcategory" in row["item"]["attributes"]:
            continue
        key = json.dumps([row["recommender"], row["dataset"], row["history"], row["item"]])
        before = whole.get(key, row)
        whole[key] = before | {"texts": before["texts"] | row["texts"]}
    return [row for row in whole.values() if len(row["texts"]) > 1]


def _drawn(explained: list[dict[str, Any]], per_dataset: int, seed: int) -> dict[str, list[dict[str, Any]]]:
    """The rows by recommender, of which some per data set are drawn."""
    groups: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for row in explained:
        groups.setdefault(row["recommender"], {}).setdefault(row["dataset"], []).append(row)
    return {
        name: [row for own in by_dataset.values() for row in _some(own, per_dataset, seed)]
        for name, by_dataset in groups.items()
    }


def _some(own: list[dict[str, Any]], count: int, seed: int) -> list[dict[str, Any]]:
    """Rows whose histories come first in an order drawn by hash, so that all recommenders share people."""

    def place(row: dict[str, Any]) -> str:
        return hashlib.sha256(json.dumps([seed, row["history"]]).encode()).hexdigest()

    return sorted(own, key=place)[: count or None]
