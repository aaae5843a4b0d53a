"""Readers of the official files, on small files of the same form, and on the real ones if available."""

import gzip
import json

import pytest

from recx.data import amazon, movielens, registry, steam
from recx.data.reading_report import ReadingReport
from recx.data.registry import SOURCES, find_source, load_dataset
from recx.data.statistics import statistics
from recx.data.table_cache import load_tables
from recx.errors import DataError
from recx.settings import DataSettings as D


def packed(path, lines):
    path.write_bytes(gzip.compress("\n".join(lines).encode() + b"\n"))
    return path


def review_2018(user, item, time):
    row = {"overall": 5.0, "verified": True, "reviewTime": "10 17, 2015", "reviewerID": user, "asin": item}
    return json.dumps(row | {"reviewerName": "A", "reviewText": "fun {", "summary": "s", "unixReviewTime": time})


META_2018 = [
    {
        "asin": "B1",
        "title": "Halo &amp; Co - Xbox 360",
        "brand": "Microsoft",
        "category": ["Video Games", "Xbox 360", "Games"],
        "feature": ["Two players", ""],
        "description": ["A long\n text.", ""],
        "also_buy": ["B2", "B9"],
        "price": "$9.99",
    },
    {"asin": "B2", "title": "Pad", "category": ["Video Games", "Wii", "Accessories"], "description": "One text"},
    {"asin": "B3", "title": "function(){ getTime() }", "brand": ""},
    {"title": "no id"},
]


def test_amazon_2018(tmp_path):
    path = packed(tmp_path / "Video_Games_5.json.gz", [review_2018("u", "B1", 5), review_2018("v", "B2", 3)])
    frame = amazon.reviews_2018(path, ReadingReport())
    assert frame.rows() == [("u", "B1", 5.0, 5.0), ("v", "B2", 3.0, 5.0)]
    report = ReadingReport()
    items = amazon.items_2018(packed(tmp_path / "meta.json.gz", map(json.dumps, META_2018)), report)
    first, second, third = items.to_dicts()
    assert first["platform"] == ["Xbox 360"] and first["category"] == ["Xbox 360", "Games"]
    assert first["features"] == ["Two players"] and first["description"] == ["A long text."]
    assert second["platform"] == ["Wii"] and second["description"] == ["One text"] and second["brand"] == []
    assert third["title"] == ""
    assert "1  items without an id" in str(report) and "1  titles that are stray page code" in str(report)


def test_amazon_2023(tmp_path):
    rows = [{"user_id": "u", "asin": "B1v", "parent_asin": "B1", "rating": 4.0, "timestamp": 1588687728923}]
    frame = amazon.reviews_2023(packed(tmp_path / "Video_Games.jsonl.gz", map(json.dumps, rows)), ReadingReport())
    assert frame.rows() == [("u", "B1", 1588687728923.0, 4.0)]
    meta = [
        {"parent_asin": "B1", "title": "Pong", "store": "Atari", "categories": ["Video Games", "PC"], "price": None}
    ]
    items = amazon.items_2023(packed(tmp_path / "meta.jsonl.gz", map(json.dumps, meta)), ReadingReport())
    assert items["brand"].to_list() == [["Atari"]] and items["platform"].to_list() == [["PC"]]


def test_files_of_the_other_year_are_refused(tmp_path):
    path = packed(tmp_path / "Video_Games.jsonl.gz", [review_2018("u", "B1", 5)])
    with pytest.raises(DataError, match="no line has the fields user_id"):
        amazon.reviews_2023(path, ReadingReport())
    with pytest.raises(DataError, match="no line has the field 'parent_asin'"):
        amazon.items_2023(packed(tmp_path / "m.gz", map(json.dumps, META_2018)), ReadingReport())


