"""Where a data set's files lie: in a folder one has, or fetched from their official address."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import polars as pl

from recx import paths
from recx.data.downloads import Download, fetch
from recx.data.reading_report import ReadingReport
from recx.errors import DataError
from recx.settings import DataSettings


class Tables(NamedTuple):
    """What a reader makes of a data set's files.

    Attributes:
        interactions: `user_id, item_id` and, where known, `timestamp` and `rating`.
        items: `item_id, title` and list columns.
        report: what was read and dropped.
        reasons: `user_id, item_id, reason, because`, where the data set says why each item was chosen.
    """

    interactions: pl.DataFrame
    items: pl.DataFrame
    report: ReadingReport
    reasons: pl.DataFrame | None = None


@dataclass(frozen=True)
class FileLayout:
    """One set of files in which a data set comes.

    Attributes:
        files: files needed (with or without .gz).
        read: from where they lie to tables of interactions and items.
        downloads: where they come from; none for files that only others have made.
    """

    files: tuple[str, ...]
    read: Callable[[dict[str, Path], DataSettings], Tables]
    downloads: tuple[Download, ...] = ()


@dataclass(frozen=True)
class Source:
    """A data set known by name.

    Attributes:
        name: on the command line.
        title: what it is.
        licence: terms of use.
        citation: whom to cite.
        folders: names its folder may have below the data folder.
        layouts: sets of files it may come in; the first that is there is read.
        custom_folder: the folder itself, for the user's own files.
    """

    name: str
    title: str
    licence: str
    citation: str
    folders: tuple[str, ...]
    layouts: tuple[FileLayout, ...]
    custom_folder: Path | None = None

    def locate(self, data_dir: str | Path | None) -> tuple[FileLayout, dict[str, Path]]:
        """The layout that is there, and where each of its files lies.

        With a data folder (`data_dir`, or `RECX_DATA_DIR`) no network is touched. Without one, files fetched before
        are taken from the cache.

        Raises:
            DataError: a file is neither there nor fetched yet.
        """
        base = self.custom_folder or paths.local_data(data_dir)
        folders = [*(base / f for f in self.folders), base] if base else [self.cache]
        for layout in self.layouts:
            files = _complete(layout, folders)
            if files or not layout.files:
                return layout, files
        wanted = " or ".join(" and ".join(layout.files) for layout in self.layouts)
        if base:
            raise DataError(f"{self.name!r}: {wanted} (.gz allowed) not found in {base} or its folders.")
        fetching = f" Or fetch it: recx data download {self.name}." if self.official else ""
        raise DataError(
            f"{self.name!r} does not ship with the kit. Name the folder that holds it with --data-dir or "
            f"RECX_DATA_DIR; it should contain {wanted} (.gz allowed).{fetching}"
        )

    def terms(self) -> str:
        """What it is, under which terms, and whom to cite."""
        return f"{self.name}: {self.title}\nLicence: {self.licence}\nCite: {self.citation}"

    @property
    def official(self) -> FileLayout | None:
        """The layout that can be fetched."""
        return next((layout for layout in self.layouts if layout.downloads), None)

    @property
    def cache(self) -> Path:
        """Folder of what was fetched."""
        return paths.cache() / "downloads" / self.name

    def fetch(self) -> dict[str, Path]:
        """Fetch the official files that are not in the cache yet.

        Raises:
            DataError: there is no official address, or a file could not be fetched.
        """
        layout = self.official
        if layout is None:
            raise DataError(f"{self.name!r} has no official address to fetch it from; name its folder with --data-dir.")
        for download in layout.downloads:
            fetch(download, self.cache)
        return _complete(layout, [self.cache])


def _complete(layout: FileLayout, folders: list[Path]) -> dict[str, Path]:
    """Where the files of a layout lie in the first folder that holds them all; empty if none does."""
    for folder in folders:
        files = {f: p for f in layout.files for p in (folder / f, folder / f"{f}.gz") if p.is_file()}
        if len(files) == len(layout.files):
            return files
    return {}
