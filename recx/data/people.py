"""What a data set says of its people: age, gender and occupation in MovieLens 100K."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from recx.data.column_checks import require_columns
from recx.data.movielens import users_100k
from recx.data.recbole_atomic import read_atomic
from recx.data.registry import find_source
from recx.data.text_records import Facts
from recx.settings import DataSettings

_KNOWN = ("age", "gender", "occupation")
_GENDERS = {"M": "male", "F": "female"}


def load_people(settings: DataSettings) -> dict[str, Facts]:
    """Attributes of the people by user id; empty for a data set without a file of them.

    The file (`ml-100k.user` of RecBole or the official `u.user`, .gz allowed) is looked for beside the other files.

    Raises:
        DataError: the file is damaged.
    """
    return next((_by_id(_READERS[path.name.removesuffix(".gz")](path)) for path in people_files(settings)), {})


def people_files(settings: DataSettings) -> list[Path]:
    """The files of people that are there; the first one is read."""
    _, located = find_source(settings.name).locate(settings.data_dir or None)
    folders = dict.fromkeys(path.parent for path in located.values())
    names = [f"{name}{packed}" for name in _READERS for packed in ("", ".gz")]
    return [folder / name for folder in folders for name in names if (folder / name).is_file()]


def _atomic(path: Path) -> pl.DataFrame:
    frame = read_atomic(path)
    require_columns(path, frame, ("user_id", *_KNOWN))
    return frame


_READERS: dict[str, Callable[[Path], pl.DataFrame]] = {"ml-100k.user": _atomic, "u.user": users_100k}


def _by_id(frame: pl.DataFrame) -> dict[str, Facts]:
    return {
        str(row["user_id"]): tuple((name, (_GENDERS.get(row[name], str(row[name])),)) for name in _KNOWN if row[name])
        for row in frame.iter_rows(named=True)
    }
