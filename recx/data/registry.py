"""The data sets known by name."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl

from recx import paths
from recx.data import amazon, demo, movielens, steam
from recx.data import table_cache as prepared
from recx.data.custom_files import own_source
from recx.data.dataset import Dataset, Filtering, build_dataset
from recx.data.downloads import Download
from recx.data.platforms import platform_of
from recx.data.reading_report import Report
from recx.data.recbole_atomic import interactions_from, read_atomic
from recx.data.sources import Form, Source, Tables
from recx.errors import DataError, SettingsError
from recx.settings import DataSettings

_Reader = Callable[[Path, Report], pl.DataFrame]


def _read_demo(files: dict[str, Path], settings: DataSettings) -> Tables:
    interactions, _, _ = demo.generate(settings.demo)
    catalogue = demo.demo_catalogue()
    frame = catalogue.frame().drop("item", "label")
    report = Report()
    report.note("people drawn for the demo world", settings.demo.users)
    return interactions, frame, report


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


def _pair(interactions: _Reader, items: _Reader) -> Callable[[dict[str, Path], DataSettings], Tables]:
    """A reader of two files: interactions, then items."""

    def read(files: dict[str, Path], settings: DataSettings) -> Tables:
        report = Report()
        first, second = files.values()
        return interactions(first, report), items(second, report), report

    return read


def _read_steam_table(files: dict[str, Path], settings: DataSettings) -> Tables:
    report = Report()
    reviews, games, names = files.values()
    named = steam.with_names(steam.games(games, report), names, report)
    return steam.reviews_table(reviews, report), named, report


_MOVIELENS_TERMS = "research use, acknowledge, no redistribution without permission, no commercial use"
_GROUPLENS = "Harper & Konstan, The MovieLens Datasets: History and Context, ACM TiiS 5(4), 2015"
_AMAZON_TERMS = "no formal licence; offered by its authors for research, not to be published again"
_AMAZON = (
    "Ni, Li & McAuley, Justifying Recommendations using Distantly-Labeled Reviews and Fine-Grained Aspects, EMNLP 2019 "
    "(2018 files); Hou et al., Bridging Language and Items for Retrieval and Recommendation, arXiv 2403.03952 (2023)"
)
_STEAM = (
    "Kang & McAuley, Self-Attentive Sequential Recommendation, ICDM 2018; Wan & McAuley, Item Recommendation on "
    "Monotonic Behavior Chains, RecSys 2018; Pathak, Gupta & McAuley, SIGIR 2017"
)
_LENS = "https://files.grouplens.org/datasets/movielens/"
_UCSD = "https://mcauleylab.ucsd.edu/public_datasets/data/"
_KANG = "https://cseweb.ucsd.edu/~wckang/"
_CSV = ("ratings.csv", "movies.csv")
# The reference's procedure: the most chosen items, users with five of them, a sample of those, the five-core. With the
# numbers below Games comes out at the size of the paper's Table B1 (LOG.md); those of the others follow its pattern.
_PAPER = Filtering(min_user=5, min_item=5)


def _amazon(category: str, filtering: Filtering) -> tuple[Form, Form]:
    """Both years' forms of one category of the shop."""
    early = (f"{category}_5.json", f"meta_{category}.json")
    late = (f"{category}.jsonl", f"meta_{category}.jsonl")
    places = (f"{_UCSD}amazon_v2/categoryFilesSmall/{early[0]}.gz", f"{_UCSD}amazon_v2/metaFiles2/{early[1]}.gz")
    return (
        Form(early, _pair(amazon.reviews_2018, amazon.items_2018), filtering, tuple(map(Download, places))),
        Form(late, _pair(amazon.reviews_2023, amazon.items_2023), filtering),
    )


def _lens(name: str, files: tuple[str, str], ratings: _Reader, movies: _Reader, checksum: str = "") -> Form:
    """A form of MovieLens, fetched as one archive."""
    archive = Download(f"{_LENS}{name}.zip", checksum, tuple(f"{name}/{file}" for file in files))
    return Form(files, _pair(ratings, movies), Filtering(min_user=5, min_item=5), (archive,))


