import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace

import pandas as pd
import polars as pl
import pytest

from recx import paths
from recx.errors import DataError
from recx.evaluation.explanation_ratings import from_people, people_of
from recx.evaluation.human_ratings import ASPECTS, read_ratings
from recx.evaluation.rating_sheets import sheet_means
from recx.explaining.records import Explanation
from recx.playground.rating_service import RatingQuestion, RatingService, questions_from

QUESTIONS = [
    RatingQuestion(f"{method}/{pair}", ("Halo 3", "Portal"), f"Item {pair}", pair % 2 == 0, f"Text {method} {pair}")
    for method in ("hybrid", "unaligned ICL")
    for pair in range(5)
]


@pytest.fixture
def service(tmp_path):
    return RatingService(QUESTIONS, tmp_path / "ratings")


def rate_all(service, rater, score=2):
    asked = []
    while "number" in (told := service.next_question(rater)):
        asked.append(told["number"])
        service.rate(rater, told["number"], score, 4.0)
    return asked


def test_each_rater_sees_everything_once_in_an_order_of_his_own(service):
    first, second = rate_all(service, "Ann"), rate_all(service, "Bob")
    assert sorted(first) == sorted(second) == list(range(10)) and first != second
    last = service.next_question("Ann")
    assert last == {"done": 10, "of": 10, "rubric": last["rubric"], "seconds_left": 0}


def test_a_run_of_somebody_else_takes_no_ratings(tmp_path):
    (tmp_path / "run").write_text("")  # a folder cannot be made where a file is
    service = RatingService(QUESTIONS, tmp_path / "run" / "ratings")
    with pytest.raises(DataError, match="The rating was not saved: .* cannot be written .*RECX_RUNS_DIR"):
        service.rate("Ann", service.next_question("Ann")["number"], 2, 1.0)


def test_the_source_is_never_told(service):
    told = json.dumps(service.next_question("Ann"))
    assert "/" not in told.replace("</", "") and '"id"' not in told


def test_ratings_are_what_the_evaluation_reads(service):
    rate_all(service, "Ann", 3)
    found = read_ratings(service.folder)
    assert {r.question for r in found} == {q.id for q in QUESTIONS} and all(r.score == 3 for r in found)
    assert set(from_people(found)["method"]) == {"hybrid", "unaligned ICL"}
    assert len(service.export_ratings("Ann").splitlines()) == 10 and service.export_ratings("Nobody") == ""


def test_progress_and_time(service):
    told = service.next_question("Ann")
    assert (told["done"], told["of"], told["seconds_left"]) == (0, 10, 300)
    service.rate("Ann", told["number"], 1, 8.0)
    assert (service.next_question("Ann")["done"], service.next_question("Ann")["seconds_left"]) == (1, 72)


def test_later_and_back(service):
    first = service.next_question("Ann")["number"]
    second = service.next_question("Ann", [first])["number"]
    assert second != first
    service.rate("Ann", second, 0)
    assert service.undo_rating("Ann") == second and service.next_question("Ann")["done"] == 0
    assert service.undo_rating("Ann") is None
    # All postponed: asked after all, in the order in which they were postponed.
    assert service.next_question("Ann", [*range(10)])["number"] == 0
    assert service.next_question("Ann", [*range(10), 0])["number"] == 1


def test_nobody_is_asked_about_a_text_that_never_came(tmp_path):
    rows = [(n, "hybrid", ["Halo 3"], "Portal", True, n != 1, text) for n, text in enumerate(("Yes.", " ", "No.", ""))]
    names = ["pair", "method", "history", "item", "target", "decision", "text"]
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(tmp_path / "explanations.parquet")
    assert {q.text for q in questions_from(tmp_path, 5)} == {"Yes.", "No."}


