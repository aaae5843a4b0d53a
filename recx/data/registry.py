"""Data sets by name: found, fetched and loaded."""

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
    """Whether a data set is known by that name, so that no folder is meant."""
    return name in SOURCES or name in added_sets()


def find_source(name: str) -> Source:
    """The source of that name, be it of the kit or added; any other existing folder holds the user's own files.

    Raises:
        SettingsError: no such data set.
        DataError: the folder holds no files that can be read.
    """
    if name in SOURCES:
        return SOURCES[name]
    added = added_sets()
    folder = added.get(name) or Path(name).expanduser()
    if folder.is_dir():
        return custom_source(folder, read_mapping(folder), name if name in added else "")
    if name in added:
        raise DataError(f"Data set {name!r} was added as {folder}, which is not there any more. Add it again.")
    raise SettingsError(
        f"Unknown data set {name!r}. Known: {', '.join([*SOURCES, *added])}; or give a folder with your own files: "
        f"{ACCEPTED}."
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


def warnings_of(settings: DataSettings) -> list[str]:
    """What a user should know of their own files before anything is trained; the kit's data sets were looked at."""
    return load_dataset(settings).report.warnings if find_source(settings.name).custom_folder else []


def input_files(settings: DataSettings) -> list[Path]:
    """Files a data set is read from, for fingerprints."""
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
    """Read, check, filter and index what a source has.

    Raises:
        DataError: its files are not there or cannot be read, or nothing of them is left.
    """
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
