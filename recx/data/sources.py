"""The data sets known by name, and one's own files."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from recx import paths
from recx.data import demo
from recx.data.atomic import interactions_from, read_atomic
from recx.data.dataset import Dataset, Filtering, build_dataset
from recx.data.report import Report
from recx.data.tables import SUFFIXES, interactions_from_table, items_from_table
from recx.errors import DataError, SettingsError
from recx.settings import DataSettings

Tables = tuple[pl.DataFrame, pl.DataFrame, Report]


@dataclass(frozen=True)
class Source:
    """A data set known by name.

    Attributes:
        name: on the command line.
        title: what it is.
        licence: terms of use.
        citation: whom to cite.
        folders: names its folder may have below the data folder.
        files: files it needs there (with or without .gz).
        filtering: what the kit keeps of it unless told otherwise.
        read: from the files to tables.
        own: the folder itself, for one's own files.
    """

    name: str
    title: str
    licence: str
    citation: str
    folders: tuple[str, ...]
    files: tuple[str, ...]
    filtering: Filtering
    read: Callable[[dict[str, Path], DataSettings], Tables]
    own: Path | None = None

    def locate(self, data_dir: str | Path | None) -> dict[str, Path]:
        """Where each needed file lies.

        Raises:
            DataError: no data folder is set, or a file is not in it.
        """
        if not self.files:
            return {}
        base = self.own or paths.local_data(data_dir)
        if base is None:
            raise DataError(
                f"{self.name!r} does not ship with the kit. Name the folder that holds it with --data-dir or "
                f"RECX_DATA_DIR; it should contain {' and '.join(self.files)} (.gz allowed)."
            )
        tried = [base / f for f in self.folders] + [base]
        for folder in tried:
            found = {f: p for f in self.files for p in (folder / f, folder / f"{f}.gz") if p.is_file()}
            if len(found) == len(self.files):
                return found
        raise DataError(f"{self.name!r}: {', '.join(self.files)} (.gz allowed) not found in {base} or its folders.")


def _read_demo(files: dict[str, Path], settings: DataSettings) -> Tables:
    interactions, _, _ = demo.generate(settings.demo)
    catalogue = demo.demo_catalogue()
    frame = catalogue.frame().drop("item", "label")
    report = Report()
    report.note("people drawn for the demo world", settings.demo.users)
    return interactions, frame, report


# Platforms as shops write them in a title; the name on the left is the one used.
_PLATFORMS = {
    "PC": r"PC ?/ ?Mac|Mac ?/ ?PC|PC|Windows",
    "Mac": r"Mac",
    **{f"PlayStation {n}": rf"PlayStation ?{n}|PS ?{n}" for n in "234"},
    "PlayStation Vita": r"(?:PlayStation |PS ?)Vita",
    "PlayStation": r"PlayStation(?: ?1)?(?! ?(?:VR|TV|Eye|Move|Plus|Network|Store|Camera|Portable|All|Now))",
    "PSP": r"(?:Sony )?PSP|PlayStation Portable",
    "Xbox 360": r"Xbox ?360",
    "Xbox One": r"Xbox ?One",
    "Xbox": r"(?:Original )?Xbox(?! ?(?:Live|Game))",
    "Wii U": r"(?:Nintendo )?Wii ?U",
    "Wii": r"(?:Nintendo )?Wii",
    "Nintendo 3DS": r"(?:Nintendo )?3DS(?: XL)?",
    "Nintendo DS": r"(?:Nintendo )?DS(?:i| Lite)?",
    "Nintendo 64": r"Nintendo 64|N64",
    "Nintendo Switch": r"Nintendo Switch",
    "GameCube": r"(?:Nintendo )?Game ?Cube",
    "Game Boy Advance": r"Game ?Boy Advance|GBA",
    "Game Boy": r"Game ?Boy(?: Color)?",
    "Sega Dreamcast": r"(?:Sega )?Dreamcast",
    "Sega Genesis": r"Sega Genesis",
}
_MENTION = re.compile(rf"(?<!\w)(?:{'|'.join(f'({form})' for form in _PLATFORMS.values())})(?!\w)", re.IGNORECASE)


def platform_of(title: str) -> list[str]:
    """The one platform that an Amazon title mentions ("... - Xbox 360", "... for PS4"); none if there are several."""
    mentioned = {list(_PLATFORMS)[found.lastindex - 1] for found in _MENTION.finditer(title)}
    return sorted(mentioned) if len(mentioned) == 1 else []


def _read_games(files: dict[str, Path], settings: DataSettings) -> Tables:
    report = Report()
    path = files["Games-6k.test.inter"]
    interactions = interactions_from(read_atomic(path), path, report)
    items = read_atomic(files["Games.item"])
    titles = items["title"].list.join(" ")
    platforms = pl.Series("platform", [platform_of(t) for t in titles], dtype=pl.List(pl.String))
    report.note("items whose platform is read from the title", int((platforms.list.len() > 0).sum()))
    return interactions, items.select("item_id").with_columns(titles.alias("title"), platforms), report


def _read_ml_100k(files: dict[str, Path], settings: DataSettings) -> Tables:
    report = Report()
    interactions = interactions_from(read_atomic(files["ml-100k.inter"]), files["ml-100k.inter"], report)
    items = read_atomic(files["ml-100k.item"])
    year = pl.concat_list("release_year")
    frame = items.select("item_id", pl.col("movie_title").list.join(" ").alias("title"), pl.col("class").alias("genre"))
    return interactions, frame.with_columns(items.select(year.alias("year"))["year"]), report


_GROUPLENS = "Harper & Konstan, The MovieLens Datasets: History and Context, ACM TiiS 5(4), 2015"
SOURCES = {
    s.name: s
    for s in (
        Source(
            "demo",
            "Real video games and accessories; people and choices drawn from planted rules",
            "MIT, as the kit",
            "this kit; see data/demo/README.md",
            (),
            (),
            Filtering(),
            _read_demo,
        ),
        Source(
            "games",
            "Amazon Review Data 2018, Video Games, at the size of the paper (10,000 sampled users, then the core)",
            "no formal licence; offered by its authors for research, not to be published again",
            "Ni, Li & McAuley, Justifying Recommendations using Distantly-Labeled Reviews, EMNLP 2019; "
            "sequences as processed by Hou et al., LLMRank, ECIR 2024",
            ("amazon-video-games-2018", "games"),
            ("Games-6k.test.inter", "Games.item"),
            Filtering(sample_users=10_000, min_user=5, min_item=7),
            _read_games,
        ),
        Source(
            "ml-100k",
            "MovieLens 100K: 100,000 ratings of films (RecBole atomic files)",
            "research use, acknowledge, no redistribution without permission, no commercial use",
            _GROUPLENS,
            ("movielens-100k", "ml-100k"),
            ("ml-100k.inter", "ml-100k.item"),
            Filtering(min_user=5, min_item=5),
            _read_ml_100k,
        ),
    )
}


def find_source(name: str) -> Source:
    """The source of that name; any other existing folder is one's own files.

    Raises:
        SettingsError: no such data set.
    """
    if name in SOURCES:
        return SOURCES[name]
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _own(folder)
    raise SettingsError(
        f"Unknown data set {name!r}. Known: {', '.join(SOURCES)}; or give a folder with your own files "
        "(*.inter and *.item, or interactions and items as .csv, .csv.gz or .parquet)."
    )


def load_dataset(settings: DataSettings) -> Dataset:
    """Read, check, filter and index the data set that the settings name."""
    source = find_source(settings.name)
    interactions, items, report = source.read(source.locate(settings.data_dir or None), settings)
    told = {k: getattr(settings, k) for k in ("sample_users", "min_user", "min_item")}
    filtering = replace(source.filtering, **{k: v for k, v in told.items() if v >= 0})
    return build_dataset(source.name, interactions, items, filtering, report)


def input_files(settings: DataSettings) -> list[Path]:
    """Files a data set is read from, for fingerprints."""
    source = find_source(settings.name)
    if not source.files:
        return [paths.shipped_data() / "demo" / "catalogue.csv"]
    return sorted(source.locate(settings.data_dir or None).values())


def _own(folder: Path) -> Source:
    """A source for a folder of one's own files."""
    inter = sorted(p for p in folder.iterdir() if p.name.endswith((".inter", ".inter.gz")))
    item = sorted(p for p in folder.iterdir() if p.name.endswith((".item", ".item.gz")))
    if inter and item:
        files, read = (inter[0].name, item[0].name), _read_own_atomic
    else:
        found = [
            next((f"{stem}{s}" for s in SUFFIXES if (folder / f"{stem}{s}").is_file()), "")
            for stem in ("interactions", "items")
        ]
        if not all(found):
            raise DataError(
                f"{folder}: expected *.inter and *.item, or interactions and items as {', '.join(SUFFIXES)}; "
                f"found {', '.join(sorted(p.name for p in folder.iterdir())[:8]) or 'nothing'}."
            )
        files, read = tuple(found), _read_own_tables

    return Source(
        folder.resolve().name, "your own files", "yours", "yours", (), files, Filtering(), read, folder.resolve()
    )


def _read_own_atomic(located: dict[str, Path], settings: DataSettings) -> Tables:
    files = list(located.values())
    report = Report()
    items = read_atomic(files[1])
    title = settings.columns.title
    if title not in items.columns or "item_id" not in items.columns:
        raise DataError(f"{files[1]}: needs columns 'item_id' and {title!r}; found {', '.join(items.columns)}.")
    others = [c for c in items.columns if c not in ("item_id", title)]
    frame = items.select(
        "item_id",
        (pl.col(title).list.join(" ") if items[title].dtype == pl.List else pl.col(title)).alias("title"),
        *(
            pl.col(c) if items[c].dtype == pl.List(pl.String) else pl.concat_list(pl.col(c).cast(pl.String))
            for c in others
        ),
    )
    return interactions_from(read_atomic(files[0]), files[0], report), frame, report


def _read_own_tables(located: dict[str, Path], settings: DataSettings) -> Tables:
    files = list(located.values())
    return (
        interactions_from_table(files[0], settings.columns),
        items_from_table(files[1], settings.columns),
        Report(),
    )
