"""The built-in data sets: files, terms and readers. Their settings are in `recx/profiles/datasets/`."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from recx.data import amazon, demo, movielens, steam
from recx.data.downloads import Download
from recx.data.platforms import platform_of
from recx.data.reading_report import ReadingReport
from recx.data.recbole_atomic import interactions_from, read_atomic
from recx.data.sources import FileLayout, Source, Tables
from recx.settings import DataSettings

_Reader = Callable[[Path, ReadingReport], pl.DataFrame]


def _read_demo(files: dict[str, Path], settings: DataSettings) -> Tables:
    interactions, reasons, _ = demo.generate(settings.demo)
    report = ReadingReport()
    report.note("people simulated for the demo world", settings.demo.users)
    return Tables(interactions, demo.demo_catalogue().frame().drop("item", "label"), report, reasons)


def _read_games(files: dict[str, Path], settings: DataSettings) -> Tables:
    report = ReadingReport()
    path = files["Games-6k.test.inter"]
    interactions = interactions_from(read_atomic(path), path, report)
    items = read_atomic(files["Games.item"])
    titles = items["title"].list.join(" ")
    platforms = pl.Series("platform", [platform_of(t) for t in titles], dtype=pl.List(pl.String))
    report.note("items whose platform was taken from the title", int((platforms.list.len() > 0).sum()))
    return Tables(interactions, items.select("item_id").with_columns(titles.alias("title"), platforms), report)


def _read_ml_100k(files: dict[str, Path], settings: DataSettings) -> Tables:
    report = ReadingReport()
    interactions = interactions_from(read_atomic(files["ml-100k.inter"]), files["ml-100k.inter"], report)
    items = read_atomic(files["ml-100k.item"])
    year = pl.concat_list("release_year")
    frame = items.select("item_id", pl.col("movie_title").list.join(" ").alias("title"), pl.col("class").alias("genre"))
    return Tables(interactions, frame.with_columns(items.select(year.alias("year"))["year"]), report)


def _pair(interactions: _Reader, items: _Reader) -> Callable[[dict[str, Path], DataSettings], Tables]:
    """A reader for two files: interactions, then items."""

    def read(files: dict[str, Path], settings: DataSettings) -> Tables:
        report = ReadingReport()
        first, second = files.values()
        return Tables(interactions(first, report), items(second, report), report)

    return read


def _read_steam_table(files: dict[str, Path], settings: DataSettings) -> Tables:
    report = ReadingReport()
    reviews, games, names = files.values()
    named = steam.with_names(steam.games(games, report), names, report)
    return Tables(steam.reviews_table(reviews, report), named, report)


_MOVIELENS_TERMS = "research use, with acknowledgement, no redistribution without permission, no commercial use"
_GROUPLENS = "Harper & Konstan, The MovieLens Datasets: History and Context, ACM TiiS 5(4), 2015"
_AMAZON_TERMS = "no formal licence; provided by its authors for research, no redistribution"
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


def _amazon(category: str) -> tuple[FileLayout, FileLayout]:
    """The 2018 and 2023 files of one Amazon category."""
    early = (f"{category}_5.json", f"meta_{category}.json")
    late = (f"{category}.jsonl", f"meta_{category}.jsonl")
    places = (f"{_UCSD}amazon_v2/categoryFilesSmall/{early[0]}.gz", f"{_UCSD}amazon_v2/metaFiles2/{early[1]}.gz")
    return (
        FileLayout(early, _pair(amazon.reviews_2018, amazon.items_2018), tuple(map(Download, places))),
        FileLayout(late, _pair(amazon.reviews_2023, amazon.items_2023)),
    )


def _lens(
    name: str, files: tuple[str, str], ratings: _Reader, movies: _Reader, checksum: str = "", also: tuple[str, ...] = ()
) -> FileLayout:
    """MovieLens files, downloaded as one archive, with those in `also`, which no layout needs."""
    archive = Download(f"{_LENS}{name}.zip", checksum, tuple(f"{name}/{file}" for file in (*files, *also)))
    return FileLayout(files, _pair(ratings, movies), (archive,))


SOURCES = {
    s.name: s
    for s in (
        Source(
            "demo",
            "Real video games and accessories; people and choices simulated with planted rules",
            "MIT, like the kit",
            "this kit; see data/demo/README.md",
            (),
            (FileLayout((), _read_demo),),
        ),
        Source(
            "ml-100k",
            "MovieLens 100K: 100,000 ratings of films, 1997-98",
            _MOVIELENS_TERMS,
            _GROUPLENS,
            ("movielens-100k", "ml-100k"),
            (
                FileLayout(("ml-100k.inter", "ml-100k.item"), _read_ml_100k),
                _lens(
                    "ml-100k",
                    ("u.data", "u.item"),
                    movielens.ratings_100k,
                    movielens.movies_100k,
                    "md5:0e33842e24a9c977be4e0107933c0723",
                    ("u.user",),  # recx.data.people
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
            "Amazon Video Games at the size of the paper: reviews of 2018 or 2023, or the sequences of LLMRank",
            _AMAZON_TERMS,
            f"{_AMAZON}; sequences as processed by Hou et al., LLMRank, ECIR 2024",
            ("amazon-video-games-2018", "games"),
            (
                FileLayout(("Games-6k.test.inter", "Games.item"), _read_games),
                *_amazon("Video_Games"),
            ),
        ),
        Source(
            "movies",
            "Amazon Movies and TV at about the size of the paper: reviews of 2018 (5-core) or 2023",
            _AMAZON_TERMS,
            _AMAZON,
            ("amazon-movies-and-tv-2018", "movies"),
            _amazon("Movies_and_TV"),
        ),
        Source(
            "steam",
            "Steam games at about the size of the paper: the official reviews, or those by Australian users as CSV",
            "no formal licence; provided by its authors for research, no redistribution",
            _STEAM,
            ("steam-reviews-au", "steam"),
            (
                FileLayout(
                    ("steam_reviews.json", "steam_games.json"),
                    _pair(steam.reviews, steam.games),
                    (Download(f"{_KANG}steam_reviews.json.gz"), Download(f"{_KANG}steam_games.json.gz")),
                ),
                FileLayout(("reviews.csv", "steam_games.json", "app_names.csv"), _read_steam_table),
            ),
        ),
    )
}
