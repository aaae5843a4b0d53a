"""Sources of data sets: files in a local folder, or downloaded from their official address."""

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
    """The tables read from a data set's files.

    Attributes:
        interactions: `user_id, item_id` and, if known, `timestamp` and `rating`.
        items: `item_id, title` and list columns.
        report: what was read and dropped.
        reasons: `user_id, item_id, reason, because`, if the data set says why each item was chosen.
    """

    interactions: pl.DataFrame
    items: pl.DataFrame
    report: ReadingReport
    reasons: pl.DataFrame | None = None


@dataclass(frozen=True)
class FileLayout:
    """One of the forms in which a data set's files are distributed.

    Attributes:
        files: names of the files (with or without .gz).
        read: function from paths and settings to tables.
        downloads: official downloads; empty for files published only by third parties.
    """

    files: tuple[str, ...]
    read: Callable[[dict[str, Path], DataSettings], Tables]
    downloads: tuple[Download, ...] = ()


@dataclass(frozen=True)
class Source:
    """A data set with a name.

    Attributes:
        name: name on the command line.
        title: short description.
        licence: terms of use.
        citation: work to cite.
        folders: names that its folder may have inside the data folder.
        layouts: possible forms of the files; the first complete one is read.
        custom_folder: folder of the user's own files.
    """

    name: str
    title: str
    licence: str
    citation: str
    folders: tuple[str, ...]
    layouts: tuple[FileLayout, ...]
    custom_folder: Path | None = None

    def locate(self, data_dir: str | Path | None) -> tuple[FileLayout, dict[str, Path]]:
        """The first complete layout, and the path of each of its files.

        With a data folder (`data_dir` or `RECX_DATA_DIR`) the network is never used. Without one, downloaded files are
        taken from the cache.

        Raises:
            DataError: a file is missing.
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
        fetching = f" Or download it: recx data download {self.name}." if self.official else ""
        raise DataError(
            f"{self.name!r} does not ship with the kit. Name the folder that contains it with --data-dir or "
            f"RECX_DATA_DIR; it should hold {wanted} (.gz allowed).{fetching}"
        )

    def terms(self) -> str:
        """Description, licence and citation."""
        return f"{self.name}: {self.title}\nLicence: {self.licence}\nCite: {self.citation}"

    @property
    def official(self) -> FileLayout | None:
        """The layout that can be downloaded."""
        return next((layout for layout in self.layouts if layout.downloads), None)

    @property
    def cache(self) -> Path:
        """Folder of downloaded files."""
        return paths.cache() / "downloads" / self.name

    def fetch(self) -> dict[str, Path]:
        """Download the official files that are not in the cache yet.

        Raises:
            DataError: there is no official address, or a download failed.
        """
        layout = self.official
        if layout is None:
            raise DataError(
                f"{self.name!r} cannot be downloaded: it has no official address. Name its folder with --data-dir."
            )
        for download in layout.downloads:
            fetch(download, self.cache)
        return _complete(layout, [self.cache])


def _complete(layout: FileLayout, folders: list[Path]) -> dict[str, Path]:
    """Paths of a layout's files in the first folder that has them all; empty if none does."""
    for folder in folders:
        files = {f: p for f in layout.files for p in (folder / f, folder / f"{f}.gz") if p.is_file()}
        if len(files) == len(layout.files):
            return files
    return {}
