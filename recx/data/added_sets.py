"""Data sets added by the user: a name for a folder, and a file in that folder that records how to read it."""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from recx import paths
from recx.errors import DataError, SettingsError
from recx.profiles.resolve import differences, flatten, resolve_settings
from recx.settings import DataSettings, Settings
from recx.storage.atomic_files import replace_file

MAPPING = "recx.toml"
FILES = ("log", "items")
_FIXED = ("data.name", "data.data_dir", "data.demo.")  # these select a data set; they do not say how to read its files
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def registry_file() -> Path:
    """The file that stores the names."""
    return paths.config() / "datasets.json"


def added_sets() -> dict[str, Path]:
    """Name -> folder of every data set that the user has added.

    Raises:
        DataError: the file of names is damaged.
    """
    file = registry_file()
    try:
        known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        return {str(name): Path(folder) for name, folder in known.items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise DataError(f"{file}: cannot be read as a list of data sets ({error}). Repair or delete it.") from error


def check_name(name: str, folder: Path, taken: Sequence[str]) -> None:
    """Refuse a name that is malformed or already taken.

    Raises:
        SettingsError: the name has a wrong form, or belongs to another data set.
    """
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"{name!r} is not a valid name: use up to 64 letters, digits, - and _, and start with a letter or digit."
        )
    if name.casefold() in {t.casefold() for t in taken}:
        raise SettingsError(f"The name {name!r} belongs to a built-in data set; choose another.")
    for other, elsewhere in added_sets().items():
        if other.casefold() == name.casefold() and elsewhere != folder and elsewhere.is_dir():
            raise SettingsError(
                f"The name {other!r} already refers to {elsewhere} (in {registry_file()}); choose another."
            )


def remember(name: str, folder: Path) -> Path:
    """Store a name for a folder; returns the file it is stored in.

    Raises:
        DataError: the file cannot be written.
    """
    file = registry_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_suffix(".lock")):
            known = {n: str(f) for n, f in added_sets().items()} | {name: str(folder)}
            replace_file(file, json.dumps(known, indent=1, ensure_ascii=False))
    except OSError as error:
        raise DataError(
            f"{file} cannot be written ({error.strerror or error}). Set RECX_CONFIG_DIR to another folder."
        ) from error
    return file


def read_mapping(folder: Path) -> dict[str, Any]:
    """The content of a folder's `recx.toml`, by dotted key: `log`, `items`, `columns.user`, `min_user` and so on.

    Raises:
        DataError: the file is not valid TOML or cannot be read.
    """
    file = folder / MAPPING
    if not file.is_file():
        return {}
    try:
        return flatten(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{file}: cannot be read ({error}).") from error


def write_mapping(folder: Path, mapping: Mapping[str, Any], comments: Sequence[str]) -> Path:
    """Write `recx.toml`; returns its path.

    Raises:
        DataError: the file cannot be written.
    """
    file = folder / MAPPING
    lines = ["# How recx reads the files in this folder. Written by recx data add; you may edit it."]
    for comment in comments:
        lines.append("# " + "".join(c if c.isprintable() else " " for c in " ".join(comment.split())))
    for inside in (False, True):  # keys of the table must come last
        chosen = {k: v for k, v in mapping.items() if k.startswith("columns.") == inside}
        lines += ["[columns]"] if inside and chosen else []
        lines += [f"{key.removeprefix('columns.')} = {_toml(value)}" for key, value in chosen.items()]
    text = "\n".join(lines) + "\n"
    try:
        replace_file(file, text)
    except OSError as error:
        raise DataError(
            f"{file} cannot be written ({error.strerror or error}), but recx stores there how to read the files."
        ) from error
    return file


def _toml(value: Any) -> str:
    """A value as TOML: as JSON, but what cannot be printed is escaped by the number of its character."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)


def with_mapping(settings: DataSettings, folder: Path, mapping: Mapping[str, Any]) -> DataSettings:
    """Complete a data set's settings from its folder's `recx.toml`; values that are not defaults take precedence.

    Raises:
        DataError: the file has an unknown key, or a value of the wrong type.
    """
    told = {f"data.{key}": value for key, value in mapping.items() if key not in FILES}
    fixed = [key for key in told if key.startswith(_FIXED)]
    if fixed:
        raise DataError(f"{folder / MAPPING}: {fixed[0].removeprefix('data.')!r} cannot be set in this file.")
    own = differences(Settings(data=settings), Settings())
    try:
        return resolve_settings(overrides=told | own).data
    except SettingsError as error:
        raise DataError(f"{folder / MAPPING}: {error}") from error
