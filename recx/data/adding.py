"""Adding the user's own data set: its files are read at once, and how to read them is saved."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from recx import paths
from recx.data.added_sets import FILES, check_name, read_mapping, remember, with_mapping, write_mapping
from recx.data.custom_files import custom_source
from recx.data.dataset import Dataset
from recx.data.known_sources import SOURCES
from recx.data.registry import read_source
from recx.data.xrec_files import PAIRS
from recx.errors import DataError, SettingsError
from recx.settings import DataSettings

SHOWN_PEOPLE, SHOWN_TITLES = 3, 8


class Added(NamedTuple):
    """An added data set.

    Attributes:
        dataset: the data that was read.
        mapping: the file that records how to read the data.
        registry: the file that stores the name.
    """

    dataset: Dataset
    mapping: Path
    registry: Path


def add_dataset(name: str, folder: str, chosen: Mapping[str, str], settings: Mapping[str, str]) -> Added:
    """Read a folder's files and, if that works, save how to read them and a name for the folder.

    Args:
        name: new name of the data set.
        folder: folder with the files; its `recx.toml`, if any, holds unless `chosen` says otherwise.
        chosen: keys of `recx.toml` and values; empty values are ignored.
        settings: further data settings, by full key.

    Raises:
        SettingsError: the name is not allowed, or a setting does not belong to the data.
        DataError: the files cannot be read, or filtering leaves nothing.
    """
    base = paths.expanded(folder).resolve()
    check_name(name, base, list(SOURCES))
    if not base.is_dir():
        raise DataError(f"{folder} is not a folder. Give the folder that contains your files.")
    others = [key for key in settings if not key.startswith("data.")]
    if others:
        raise SettingsError(f"Setting {others[0]!r} is not a data setting; pass it to recx run instead.")
    mapping = read_mapping(base) | {key: value for key, value in chosen.items() if value}
    numbers = {
        key: int(value) if value.isdecimal() and ".columns." not in key else value for key, value in settings.items()
    }
    mapping |= {key.removeprefix("data."): value for key, value in numbers.items()}
    source = custom_source(base, mapping, name)
    dataset = read_source(source, with_mapping(DataSettings(name=name), base, mapping))
    files = source.layouts[0].files
    named = {} if files[0] == PAIRS else dict(zip(FILES, files, strict=False))  # pairs are known by their file's name
    written = write_mapping(base, mapping | named, dataset.report.decisions)
    return Added(dataset, written, remember(name, base))


def shown_histories(dataset: Dataset) -> list[str]:
    """The most recent choices of a few people, one line each, with unprintable characters replaced."""
    lines = []
    for user, sequence in list(zip(dataset.user_ids, dataset.sequences, strict=True))[:SHOWN_PEOPLE]:
        before = f"({len(sequence) - SHOWN_TITLES} more) ... " if len(sequence) > SHOWN_TITLES else ""
        titles = "; ".join(dataset.catalogue.labels[i] for i in sequence[-SHOWN_TITLES:])
        lines.append("".join(c if c.isprintable() else "?" for c in f"  {user}: {before}{titles}"))
    return lines
