"""The user's own files: a folder with RecBole atomic files, or with a log and optionally an item file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recx.data.added_sets import FILES
from recx.data.own_tables import own_tables, tables_of
from recx.data.reading_report import ReadingReport
from recx.data.recbole_atomic import read_atomic
from recx.data.sources import FileLayout, Source, Tables
from recx.data.xrec_files import explained_source
from recx.errors import DataError
from recx.settings import DataSettings

_TEXT = (".csv", ".tsv", ".tab", ".txt", ".dat", ".data", ".log")
_PACKED = ("", ".gz", ".zip")
ACCEPTED = (
    "an interaction log (user, item, time) as .csv, .tsv, .txt, .dat or .parquet (.gz and .zip allowed), alone or "
    "named interactions beside a file named items; RecBole's *.inter and *.item; or XRec's explanations.jsonl with "
    "its interactions"
)


def custom_source(folder: Path, mapping: Mapping[str, Any], name: str = "") -> Source:
    """Create a source for a folder with the user's own files.

    Args:
        folder: folder with the files.
        mapping: content of `recx.toml`; `log` and `items` name the files.
        name: name of the data set; the folder's name by default.

    Raises:
        DataError: with what was found and what is expected.
    """
    tables_named = any(key in FILES or key.startswith("columns.") for key in mapping)
    if not tables_named and (source := explained_source(folder, name)):
        return source
    files = _chosen(folder, mapping) or _atomic(folder) or _tables(folder)
    read = _read_atomic_files if files[0].removesuffix(".gz").endswith(".inter") else _read_tables
    base = folder.resolve()
    terms = "that of your files", "the source of your files"
    return Source(name or base.name, f"your own files in {base}", *terms, (), (FileLayout(files, read),), base)


def _chosen(folder: Path, mapping: Mapping[str, Any]) -> tuple[str, ...]:
    """The files named in a mapping; they must be directly in the folder."""
    files = tuple(str(mapping[key]) for key in ("log", "items") if mapping.get(key))
    for file in files:
        if Path(file).name != file or not (folder / file).is_file():
            raise DataError(f"{folder}: no file {file!r}; found {_found(folder)}.")
    if files and not mapping.get("log"):
        raise DataError(f"{folder}: the item file is named ({files[0]}), but the log is not; name it with --log FILE.")
    return files


def _atomic(folder: Path) -> tuple[str, ...]:
    by_kind = [
        sorted(p.name for p in folder.iterdir() if p.name.removesuffix(".gz").endswith(kind))
        for kind in (".inter", ".item")
    ]
    if any(len(names) > 1 for names in by_kind):
        raise _several(folder, [name for names in by_kind for name in names])
    return tuple(name for names in by_kind for name in names) if by_kind[0] else ()


def _tables(folder: Path) -> tuple[str, ...]:
    """The only table in the folder, or those named `interactions` and `items`."""
    suffixes = [".parquet", *(text + packed for text in _TEXT for packed in _PACKED)]
    tables = {
        p.name: p.name[: -len(s)] for p in sorted(folder.iterdir()) for s in suffixes if p.name.casefold().endswith(s)
    }
    tables |= {p.name: p.stem for p in folder.iterdir() if p.suffix.casefold() == ".zip"}
    tables = {n: stem for n, stem in tables.items() if not stem.casefold().startswith(("readme", "licen", "."))}
    named = {stem: name for name, stem in tables.items() if stem in ("interactions", "items")}
    if "interactions" in named and (len(tables) == 1 or "items" in named):
        return tuple(named[stem] for stem in ("interactions", "items") if stem in named)
    if len(tables) > 1:
        raise _several(folder, list(tables))
    if not tables:
        raise DataError(f"{folder}: expected {ACCEPTED}; found {_found(folder)}.")
    return tuple(tables)


def _several(folder: Path, names: list[str]) -> DataError:
    return DataError(
        f"{folder}: holds {', '.join(names[:8])}. Name the log, and the item file if there is one: "
        "recx data add NAME FOLDER --log FILE --items FILE."
    )


def _found(folder: Path) -> str:
    return ", ".join(sorted(p.name for p in folder.iterdir())[:8]) or "nothing"


def _read_tables(located: dict[str, Path], settings: DataSettings) -> Tables:
    log, items = [*located.values(), None][:2]
    return own_tables(log, items, settings.columns)


def _read_atomic_files(located: dict[str, Path], settings: DataSettings) -> Tables:
    log, items = [*located.values(), None][:2]
    listed = read_atomic(items) if items else None
    return tables_of(log, read_atomic(log), items, listed, settings.columns, ReadingReport(), atomic=True)
