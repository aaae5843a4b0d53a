"""Data sets by name: finding, downloading and loading them."""

import functools
from pathlib import Path

from recx import paths
from recx.data import table_cache
from recx.data.added_sets import MAPPING, added_sets, read_mapping, with_mapping
from recx.data.custom_files import ACCEPTED, custom_source
from recx.data.dataset import Dataset, Filtering, build_dataset
from recx.data.known_sources import SOURCES
from recx.data.sources import FileLayout, Source, Tables
from recx.errors import DataError, SettingsError
from recx.profiles.resolve import default_filtering
from recx.settings import DataSettings


def is_name(name: str) -> bool:
    """Whether a name refers to a known data set rather than a folder."""
    return name in SOURCES or name in added_sets()


def find_source(name: str) -> Source:
    """The built-in or added source of that name; any other existing folder holds the user's own files.

    Raises:
        SettingsError: there is no such data set.
        DataError: the folder has no files that can be read.
    """
    if name in SOURCES:
        return SOURCES[name]
    added = added_sets()
    folder = added.get(name) or paths.expanded(name)
    if folder.is_dir():
        return custom_source(folder, read_mapping(folder), name if name in added else "")
    if name in added:
        raise DataError(f"Data set {name!r} was added from {folder}, which no longer exists. Add it again.")
    raise SettingsError(
        f"Unknown data set {name!r}. Known: {', '.join([*SOURCES, *added])}. Or give a folder with your own files: "
        f"{ACCEPTED}."
    )


def obtain(source: Source, data_dir: str) -> None:
    """Download a data set's official files if they are missing and no data folder is given; prints the terms first.

    Raises:
        DataError: the files are not in the data folder, or cannot be downloaded.
    """
    try:
        source.locate(data_dir or None)
    except DataError:
        if paths.local_data(data_dir or None) or source.custom_folder or source.official is None:
            raise
        print(f"{source.terms()}\nDownloading to {source.cache}", flush=True)
        source.fetch()


def load_dataset(settings: DataSettings) -> Dataset:
    """Read, check, filter and index a data set; do not modify the result, since the last one is cached."""
    return _load(settings, tuple((str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in input_files(settings)))


def warnings_of(settings: DataSettings) -> list[str]:
    """Warnings about the user's own files, to be shown before training; none for built-in data sets."""
    return load_dataset(settings).report.warnings if find_source(settings.name).custom_folder else []


def input_files(settings: DataSettings) -> list[Path]:
    """Files from which a data set is read, for fingerprints."""
    source = find_source(settings.name)
    _, files = source.locate(settings.data_dir or None)
    mapping = [source.custom_folder / MAPPING] if source.custom_folder else []
    used = [*sorted(files.values()), *(p for p in mapping if p.is_file())]
    return used or [paths.shipped_data() / "demo" / "catalogue.csv"]


@functools.lru_cache(maxsize=1)
def _load(settings: DataSettings, files: tuple[tuple[str, int, int], ...]) -> Dataset:
    source = find_source(settings.name)
    if source.custom_folder:
        settings = with_mapping(settings, source.custom_folder, read_mapping(source.custom_folder))
    return read_source(source, settings)


def read_source(source: Source, settings: DataSettings) -> Dataset:
    """Read, check, filter and index a source.

    Raises:
        DataError: files are missing or cannot be read, or filtering leaves nothing.
    """
    layout, located = source.locate(settings.data_dir or None)
    tables = _read(source, layout, located, settings)
    chosen = {k: getattr(settings, k) for k in ("top_items", "sample_users", "min_user", "min_item")}
    usual = {} if source.custom_folder else default_filtering(source.name).get(next(iter(layout.files), ""), {})
    filtering = Filtering(**usual | {k: v for k, v in chosen.items() if v >= 0})
    return build_dataset(source.name, tables.interactions, tables.items, filtering, tables.report, tables.reasons)


def _read(source: Source, layout: FileLayout, files: dict[str, Path], settings: DataSettings) -> Tables:
    """Read the files of a layout; the tables of large files are cached."""
    if source.custom_folder or not table_cache.is_large(files.values()):
        return layout.read(files, settings)
    key = table_cache.key_of(f"{source.name} {layout.files}", files.values())
    tables = table_cache.load_tables(key)
    if tables is None:
        tables = layout.read(files, settings)
        table_cache.keep_tables(key, tables)
    return tables