def test_a_text_made_anew_was_not_rated(service):
    rate_all(service, "Ann")
    anew = [replace(q, text="Another text.") if q.id == "hybrid/3" else q for q in QUESTIONS]
    again = RatingService(anew, service.folder)
    assert again.next_question("Ann")["done"] == 9 and anew[again.next_question("Ann")["number"]].id == "hybrid/3"
    given = Explanation(0, "", True, "Text hybrid 0", (), ())
    path = service.folder
    explained = {"hybrid": [given] + [replace(given, text="Other")] * 4, "unaligned ICL": []}
    assert people_of(str(path), explained)[["method", "pair"]].values.tolist() == [["hybrid", 0]]


def test_a_service_of_other_texts_deletes_no_rating(service):
    rate_all(service, "Ann")
    elsewhere = RatingService([replace(QUESTIONS[0], text="Anew."), replace(QUESTIONS[1], id="new/1")], service.folder)
    elsewhere.rate("Ann", 1, 3)
    assert elsewhere.undo_rating("Ann") == 1 and elsewhere.undo_rating("Ann") is None
    assert service.next_question("Ann")["done"] == 10
    elsewhere.rate("Ann", 0, 1)
    assert service.next_question("Ann")["done"] == 9, "a question has one rating, of the text that was rated last"


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, None, 3])
def test_names_are_checked(service, name):
    with pytest.raises(DataError):
        service.next_question(name)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "Ünï ☃", "con", ".", "a\x00b"])
def test_names_name_no_other_file(service, name):
    service.rate(name, 0, 2)
    (file,) = service.folder.glob("*")
    assert file.parent == service.folder and read_ratings(file)[0].rater == " ".join(name.split())
    assert [p for p in service.folder.parent.iterdir()] == [service.folder]


@pytest.mark.parametrize(("number", "score"), [(0, 4), (0, -1), (0, True), (0, "2"), (10, 1), (-1, 1), ("0", 1)])
def test_what_is_no_rating_is_refused(service, number, score):
    with pytest.raises(DataError):
        service.rate("Ann", number, score)


def test_a_killed_process_loses_nothing(tmp_path):
    script = f"""
    import sys
    from pathlib import Path
    from recx.playground.rating_service import RatingQuestion, RatingService
    questions = [RatingQuestion(f"hybrid/{{n}}", (), "", True, "") for n in range(5000)]
    service = RatingService(questions, Path({str(tmp_path)!r}))
    for n in range(5000):
        service.rate("Ann", n, n % 4)
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


def test_a_rating_sheet_asks_three_scales_from_0_to_10_and_is_summed_up_by_method(tmp_path):
    rows = [(m, pair, ["Halo 3"], "Portal", True, f"{m} {pair}") for m in ("ours", "theirs") for pair in range(3)]
    frame = pl.DataFrame(rows, schema=["method", "pair", "history", "item", "target", "text"], orient="row")
    frame.write_parquet(tmp_path / "explanations.parquet")
    service = RatingService(questions_from(tmp_path, 5, sheets=True), tmp_path / "ratings")
    first = service.next_question("Ann")
    assert first["of"] == 18 and [level for level, _ in first["rubric"]] == list(range(11))
    assert first["asked"] in ASPECTS.values()
    for score in (11, -1, True, 2.5):
        with pytest.raises(DataError, match="from 0 to 10"):
            service.rate("Ann", first["number"], score)
    for number, question in enumerate(service.questions):
        service.rate("Ann", number, 9 if question.id.startswith("ours") else 4 + question.id.endswith("redundancy"))
    ratings = read_ratings(service.folder)
    means = sheet_means(ratings, _pandas(frame))
    found = {(r.method, r.aspect): r.value for r in means.itertuples()}
    assert found == {(m, a): 9 if m == "ours" else 4 + (a == "redundancy") for m in ("ours", "theirs") for a in ASPECTS}
    one = sheet_means(ratings, _pandas(frame.with_columns(user=pl.lit("ann"))))
    assert set(one["n"]) == {1} and one["low"].isna().all(), "all pairs are of one person"
    assert set(means["n"]) == {3} and from_people(ratings).empty, "sheets are no ratings by the rubric"
    assert sheet_means(ratings, _pandas(frame.with_columns(pl.col("text") + "!"))).empty, "these texts were not rated"


def _pandas(frame):
    return pd.DataFrame(frame.to_dict(as_series=False))