def test_official_games_through_the_registry(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_load", registry._load.__wrapped__)  # each time from the files
    monkeypatch.setenv("RECX_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("recx.data.table_cache.LARGE_BYTES", 0)
    folder = tmp_path / "games"
    folder.mkdir()
    lines = [review_2018(f"u{u}", f"B{i}", t) for u in range(6) for t, i in enumerate((1, 2, 4, 5, 6))]
    packed(folder / "Video_Games_5.json.gz", lines)
    meta = [META_2018[0], *({"asin": f"B{i}", "title": f"T{i} - PS4", "also_buy": ["B1"]} for i in (2, 4, 5, 6))]
    packed(folder / "meta_Video_Games.json.gz", map(json.dumps, meta))
    first, again = (load_dataset(D(name="games", data_dir=str(tmp_path))) for _ in range(2))
    assert (len(first.user_ids), len(first.catalogue), first.interactions) == (6, 5, 30)
    assert first.catalogue.titles[1] == "Halo & Co - Xbox 360"
    # Columns nobody fills are left out; texts are kept apart; also-bought are titles of the catalogue.
    assert list(first.catalogue.attributes) == ["platform", "brand", "category"]
    assert first.catalogue.texts["also_bought"][2] == ("Halo & Co - Xbox 360",)
    assert first.catalogue.texts["description"][1] == ("A long text.",)
    (kept,) = (tmp_path / "cache" / "prepared").iterdir()
    assert load_tables(kept.name) is not None
    assert again.catalogue == first.catalogue and again.report.lines == first.report.lines
    (kept / "items.parquet").write_bytes(b"damaged")
    assert load_dataset(D(name="games", data_dir=str(tmp_path))).catalogue == first.catalogue


def test_steam_literals(tmp_path):
    lines = [
        "{u'username': u'Chaos \"Syren\"', u'hours': 0.1, u'product_id': u'725280', u'date': u'2017-12-17'}",
        "{u'username': u'K', u'user_id': u'7656', u'product_id': u'328100', u'date': u'2016-01-30'}",
        "{u'username': u'lost'}",
    ]
    report = ReadingReport()
    frame = steam.reviews(packed(tmp_path / "steam_reviews.json.gz", lines), report)
    assert frame.rows() == [('Chaos "Syren"', "725280", 1513468800.0), ("7656", "328100", 1454112000.0)]
    assert "1  reviews without a user" in str(report)
    games = [
        "{u'id': u'70', u'app_name': u'Half-Life', u'genres': [u'Action'], u'tags': [u'FPS'], "
        "u'release_date': u'Nov 8, 1998'}",
        "{u'app_name': u'nothing'}",
    ]
    (game,) = steam.games(packed(tmp_path / "steam_games.json.gz", games), ReadingReport()).to_dicts()
    assert (game["title"], game["genre"], game["tag"], game["year"]) == ("Half-Life", ["Action"], ["FPS"], ["1998"])


@pytest.mark.parametrize(
    "raw, title, year",
    [
        ("Matrix, The (1999)", "The Matrix", ["1999"]),
        ("Seven (a.k.a. Se7en) (1995)", "Seven (a.k.a. Se7en)", ["1995"]),
        ("Bug's Life, A (1998)", "A Bug's Life", ["1998"]),
        ("Avventura, L' (Adventure, The) (1960)", "L'Avventura (Adventure, The)", ["1960"]),
        ("Babylon 5", "Babylon 5", []),
        ("Fawlty Towers (1975-1979)", "Fawlty Towers", ["1975"]),
        ("2001: A Space Odyssey (1968)", "2001: A Space Odyssey", ["1968"]),
    ],
)
def test_movielens_titles(tmp_path, raw, title, year):
    quoted = f'"{raw}"'
    (tmp_path / "movies.csv").write_text(f"movieId,title,genres\n7,{quoted},Comedy|Drama\n8,Other,(no genres listed)\n")
    first, second = movielens.movies_table(tmp_path / "movies.csv", ReadingReport()).to_dicts()
    assert (first["title"], first["year"], first["genre"]) == (title, year, ["Comedy", "Drama"])
    assert second["genre"] == []


def test_movielens_old_forms(tmp_path):
    (tmp_path / "ratings.dat").write_text("1::1193::5::978300760\n1::661::3::978302109\n")
    assert movielens.ratings_1m(tmp_path / "ratings.dat", ReadingReport()).row(0) == ("1", "1193", 978300760.0, 5.0)
    (tmp_path / "movies.dat").write_bytes("1193::Misérables, Les (1995)::Drama|Musical\n".encode("latin-1"))
    (movie,) = movielens.movies_1m(tmp_path / "movies.dat", ReadingReport()).to_dicts()
    assert (movie["title"], movie["genre"]) == ("Les Misérables", ["Drama", "Musical"])
    (tmp_path / "u.data").write_text("196\t242\t3\t881250949\n")
    assert movielens.ratings_100k(tmp_path / "u.data", ReadingReport()).row(0) == ("196", "242", 881250949.0, 3.0)
    flags = ["1" if g in ("Animation", "Comedy") else "0" for g in movielens.GENRES_100K]
    (tmp_path / "u.item").write_text("|".join(["1", "Toy Story (1995)", "01-Jan-1995", "", "http://x", *flags]) + "\n")
    (film,) = movielens.movies_100k(tmp_path / "u.item", ReadingReport()).to_dicts()
    assert (film["title"], film["genre"], film["year"]) == ("Toy Story", ["Animation", "Comedy"], ["1995"])


def test_malformed_movielens_lines_are_named(tmp_path):
    (tmp_path / "ratings.dat").write_text("1::2::3::4\n1::2::3\n")
    with pytest.raises(DataError, match=r"ratings.dat, line 2: 3 fields, expected 4"):
        movielens.ratings_1m(tmp_path / "ratings.dat", ReadingReport())
    (tmp_path / "u.data").write_text("1\t2\tfive\t4\n")
    with pytest.raises(DataError, match=r"'five', expected a number"):
        movielens.ratings_100k(tmp_path / "u.data", ReadingReport())
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,2,x,4\n")
    with pytest.raises(DataError, match=r"ratings.csv"):
        movielens.ratings_table(tmp_path / "ratings.csv", ReadingReport())


def test_every_data_set_tells_its_terms_and_the_names_of_the_issue_are_known():
    known = {"demo", "ml-100k", "ml-1m", "ml-latest-small", "ml-25m", "games", "movies", "steam"}
    assert set(SOURCES) == known
    for source in SOURCES.values():
        assert source.licence and source.citation and "Licence" in source.terms()
        assert source.official is not None or source.name == "demo"


def test_latest_small_and_steam_at_their_sizes(real_data):
    small = statistics(load_dataset(D(name="ml-latest-small", data_dir=str(real_data))))
    assert (small["users"], small["items"], small["interactions"]) == (610, 3650, 90274)
    data = load_dataset(D(name="steam", data_dir=str(real_data)))
    numbers = statistics(data)
    assert (numbers["users"], numbers["items"], numbers["interactions"]) == (2783, 878, 17992)
    assert "10,071  undated" in str(data.report)


def test_the_procedure_of_the_paper_gives_its_size_on_games(real_data):
    """Table B1: 3,901 users, 1,864 items, 31,672 interactions (sequences here end at fifty items)."""
    chosen = D(name="games", data_dir=str(real_data), top_items=2_000, sample_users=4_000, min_user=5, min_item=5)
    numbers = statistics(load_dataset(chosen))
    assert abs(numbers["users"] / 3901 - 1) < 0.01
    assert abs(numbers["items"] / 1864 - 1) < 0.02
    assert abs(numbers["interactions"] / 31672 - 1) < 0.04


def test_a_data_set_without_folder_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.delenv("RECX_DATA_DIR", raising=False)
    monkeypatch.setenv("RECX_CACHE_DIR", str(tmp_path))
    with pytest.raises(DataError, match="recx data download ml-1m"):
        find_source("ml-1m").locate(None)
