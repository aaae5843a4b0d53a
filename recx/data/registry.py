"""Data sets by name: found, fetched and loaded."""

import functools
from pathlib import Path

from recx import paths
from recx.data import table_cache
from recx.data.custom_files import custom_source
from recx.data.dataset import Dataset, Filtering, build_dataset
from recx.data.known_sources import SOURCES
from recx.data.sources import FileLayout, Source, Tables
from recx.errors import DataError, SettingsError
from recx.profiles.resolve import default_filtering
from recx.settings import DataSettings


def find_source(name: str) -> Source:
    """The source of that name; any other existing folder holds the user's own files.

    Raises:
        SettingsError: no such data set.
    """
    if name in SOURCES:
        return SOURCES[name]
    folder = Path(name).expanduser()
    if folder.is_dir():
        return custom_source(folder)
    raise SettingsError(
        f"Unknown data set {name!r}. Known: {', '.join(SOURCES)}; or give a folder with your own files "
        "(*.inter and *.item, or interactions and items as .csv, .csv.gz or .parquet)."
    )


def obtain(source: Source, data_dir: str) -> None:
    """Make sure that a data set's files are there: without a data folder the official ones are fetched, terms first.

    Raises:
        DataError: they are not in the data folder, or cannot be fetched.
    """
    try:
        source.locate(data_dir or None)
    except DataError:
        if paths.local_data(data_dir or None) or source.custom_folder or source.official is None:
            raise
        print(f"{source.terms()}\nFetching it into {source.cache}", flush=True)
        source.fetch()


def load_dataset(settings: DataSettings) -> Dataset:
    """Read, check, filter and index the data set that the settings name; read only, as the last one is kept."""
    return _load(settings, tuple((str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in input_files(settings)))


def input_files(settings: DataSettings) -> list[Path]:
    """Files a data set is read from, for fingerprints."""
    source = find_source(settings.name)
    _, files = source.locate(settings.data_dir or None)
    return sorted(files.values()) or [paths.shipped_data() / "demo" / "catalogue.csv"]


@functools.lru_cache(maxsize=1)
def _load(settings: DataSettings, files: tuple[tuple[str, int, int], ...]) -> Dataset:
    source = find_source(settings.name)
    layout, located = source.locate(settings.data_dir or None)
    tables = _read(source, layout, located, settings)
    chosen = {k: getattr(settings, k) for k in ("top_items", "sample_users", "min_user", "min_item")}
    usual = {} if source.custom_folder else default_filtering(source.name, next(iter(layout.files), ""))
    filtering = Filtering(**usual | {k: v for k, v in chosen.items() if v >= 0})
    return build_dataset(source.name, tables.interactions, tables.items, filtering, tables.report, tables.reasons)


def _read(source: Source, layout: FileLayout, files: dict[str, Path], settings: DataSettings) -> Tables:
    """What a layout's reader makes of its files; of large ones it is kept for the next time."""
    if source.custom_folder or not table_cache.is_large(files.values()):
        return layout.read(files, settings)
    key = table_cache.key_of(f"{source.name} {layout.files}", files.values())
    tables = table_cache.load_tables(key)
    if tables is None:
        tables = layout.read(files, settings)
        table_cache.keep_tables(key, tables)
    return tables
