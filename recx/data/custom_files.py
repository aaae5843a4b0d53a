"""One's own files: a folder with RecBole atomic files, or with two tables."""

from pathlib import Path

import polars as pl

from recx.data.csv_parquet import SUFFIXES, check_names, interactions_from_table, items_from_table
from recx.data.dataset import Filtering
from recx.data.reading_report import Report
from recx.data.recbole_atomic import interactions_from, read_atomic
from recx.data.sources import Form, Source, Tables
from recx.errors import DataError
from recx.settings import DataSettings


def own_source(folder: Path) -> Source:
    """A source for a folder of one's own files.

    Raises:
        DataError: naming what was found and what is expected.
    """
    inter = sorted(p for p in folder.iterdir() if p.name.endswith((".inter", ".inter.gz")))
    item = sorted(p for p in folder.iterdir() if p.name.endswith((".item", ".item.gz")))
    if inter and item:
        files, read = (inter[0].name, item[0].name), _read_own_atomic
    else:
        found = [
            next((f"{stem}{s}" for s in SUFFIXES if (folder / f"{stem}{s}").is_file()), "")
            for stem in ("interactions", "items")
        ]
        if not all(found):
            raise DataError(
                f"{folder}: expected *.inter and *.item, or interactions and items as {', '.join(SUFFIXES)}; "
                f"found {', '.join(sorted(p.name for p in folder.iterdir())[:8]) or 'nothing'}."
            )
        files, read = tuple(found), _read_own_tables

    form = Form(files, read, Filtering())
    return Source(folder.resolve().name, "your own files", "yours", "yours", (), (form,), folder.resolve())


def _read_own_atomic(located: dict[str, Path], settings: DataSettings) -> Tables:
    files = list(located.values())
    report = Report()
    items = read_atomic(files[1])
    title = settings.columns.title
    if title not in items.columns or "item_id" not in items.columns:
        raise DataError(f"{files[1]}: needs columns 'item_id' and {title!r}; found {', '.join(items.columns)}.")
    check_names(files[1], items, {"title": title})
    others = [c for c in items.columns if c not in ("item_id", title)]
    frame = items.select(
        "item_id",
        (pl.col(title).list.join(" ") if items[title].dtype == pl.List else pl.col(title)).alias("title"),
        *(
            pl.col(c) if items[c].dtype == pl.List(pl.String) else pl.concat_list(pl.col(c).cast(pl.String))
            for c in others
        ),
    )
    return interactions_from(read_atomic(files[0]), files[0], report), frame, report


def _read_own_tables(located: dict[str, Path], settings: DataSettings) -> Tables:
    files = list(located.values())
    return (
        interactions_from_table(files[0], settings.columns),
        items_from_table(files[1], settings.columns),
        Report(),
    )
