"""The user's own files: a folder with RecBole atomic files, or with two tables."""

from pathlib import Path

import polars as pl

from recx.data.column_checks import check_names
from recx.data.csv_parquet import SUFFIXES, interactions_from_table, items_from_table
from recx.data.reading_report import ReadingReport
from recx.data.recbole_atomic import interactions_from, read_atomic
from recx.data.sources import FileLayout, Source, Tables
from recx.errors import DataError
from recx.settings import DataSettings


def custom_source(folder: Path) -> Source:
    """A source for a folder of the user's own files.

    Raises:
        DataError: naming what is there and what is expected.
    """
    inter = sorted(p for p in folder.iterdir() if p.name.endswith((".inter", ".inter.gz")))
    item = sorted(p for p in folder.iterdir() if p.name.endswith((".item", ".item.gz")))
    if inter and item:
        files, read = (inter[0].name, item[0].name), _read_atomic_files
    else:
        tables = [
            next((f"{stem}{s}" for s in SUFFIXES if (folder / f"{stem}{s}").is_file()), "")
            for stem in ("interactions", "items")
        ]
        if not all(tables):
            raise DataError(
                f"{folder}: expected *.inter and *.item, or interactions and items as {', '.join(SUFFIXES)}; "
                f"found {', '.join(sorted(p.name for p in folder.iterdir())[:8]) or 'nothing'}."
            )
        files, read = tuple(tables), _read_tables

    layout = FileLayout(files, read)
    return Source(folder.resolve().name, "your own files", "yours", "yours", (), (layout,), folder.resolve())


def _read_atomic_files(located: dict[str, Path], settings: DataSettings) -> Tables:
    interactions, items_file = located.values()
    report = ReadingReport()
    items = read_atomic(items_file)
    title = settings.columns.title
    if title not in items.columns or "item_id" not in items.columns:
        raise DataError(f"{items_file}: needs columns 'item_id' and {title!r}; found {', '.join(items.columns)}.")
    check_names(items_file, items, {"title": title})
    others = [c for c in items.columns if c not in ("item_id", title)]
    frame = items.select(
        "item_id",
        (pl.col(title).list.join(" ") if items[title].dtype == pl.List else pl.col(title)).alias("title"),
        *(
            pl.col(c) if items[c].dtype == pl.List(pl.String) else pl.concat_list(pl.col(c).cast(pl.String))
            for c in others
        ),
    )
    return Tables(interactions_from(read_atomic(interactions), interactions, report), frame, report)


def _read_tables(located: dict[str, Path], settings: DataSettings) -> Tables:
    interactions, items = located.values()
    return Tables(
        interactions_from_table(interactions, settings.columns),
        items_from_table(items, settings.columns),
        ReadingReport(),
    )