SOURCES = {
    s.name: s
    for s in (
        Source(
            "demo",
            "Real video games and accessories; people and choices drawn from planted rules",
            "MIT, as the kit",
            "this kit; see data/demo/README.md",
            (),
            (Form((), _read_demo, Filtering()),),
        ),
        Source(
            "ml-100k",
            "MovieLens 100K: 100,000 ratings of films, 1997-98",
            _MOVIELENS_TERMS,
            _GROUPLENS,
            ("movielens-100k", "ml-100k"),
            (
                Form(("ml-100k.inter", "ml-100k.item"), _read_ml_100k, Filtering(min_user=5, min_item=5)),
                _lens(
                    "ml-100k",
                    ("u.data", "u.item"),
                    movielens.ratings_100k,
                    movielens.movies_100k,
                    "md5:0e33842e24a9c977be4e0107933c0723",
                ),
            ),
        ),
        Source(
            "ml-1m",
            "MovieLens 1M: a million ratings of films, 2000-03",
            _MOVIELENS_TERMS,
            _GROUPLENS,
            ("movielens-1m", "ml-1m"),
            (
                _lens(
                    "ml-1m",
                    ("ratings.dat", "movies.dat"),
                    movielens.ratings_1m,
                    movielens.movies_1m,
                    "md5:c4d9eecfca2ab87c1945afe126590906",
                ),
            ),
        ),
        Source(
            "ml-latest-small",
            "MovieLens latest-small: 100,000 ratings of films, 1996-2018",
            _MOVIELENS_TERMS,
            _GROUPLENS,
            ("movielens-latest-small", "ml-latest-small"),
            (_lens("ml-latest-small", _CSV, movielens.ratings_table, movielens.movies_table),),
        ),
        Source(
            "ml-25m",
            "MovieLens 25M: 25 million ratings of films, 1995-2019",
            _MOVIELENS_TERMS,
            _GROUPLENS,
            ("movielens-25m", "ml-25m"),
            (
                _lens(
                    "ml-25m",
                    _CSV,
                    movielens.ratings_table,
                    movielens.movies_table,
                    "md5:6b51fb2759a8657d3bfcbfc42b592ada",
                ),
            ),
        ),
        Source(
            "games",
            "Amazon Video Games at the size of the paper: reviews of 2018 or 2023, or sequences as LLMRank has them",
            _AMAZON_TERMS,
            f"{_AMAZON}; sequences as processed by Hou et al., LLMRank, ECIR 2024",
            ("amazon-video-games-2018", "games"),
            (
                Form(
                    ("Games-6k.test.inter", "Games.item"),
                    _read_games,
                    Filtering(sample_users=10_000, min_user=5, min_item=7),
                ),
                *_amazon("Video_Games", replace(_PAPER, top_items=2_000, sample_users=4_000)),
            ),
        ),
        Source(
            "movies",
            "Amazon Movies and TV at about the size of the paper: reviews of 2018 (5-core) or 2023",
            _AMAZON_TERMS,
            _AMAZON,
            ("amazon-movies-and-tv-2018", "movies"),
            _amazon("Movies_and_TV", replace(_PAPER, top_items=1_200, sample_users=3_200)),
        ),
        Source(
            "steam",
            "Steam games at about the size of the paper: the official reviews, or those of Australian users as CSV",
            "no formal licence; offered by its authors for research, not to be published again",
            _STEAM,
            ("steam-reviews-au", "steam"),
            (
                Form(
                    ("steam_reviews.json", "steam_games.json"),
                    _pair(steam.reviews, steam.games),
                    replace(_PAPER, top_items=1_000, sample_users=2_500),
                    (Download(f"{_KANG}steam_reviews.json.gz"), Download(f"{_KANG}steam_games.json.gz")),
                ),
                Form(
                    ("reviews.csv", "steam_games.json", "app_names.csv"),
                    _read_steam_table,
                    Filtering(min_user=5, min_item=3),
                ),
            ),
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
        return own_source(folder)
    raise SettingsError(
        f"Unknown data set {name!r}. Known: {', '.join(SOURCES)}; or give a folder with your own files "
        "(*.inter and *.item, or interactions and items as .csv, .csv.gz or .parquet)."
    )


def obtain(source: Source, data_dir: str) -> None:
    """Make sure a data set is at hand: where no data folder is told, its official files are fetched, terms first.

    Raises:
        DataError: it is not in the folder told, or cannot be fetched.
    """
    try:
        source.locate(data_dir or None)
    except DataError:
        if paths.local_data(data_dir or None) or source.own or source.official is None:
            raise
        print(f"{source.terms()}\nFetching it into {source.cache}", flush=True)
        source.fetch()


def load_dataset(settings: DataSettings) -> Dataset:
    """Read, check, filter and index the data set that the settings name."""
    source = find_source(settings.name)
    form, files = source.locate(settings.data_dir or None)
    interactions, items, report = _tables(source, form, files, settings)
    told = {k: getattr(settings, k) for k in ("top_items", "sample_users", "min_user", "min_item")}
    filtering = replace(form.filtering, **{k: v for k, v in told.items() if v >= 0})
    return build_dataset(source.name, interactions, items, filtering, report)


def input_files(settings: DataSettings) -> list[Path]:
    """Files a data set is read from, for fingerprints."""
    source = find_source(settings.name)
    _, files = source.locate(settings.data_dir or None)
    return sorted(files.values()) or [paths.shipped_data() / "demo" / "catalogue.csv"]


def _tables(source: Source, form: Form, files: dict[str, Path], settings: DataSettings) -> Tables:
    """What a form's reader makes of its files; of large ones it is kept for the next time."""
    if source.own or not prepared.is_large(files.values()):
        return form.read(files, settings)
    key = prepared.key_of(f"{source.name} {form.files}", files.values())
    tables = prepared.load_prepared(key)
    if tables is None:
        tables = form.read(files, settings)
        prepared.keep_prepared(key, tables)
    return tables
