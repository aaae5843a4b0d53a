"""Where a data set's files lie: in a folder one has, or fetched from their official address."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from recx import paths
from recx.data.dataset import Filtering
from recx.data.downloads import Download, fetch
from recx.data.reading_report import Report
from recx.errors import DataError
from recx.settings import DataSettings

Tables = tuple[pl.DataFrame, pl.DataFrame, Report]


@dataclass(frozen=True)
class Form:
    """One form in which a data set's files come.

    Attributes:
        files: files needed (with or without .gz).
        read: from where they lie to tables of interactions and items.
        filtering: what the kit keeps unless told otherwise.
        downloads: where they come from; none for a form that only others have made.
    """

    files: tuple[str, ...]
    read: Callable[[dict[str, Path], DataSettings], Tables]
    filtering: Filtering
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
        forms: forms its files may have, the first found is read.
        own: the folder itself, for one's own files.
    """

    name: str
    title: str
    licence: str
    citation: str
    folders: tuple[str, ...]
    forms: tuple[Form, ...]
    own: Path | None = None

    def locate(self, data_dir: str | Path | None) -> tuple[Form, dict[str, Path]]:
        """The form at hand, and where each of its files lies.

        With a data folder (`data_dir`, or `RECX_DATA_DIR`) no network is touched. Without one, files fetched before
        are taken from the cache.

        Raises:
            DataError: a file is neither there nor fetched yet.
        """
        base = self.own or paths.local_data(data_dir)
        for form in self.forms:
            if not form.files:
                return form, {}
            found = _found(form, [base / f for f in self.folders] + [base]) if base else _found(form, [self.cache])
            if found:
                return form, found
        wanted = " or ".join(" and ".join(form.files) for form in self.forms)
        if base:
            raise DataError(f"{self.name!r}: {wanted} (.gz allowed) not found in {base} or its folders.")
        fetched = f" Or fetch it: recx data download {self.name}." if self.official else ""
        raise DataError(
            f"{self.name!r} does not ship with the kit. Name the folder that holds it with --data-dir or "
            f"RECX_DATA_DIR; it should contain {wanted} (.gz allowed).{fetched}"
        )

    def terms(self) -> str:
        """What it is, under which terms, and whom to cite."""
        return f"{self.name}: {self.title}\nLicence: {self.licence}\nCite: {self.citation}"

    @property
    def official(self) -> Form | None:
        """The form that can be fetched."""
        return next((form for form in self.forms if form.downloads), None)

    @property
    def cache(self) -> Path:
        """Folder of what was fetched."""
        return paths.cache() / "downloads" / self.name

    def fetch(self) -> dict[str, Path]:
        """Fetch the official files that are not in the cache yet.

        Raises:
            DataError: there is no official address, or a file could not be fetched.
        """
        form = self.official
        if form is None:
            raise DataError(f"{self.name!r} has no official address to fetch it from; name its folder with --data-dir.")
        for download in form.downloads:
            fetch(download, self.cache)
        return _found(form, [self.cache])


def _found(form: Form, folders: list[Path]) -> dict[str, Path]:
    """Where all files of a form lie in the first folder that holds them all; empty if none does."""
    for folder in folders:
        found = {f: p for f in form.files for p in (folder / f, folder / f"{f}.gz") if p.is_file()}
        if len(found) == len(form.files):
            return found
    return {}
