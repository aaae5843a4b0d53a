"""Columns of an item file become attributes, texts, or nothing, and what was decided is said."""

from pathlib import Path

import polars as pl
import pytest

from recx.data.attribute_columns import MISSING, attribute_columns
from recx.data.reading_report import ReadingReport

MANY = range(40)


def read(separator="|", **columns):
    report = ReadingReport()
    frame = pl.DataFrame(columns)
    out = attribute_columns(Path("items.csv"), frame, frame.columns, separator, report)
    return {column.name: column.to_list() for column in out}, " ".join(report.decisions)


@pytest.mark.parametrize("word", sorted(MISSING) + ["N/A", "NaN", " null ", None])
@pytest.mark.parametrize("separator", ["|", ""])
def test_words_for_a_missing_value_are_no_values(word, separator):
    assert read(separator, maker=["Valve", word, "Valve"])[0] == {"maker": [["Valve"], [], ["Valve"]]}


@pytest.mark.parametrize("separator", ["|", ",", ""])
def test_running_text_is_no_attribute(separator):
    plots = [f"A long story about number {n} and its friends, " * 4 for n in MANY]
    out, said = read(separator, plot=plots, review=plots, more=plots, genre=["Drama"] * 40)
    assert list(out) == ["description", "features", "genre"]
    assert "'plot' is running text, so it is read as 'description'" in said and "not used" in said and "'more'" in said


def test_a_long_list_of_names_is_an_attribute():
    cast = [", ".join(f"Ada Lovelace {(n + k) % 50}" for k in range(8)) for n in MANY]
    assert list(read(",", cast=cast)[0]) == ["cast"]


def test_a_column_whose_values_no_two_items_share_is_left_out():
    out, said = read(poster=[f"https://shop/{n}.jpg" for n in MANY], year=[str(1990 + n % 20) for n in MANY])
    assert list(out) == ["year"] and "hardly any two items share a value: 'poster'" in said
    assert list(read(maker=["Valve", "Sega"])[0]) == ["maker"], "of few items nothing is known"
    assert list(read(also_bought=[[f"a{n}"] for n in MANY])[0]) == ["also_bought"]


@pytest.mark.parametrize("separator", [", ", ";", " / "])
def test_values_that_look_like_lists_are_asked_about(separator):
    genres = [separator.join((first, then)) for first in ("Drama", "Comedy") for then in ("War", "Music", "Crime")]
    out, said = read(genre=genres)
    assert out["genre"][0] == [f"Drama{separator}War"]
    assert f"is read as one value. If it holds several, set data.columns.value_separator={separator.strip()!r}" in said
    assert "one value" not in read(maker=[f"Studio {n // 2}{separator}Inc." for n in MANY])[1]


def test_whole_numbers_that_became_floats_are_whole():
    assert read(year=[1995.0, None, 1995.0])[0] == {"year": [["1995"], [], ["1995"]]}
    assert read("", year=["1995.0", "NaN", "1995.0"])[0] == {"year": [["1995"], [], ["1995"]]}
    assert read(score=[4.5, 4.0, 4.0])[0] == {"score": [["4.5"], ["4.0"], ["4.0"]]}
    assert read(part=["1.0", "2.0 beta", "1.0", "2.0 beta"])[0] == {"part": [["1.0"], ["2.0 beta"]] * 2}
