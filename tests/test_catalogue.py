import pytest

from recx.data.catalogue import build_catalogue
from recx.data.item_lookup import find_item
from recx.data.title_search import TitleSearch
from recx.errors import DataError


def test_labels_are_unique_and_entities_unescaped(small_catalogue):
    assert small_catalogue.labels[4:] == ("Okami (Wii)", "Okami (PlayStation 2)", "Rock & Roll")
    assert small_catalogue.duplicates == 2
    assert len(set(small_catalogue.labels[1:])) == len(small_catalogue) == 6


def test_titles_and_values_are_cleaned_alike():
    catalogue = build_catalogue(
        ["a", "b", "c"],
        ["Thriller", "Thriller", "Poke\u0301mon"],
        {"format": [['7" vinyl', " "], ['12" vinyl '], [""]]},
    )
    assert catalogue.labels[1:] == ("Thriller (7' vinyl)", "Thriller (12' vinyl)", "Pok\u00e9mon")
    assert catalogue.attributes["format"] == [(), ("7' vinyl",), ("12' vinyl",), ()]


def test_one_value_tells_films_of_one_name_apart_better_than_a_list():
    genres = [("Action", "Crime"), ("Drama",), ("Drama", "War"), ("Drama", "War")]
    attributes = {"genre": genres, "year": [("1989",), ("2022",), ("1995",), ("1998",)]}
    titles = ["Batman", "Batman", "Les Misérables", "Les Misérables"]
    labels = build_catalogue(["1", "2", "3", "4"], titles, attributes).labels[1:]
    assert labels == ("Batman (1989)", "Batman (2022)", "Les Misérables (1995)", "Les Misérables (1998)")
    without_years = build_catalogue(["1", "2"], titles[:2], {"genre": genres[:2]}).labels[1:]
    assert without_years == ("Batman (Action / Crime)", "Batman (Drama)")


def test_same_title_without_a_telling_attribute_gets_a_number():
    catalogue = build_catalogue(["1", "2", "3"], ["A", "A", "A (1)"], {"genre": [["x"], ["x"], ["x"]]})
    assert sorted(catalogue.labels[1:]) == ["A (1)", "A (1) #2", "A (2)"]


def test_quotes_in_titles_cannot_break_quoting():
    assert '"' not in build_catalogue(["1"], ['The "Best" of'], {}).labels[1]


@pytest.mark.parametrize("ids, titles, word", [(["1", "1"], ["A", "B"], "more than once"), (["1"], ["  "], "no title")])
def test_bad_catalogues_are_refused(ids, titles, word):
    with pytest.raises(DataError, match=word):
        build_catalogue(ids, titles, {})


@pytest.mark.parametrize("typed", ["Poke\u0301mon", "Tom &amp; Jerry", 'A 12" Mix', "  Tom & Jerry "])
def test_an_item_is_found_by_the_sources_own_spelling(typed):
    catalogue = build_catalogue(["a", "b", "c"], ["Pok\u00e9mon", "Tom &amp; Jerry", 'A 12" Mix'], {})
    assert find_item(catalogue, typed) in (1, 2, 3)
    assert TitleSearch(catalogue).resolve(typed).kind == "exact"
