"""Explained pairs in the format of XRec's public files: a user, an item, a profile of each, and why they fit.

A folder holds `explanations.jsonl`, one pair per line, and the interactions of the whole data set as
`interactions_trn.csv` or, where there is no such file, any of `interactions.csv`, `interactions_val.csv` and
`interactions_tst.csv`, with the columns `user` and `item`. Every name may end in .gz. The fields of a pair are `uid`,
`iid` (whole numbers or text), `title`, `user_summary`, `item_summary` and `explanation`; `xrec`, a text that another
model wrote about the pair, may be missing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from recx.data.json_lines import checked_lines
from recx.data.reading_report import ReadingReport
from recx.data.sources import FileLayout, Source, Tables
from recx.errors import DataError
from recx.settings import DataSettings

PAIRS = "explanations.jsonl"
PREDICTIONS = "xrec_predictions.jsonl"
MAX_TEXT = 20_000  # letters
_TEXTS = ("title", "user_summary", "item_summary", "explanation")
_GRAPHS = (("interactions_trn.csv",), ("interactions.csv", "interactions_val.csv", "interactions_tst.csv"))
_FORM = (
    '{"uid": 1, "iid": 2, "title": "...", "user_summary": "...", "item_summary": "...", "explanation": "..."}, '
    'optionally with "xrec": "..."'
)
_PREDICTED = '{"prediction": "...", "reference": "..."}'


@dataclass(frozen=True)
class ExplainedPairs:
    """P explained pairs among U users and N items, with the interactions of all.

    Attributes:
        users: (P,) user of each pair, 0..U-1.
        items: (P,) item of each pair, 1..N.
        titles: P titles of the items.
        user_profiles: P texts about what the user likes.
        item_profiles: P texts about whom the item suits.
        explanations: P reference texts.
        published: P texts that another model wrote, empty where there is none.
        edges: (E, 2) user and item of each interaction.
        user_count: U.
        item_count: N.
        origin: a sentence on who wrote profiles and references.
    """

    users: np.ndarray
    items: np.ndarray
    titles: tuple[str, ...]
    user_profiles: tuple[str, ...]
    item_profiles: tuple[str, ...]
    explanations: tuple[str, ...]
    published: tuple[str, ...]
    edges: np.ndarray
    user_count: int
    item_count: int
    origin: str = "Profiles and references are those of the file."

    def __len__(self) -> int:
        return len(self.users)

    def subset(self, rows: Sequence[int] | np.ndarray) -> "ExplainedPairs":
        """Some of the pairs, among the same users, items and interactions."""
        names = ("titles", "user_profiles", "item_profiles", "explanations", "published")
        texts = {name: tuple(getattr(self, name)[row] for row in rows) for name in names}
        return replace(self, users=self.users[rows], items=self.items[rows], **texts)


def read_explained_pairs(folder: Path) -> ExplainedPairs:
    """Read the explained pairs of a folder and the interactions around them; ids are numbered anew.

    Raises:
        DataError: a file is missing or cannot be read, or a line is not such a record.
    """
    records = list(_records(_need(folder, PAIRS)))
    if not records:
        raise DataError(f"{folder / PAIRS}: contains no pairs; expected one per line: {_FORM}.")
    edges = _interactions(folder)
    given = pl.DataFrame({"user": [r["uid"] for r in records], "item": [r["iid"] for r in records]})
    both = pl.concat([edges, given])
    users, items = (_numbered(both[name]) for name in ("user", "item"))
    columns = [tuple(r[name] for r in records) for name in (*_TEXTS, "xrec")]
    graph = np.unique(np.stack([users, items + 1], axis=1)[: len(edges)], axis=0)
    own = slice(len(edges), None)
    return ExplainedPairs(users[own], items[own] + 1, *columns, graph, int(users.max()) + 1, int(items.max()) + 1)


def read_predictions(folder: Path) -> tuple[list[str], list[str]]:
    """The texts that XRec's authors published, and the reference of each, as their evaluation reads them.

    Raises:
        DataError: the file is missing or a line is not such a record.
    """
    rows = [
        (r["prediction"], r["reference"]) for r in checked_lines(_need(folder, PREDICTIONS), _prediction, _PREDICTED)
    ]
    return [text for text, _ in rows], [reference for _, reference in rows]


def holds_pairs(folder: Path | None) -> bool:
    """Whether a folder has a file of explained pairs."""
    return folder is not None and any((folder / f"{PAIRS}{packed}").is_file() for packed in ("", ".gz"))


def explained_source(folder: Path, name: str = "") -> Source | None:
    """The folder as a data set of the kit, in which only explained items have real titles; None without `PAIRS`."""
    if not holds_pairs(folder):
        return None
    files = (PAIRS, *(path.name for path in _graph_files(folder)))
    base = folder.resolve()
    layout = FileLayout(files, _tables)
    terms = "that of the files' publisher", "the work that the files come from"
    return Source(name or base.name, f"explained pairs in {base}", *terms, (), (layout,), base)


def _tables(located: Mapping[str, Path], settings: DataSettings) -> Tables:
    folder = located[PAIRS].parent
    titles = {r["iid"]: r["title"] for r in _records(located[PAIRS])}
    edges = _interactions(folder).rename({"user": "user_id", "item": "item_id"})
    items = edges.select(pl.col("item_id").unique(maintain_order=True))
    named = [titles.get(item, f"item {item}") for item in items["item_id"]]
    report = ReadingReport()
    report.note("explained pairs' items, which alone have titles", len(titles))
    return Tables(edges, items.with_columns(pl.Series("title", named)), report)


def _numbered(ids: pl.Series) -> np.ndarray:
    return (ids.rank("dense") - 1).to_numpy().astype(np.int64)


def _need(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise DataError(f"{folder}: no file {name} or {name}.gz; one of them is needed.")


def _graph_files(folder: Path) -> list[Path]:
    for names in _GRAPHS:
        found = [p for name in names for p in (folder / name, folder / f"{name}.gz") if p.is_file()]
        if found:
            return found
    wanted = " or ".join(name for names in _GRAPHS for name in names)
    raise DataError(f"{folder}: no interactions; expected {wanted} with the columns user and item (.gz allowed).")


def _interactions(folder: Path) -> pl.DataFrame:
    """Columns `user` and `item` as text."""
    parts = []
    for path in _graph_files(folder):
        try:
            frame = pl.read_csv(path, columns=["user", "item"], infer_schema=False, glob=False)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise DataError(f"{path}: not a table with the columns user and item ({str(error)[:120]}).") from error
        parts.append(frame.drop_nulls())
    return pl.concat(parts)


def _records(path: Path) -> Iterator[dict[str, str]]:
    return checked_lines(path, _pair, _FORM)


def _pair(record: dict[str, Any]) -> dict[str, str]:
    pair = {name: _text(record, name) for name in _TEXTS}
    for name in ("uid", "iid"):
        value = record.get(name)
        if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
            raise TypeError(f"{name} must be a whole number or text")
        pair[name] = str(value)
    return pair | {"xrec": _text(record, "xrec") if record.get("xrec") else ""}


def _prediction(record: dict[str, Any]) -> dict[str, str]:
    return {name: _text(record, name) for name in ("prediction", "reference")}


def _text(record: dict[str, Any], name: str) -> str:
    value = record.get(name)
    if not isinstance(value, str):
        raise TypeError(f"{name} must be text")
    if len(value) > MAX_TEXT:
        raise ValueError(f"{name} is longer than {MAX_TEXT:,} letters")
    return " ".join(value.encode("utf-8", "replace").decode().split())
