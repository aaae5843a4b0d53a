"""`recx data`: what data sets there are, what one is, and getting or adding one."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from recx.profiles.resolve import parse_overrides, resolve_settings


@dataclass(frozen=True)
class ListCommand:
    """List the known data sets."""

    def run(self) -> None:
        """Print the names of all data sets."""
        from recx.data.added_sets import added_sets
        from recx.data.registry import SOURCES

        for source in SOURCES.values():
            print(f"{source.name:<16} {source.title}")
        for name, folder in added_sets().items():
            print(f"{name:<16} your own files in {folder}")


@dataclass(frozen=True)
class DescribeCommand:
    """Show what a data set is, its licence, its citation, and its size if the files are available."""

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
    """Name or folder of a data set."""
    data_dir: str = ""
    """Folder with data sets obtained elsewhere; RECX_DATA_DIR by default."""
    set: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """A setting as key=value, e.g. data.columns.item=artist; can be repeated."""

    def run(self) -> None:
        """Print the terms of a data set and its statistics."""
        from recx.data.registry import find_source, load_dataset
        from recx.data.statistics import statistics

        print(find_source(self.name).terms())
        dataset = load_dataset(resolve_settings("tiny", self.name, self.data_dir, parse_overrides(self.set)).data)
        print(f"\nWhat was read:\n{dataset.report}\n\nAfter filtering:")
        for name, value in statistics(dataset).items():
            print(f"{value:>12,.2f}  {name}" if isinstance(value, float) else f"{value:>12,}  {name}")
        if not dataset.catalogue.attributes:
            print(f"{'no':>12}  attributes")


@dataclass(frozen=True)
class DownloadCommand:
    """Download a data set from its official address; an interrupted download is resumed."""

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
    """Name of a data set."""

    def run(self) -> None:
        """Print the terms of a data set and get its files."""
        from recx.data.registry import find_source

        source = find_source(self.name)
        if source.official:
            print(f"{source.terms()}\nFrom: {' '.join(d.url for d in source.official.downloads)}", flush=True)
        for name, path in source.fetch().items():
            print(f"{name}: {path}")


@dataclass(frozen=True)
class AddCommand:
    """Read your own files in a folder, report what was read, and save under a name how to read them."""

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
    """A name of your choice, to be used with --dataset."""
    folder: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="FOLDER")]
    """Folder that contains the files."""
    log: str = ""
    """The interaction file, if the folder contains several files."""
    items: str = ""
    """The item file, if there is one; otherwise the item names in the log serve as titles."""
    user: str = ""
    """The user column."""
    item: str = ""
    """The item column."""
    time: str = ""
    """The timestamp column."""
    rating: str = ""
    """The rating column."""
    title: str = ""
    """The title column."""
    set: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """A further data setting, e.g. data.min_user=3 or data.columns.encoding=cp1251; can be repeated."""

    def run(self) -> None:
        """Add a data set, and print what was read."""
        from recx.data.adding import add_dataset, shown_histories

        chosen = {"log": self.log, "items": self.items, "columns.timestamp": self.time}
        chosen |= {f"columns.{name}": getattr(self, name) for name in ("user", "item", "rating", "title")}
        added = add_dataset(self.name, self.folder, chosen, parse_overrides(self.set))
        print(f"What was read:\n{added.dataset.report}\n\nThree histories, oldest item first:")
        print("\n".join(shown_histories(added.dataset)))
        print(f"\nThe reading options are stored in {added.mapping}, and the name in {added.registry}.")
        print(f"Next: recx run --dataset {self.name}")


@dataclass(frozen=True)
class DataCommand:
    """List the data sets, describe one, download one, or add your own."""

    action: (
        Annotated[ListCommand, tyro.conf.subcommand("list")]
        | Annotated[DescribeCommand, tyro.conf.subcommand("describe")]
        | Annotated[DownloadCommand, tyro.conf.subcommand("download")]
        | Annotated[AddCommand, tyro.conf.subcommand("add")]
    )

    def run(self) -> None:
        """Do what was asked for."""
        self.action.run()
