import numpy as np
import pandas as pd

from recx.data.catalogue import build_catalogue
from recx.evaluation.case_studies import RULES, case_frame, choose_cases, marked_parts
from recx.explaining.records import Explanation
from recx.explaining.segments import segments
from recx.parsing.explanation_parser import ExplanationParser
from recx.plots.case_panels import cases_figure, cases_html

CATALOGUE = build_catalogue(
    ["a", "b", "c"], ["Halo", "<script>alert(1)</script>", "Portal"], {"genre": [["Shooter"], ["Racing"], ["Puzzle"]]}
)
TEXT = 'Yes. "Halo" is a Shooter title; "Portal" is a Racing title & "Nobody\'s Game" is $5.'


def explained(text=TEXT, history=(1,), item=2):
    reading = ExplanationParser(CATALOGUE).parse(text, history, item)
    return Explanation(
        item,
        CATALOGUE.labels[item],
        reading.decision,
        text,
        reading.citations,
        reading.statements,
        unverified=reading.unverified,
    )


def test_segments_join_to_the_text_and_say_what_holds():
    e = explained()
    cut = segments(e)
    assert "".join(s.text for s in cut) == TEXT
    marked = {s.text: s.holds for s in cut if s.holds is not None}
    assert marked == {'"Halo"': True, "Shooter": True, '"Portal"': False, "Racing": False, '"Nobody\'s Game"': False}
    assert [s.why for s in cut if s.text.startswith('"')] == ["in the history", "not in the history",
                                                              "not a title of the catalogue"]  # fmt: skip


def test_marked_parts_join_to_the_text_and_name_each_mark():
    parts = marked_parts(explained(), liked=False)
    assert "".join(parts["text"]) == TEXT
    marks = parts[parts["kind"] != ""].set_index("text")
    assert marks["kind"].to_dict() == {
        "Yes": "decision", '"Halo"': "citation", "Shooter": "statement", '"Portal"': "citation", "Racing": "statement",
        '"Nobody\'s Game"': "citation",
    }  # fmt: skip
    assert marks["holds"].to_dict() == {"Yes": "no", '"Halo"': "yes", "Shooter": "yes", '"Portal"': "no",
                                        "Racing": "no", '"Nobody\'s Game"': "no"}  # fmt: skip
    assert marked_parts(explained(), liked=True)["holds"].iloc[0] == "yes"
    late = marked_parts(explained('"Halo" is a Shooter title. I would recommend it.'), liked=True)
    assert late["kind"].tolist() == ["citation", "", "statement", ""], "no first word says the decision"
    assert marked_parts(explained(""), liked=True).to_numpy().tolist() == [["(no text)", "", ""]]


def test_attributes_of_no_title_are_marked_as_unknown():
    e = explained('No. "Halo" is for PlayStation 4, while "Portal" is a Puzzle title.', item=3)
    assert [(s.text, s.mark) for s in segments(e) if s.mark] == [
        ('"Halo"', "✓"), ("PlayStation 4", "?"), ("Puzzle", "✓"),
    ]  # fmt: skip
    parts = marked_parts(e, liked=False).set_index("text")
    assert parts.loc["PlayStation 4"].tolist() == ["statement", "unknown"]
    frame = case_frame("liked", ["Halo"], "Portal", True, {"hybrid": e})
    assert "PlayStation 4&nbsp;?</b>" in cases_html(frame)
    drawn = "".join(t.get_text() for t in cases_figure(frame).axes[0].texts)
    assert "PlayStation 4?" in drawn


def test_a_shared_value_that_nothing_shares_is_marked_with_the_words_that_share_it():
    text = 'Yes. "Portal" is a Racing title. From the history, "Halo" is a Shooter title as well. Halo, as well.'
    e = explained(text, item=3)
    cut = segments(e)
    assert "".join(s.text for s in cut) == text
    wrong = [(s.text, s.why) for s in cut if s.holds is False]
    assert wrong == [
        ("Racing", "not true in the catalogue"),
        ("Shooter title as well", "true of this title, but not of any title named before it"),
    ]
    e = explained('Yes. "Halo" is a Racing title as well.', item=3)
    wrong = [(s.text, s.why) for s in segments(e) if s.holds is False]
    assert wrong == [("Racing", "not true in the catalogue")]


def test_panels_escape_everything_and_do_not_rely_on_colour():
    e = explained('No. "<script>alert(1)</script>" is <b>bold</b>; "Halo" is a Shooter title.')
    frame = case_frame("<i>", ["Halo", "<script>"], e.title, False, {"<u>x": e}, {"<u>x": 2})
    page = cases_html(frame)
    assert "<script" not in page and "<b>bold" not in page and "<u>" not in page and "<i>" not in page
    assert page.count("\u2713") == 2 and "(2)" in page and "does not recommend" in page


def test_a_missing_text_is_shown_as_missing():
    frame = case_frame("A case", ["Halo"], "Portal", True, {"hybrid": explained(), "silent": explained("")})
    assert frame[frame["method"] == "silent"]["text"].tolist() == ["(no text)"]
    assert "(no text)" in cases_html(frame)


def test_a_frame_that_was_saved_draws_the_same(tmp_path):
    frame = case_frame("A case", ["Halo"], "Portal", True, {"hybrid": explained(), "none": explained("x " * 300)})
    frame.to_csv(tmp_path / "cases.csv", index=False)
    again = pd.read_csv(tmp_path / "cases.csv")
    assert cases_html(frame) == cases_html(again)
    for drawn in (cases_figure(frame), cases_figure(again)):
        drawn.canvas.draw()
        box = drawn.bbox
        texts = [t.get_window_extent() for t in drawn.axes[0].texts if t.get_text().strip()]
        assert texts and all(t.x1 <= box.x1 + 1 and t.y0 >= box.y0 - 1 for t in texts)


def test_cases_follow_their_rules():
    ratings = {"hybrid": np.array([3.0, 0, 2, 2, np.nan]), "unaligned": np.array([1.0, 0, 2, 1, 1])}
    chosen = choose_cases(ratings, np.array([0.9, 0.1, 0.52, 0.2, 0.8]), "hybrid")
    assert chosen["best rated"] == 0 and chosen["worst rated"] == 1 and chosen["hardest"] == 2
    assert len(set(chosen.values())) == 4 and list(chosen) == list(RULES)
    gap = {"a": np.array([2.0, 1, 3, 2]), "b": np.array([np.nan, 1, 2, 3])}
    assert choose_cases(gap, np.full(4, 0.5), "a")["typical"] != 0, "a pair that a method has no text about"
    few = choose_cases({"hybrid": np.array([1.0])}, np.array([0.5]), "hybrid")
    assert list(few) == ["typical"]
