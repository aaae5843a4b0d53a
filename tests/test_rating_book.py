import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace

import pytest

from recx import paths
from recx.errors import DataError
from recx.evaluation.explanation_ratings import from_people, people_of
from recx.evaluation.human_ratings import read_ratings
from recx.explaining.records import Explanation
from recx.playground.rating_book import RatingBook, RatingQuestion

QUESTIONS = [
    RatingQuestion(f"{method}/{pair}", ("Halo 3", "Portal"), f"Item {pair}", pair % 2 == 0, f"Text {method} {pair}")
    for method in ("hybrid", "unaligned ICL")
    for pair in range(5)
]


@pytest.fixture
def book(tmp_path):
    return RatingBook(QUESTIONS, tmp_path / "ratings")


def rate_all(book, rater, score=2):
    asked = []
    while "number" in (told := book.next(rater)):
        asked.append(told["number"])
        book.rate(rater, told["number"], score, 4.0)
    return asked


def test_each_rater_sees_everything_once_in_an_order_of_his_own(book):
    first, second = rate_all(book, "Ann"), rate_all(book, "Bob")
    assert sorted(first) == sorted(second) == list(range(10)) and first != second
    assert book.next("Ann") == {"done": 10, "of": 10, "rubric": book.next("Ann")["rubric"], "seconds_left": 0}


def test_the_source_is_never_told(book):
    told = json.dumps(book.next("Ann"))
    assert "/" not in told.replace("</", "") and '"id"' not in told


def test_ratings_are_what_the_evaluation_reads(book):
    rate_all(book, "Ann", 3)
    found = read_ratings(book.folder)
    assert {r.question for r in found} == {q.id for q in QUESTIONS} and all(r.score == 3 for r in found)
    assert set(from_people(found)["method"]) == {"hybrid", "unaligned ICL"}
    assert len(book.export("Ann").splitlines()) == 10 and book.export("Nobody") == ""


def test_progress_and_time(book):
    told = book.next("Ann")
    assert (told["done"], told["of"], told["seconds_left"]) == (0, 10, 300)
    book.rate("Ann", told["number"], 1, 8.0)
    assert (book.next("Ann")["done"], book.next("Ann")["seconds_left"]) == (1, 72)


def test_later_and_back(book):
    first = book.next("Ann")["number"]
    second = book.next("Ann", [first])["number"]
    assert second != first
    book.rate("Ann", second, 0)
    assert book.take_back("Ann") == second and book.next("Ann")["done"] == 0 and book.take_back("Ann") is None
    assert book.next("Ann", [*range(10)])["number"] == 0  # all put off: asked after all, as they were put off
    assert book.next("Ann", [*range(10), 0])["number"] == 1 and first in range(10)


def test_a_text_made_anew_was_not_rated(book):
    rate_all(book, "Ann")
    anew = [replace(q, text="Another text.") if q.id == "hybrid/3" else q for q in QUESTIONS]
    again = RatingBook(anew, book.folder)
    assert again.next("Ann")["done"] == 9 and anew[again.next("Ann")["number"]].id == "hybrid/3"
    given = Explanation(0, "", True, "Text hybrid 0", (), ())
    path = book.folder
    explained = {"hybrid": [given] + [replace(given, text="Other")] * 4, "unaligned ICL": []}
    assert people_of(str(path), explained)[["method", "pair"]].values.tolist() == [["hybrid", 0]]


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, None, 3])
def test_names_are_checked(book, name):
    with pytest.raises(DataError):
        book.next(name)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "Ünï ☃", "con", ".", "a\x00b"])
def test_names_name_no_other_file(book, name):
    book.rate(name, 0, 2)
    (file,) = book.folder.glob("*")
    assert file.parent == book.folder and read_ratings(file)[0].rater == " ".join(name.split())
    assert [p for p in book.folder.parent.iterdir()] == [book.folder]


@pytest.mark.parametrize(("number", "score"), [(0, 4), (0, -1), (0, True), (0, "2"), (10, 1), (-1, 1), ("0", 1)])
def test_what_is_no_rating_is_refused(book, number, score):
    with pytest.raises(DataError):
        book.rate("Ann", number, score)


def test_a_killed_process_loses_nothing(tmp_path):
    script = f"""
    import sys
    from pathlib import Path
    from recx.playground.rating_book import RatingBook, RatingQuestion
    questions = [RatingQuestion(f"hybrid/{{n}}", (), "", True, "") for n in range(5000)]
    book = RatingBook(questions, Path({str(tmp_path)!r}))
    for n in range(5000):
        book.rate("Ann", n, n % 4)
        print(n, flush=True)
    """
    environment = os.environ | {"PYTHONPATH": str(paths.ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True, env=environment
    )
    said = [int(process.stdout.readline()) for _ in range(40)]
    process.send_signal(signal.SIGKILL)
    said += [int(line) for line in process.stdout.read().split()]
    (file,) = tmp_path.glob("*.jsonl")
    kept = read_ratings(file)
    assert len(kept) in (len(said), len(said) + 1)
    assert [r.score for r in kept] == [n % 4 for n in range(len(kept))]
