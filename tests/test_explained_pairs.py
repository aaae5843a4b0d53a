"""One pair: titles as people type them, an explanation with marks, and the target's decision."""

from types import SimpleNamespace

import numpy as np
import pytest
from test_shipped import SETTINGS, here, run  # noqa: F401

from recx import cli
from recx.data.catalogue import build_catalogue
from recx.data.demo import demo_catalogue
from recx.errors import DataError
from recx.explaining.contradictions import contradictions
from recx.explaining.segments import Segment
from recx.parsing.explanation_parser import ExplanationParser
from recx.pipeline import shipped
from recx.pipeline.explained_pairs import Pair, PairExplainer, PairNames, wrapped
from recx.recommenders.item_rank import top_items

CATALOGUE = demo_catalogue()
NAMES = PairNames(CATALOGUE)


def labels(pair):
    return [CATALOGUE.labels[n] for n in (*pair.history, pair.item)]


def test_titles_are_read_as_typed():
    pair = NAMES.pair(" halo 3 ;; Okami (Wii);", "Halo Reech", "Be brief.")
    assert labels(pair) == ["Halo 3", "Okami (Wii)", "Halo: Reach"]
    assert (pair.read_as, pair.view) == ({"Halo Reech": "Halo: Reach"}, "Be brief.")
    assert labels(NAMES.pair([CATALOGUE.item_ids[5], "Halo 4"], "Halo 3"))[0] == CATALOGUE.labels[5]


def test_a_title_may_hold_a_semicolon():
    names = PairNames(build_catalogue(["a", "b", "c"], ["Steins;Gate", "Portal", "Gate"], {}))
    assert names.pair("Steins;Gate", "Portal").history.tolist() == [1]
    assert names.pair(["Steins;Gate", "Gate"], "Portal").history.tolist() == [1, 3]
    assert names.pair("Portal;Gate", "Portal").history.tolist() == [2, 3]
    assert names.pair("Portal; steins;gate; Gate", "Portal").history.tolist() == [2, 1, 3]


@pytest.mark.parametrize(
    "history, item, said",
    [
        ("Okami", "Halo 3", r"'Okami' may mean 'Okami \(.+\)' or 'Okami \(.+\)'. Give one"),
        ("Halo 3", "Qwxyz Blarg", r"No item is called 'Qwxyz Blarg'. The nearest titles are '.+', '.+' or '.+'\."),
        ("Halo 3", "!", "No item is called '!'.$"),
        (" ; ", "Halo 3", "The history is empty"),
        ("Halo 3", " ", "No item is named"),
    ],
)
def test_titles_that_mean_no_item_or_several_are_errors(history, item, said):
    with pytest.raises(DataError, match=said):
        NAMES.pair(history, item)


def test_marks_stand_behind_what_was_checked():
    assert Segment("Yes.").mark == ""
    assert Segment('"Halo 3"', True, "in the history", True).mark == "✓●"
    assert Segment('"Okami"', True, "in the history", False).mark == "✓○"
    assert Segment('"Pong"', False, "not in the history").mark == "✗"
    assert Segment("PlayStation 4", None, "the catalogue does not tell").mark == "?"


def test_lines_keep_to_the_width_and_cannot_reach_the_terminal(monkeypatch):
    text = "Dragon Quest IX: Sentinels of the Starry Skies " * 3 + "\x1b[31mred\nnext"
    assert all(len(line) <= 30 for line in wrapped(text, 30).split("\n"))
    assert "\x1b" not in wrapped(text, 30) and wrapped(text, 300).endswith("red\nnext")
    monkeypatch.setenv("COLUMNS", "40")
    assert 30 < max(map(len, wrapped(text).split("\n"))) <= 40


def test_the_command_explains_one_pair(here, monkeypatch, tmp_path, capsys):  # noqa: F811
    monkeypatch.setenv("RECX_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("COLUMNS", "60")
    cli.main(["explain", "--history", "Halo 3; Okami (Wii)", "--item", "Halo Reech"])
    said = capsys.readouterr().out
    assert said.startswith("Explained by recx-tiny, aligned to sasrec (run shipped/demo,\n  relation mode, told")
    assert "\n✓ true" in said
    assert (
        "\n“Halo Reech” was read as “Halo: Reach”.\nHistory: Halo 3; Okami (Wii)\nItem: Halo: Reach (the recomm" in said
    )
    assert max(map(len, said.split("\n"))) <= 60
    for item in ("Halo 4", "Gears of War 3", "Fable II"):  # of a model that is hardly trained, little is left
        cli.main(["explain", "--history", "Halo 3; Okami (Wii)", "--item", item])
        said += capsys.readouterr().out.split("Item: ")[1]
    explanation = said[said.index("\n  ", said.index("Item: ")) :]
    assert set(explanation) & set("✓✗") and set(explanation) & set("●○")
    cli.main(["explain", "--shipped", "--history", "Halo 3", "--history", "Okami (Wii)", "--item", "Halo: Reach"])
    assert "History: Halo 3; Okami (Wii)\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words, said",
    [
        (["--history", "Halo 3"], "Give --history and --item"),
        (["--view", "x"], "Give --history and --item"),
        (["--input", "a.csv"], "Give --history and --item"),
        (["--history", "a", "--item", "b", "--input", "a.csv", "--output", "b.jsonl"], "Give --history and --item"),
        (["--shipped", "--dataset", "ml-1m", "--history", "a", "--item", "b"], "--shipped cannot be combined"),
        (["--shipped", "--history", "Okami", "--item", "Halo 3"], "'Okami' may mean"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(here, words, said, capsys):  # noqa: F811
    with pytest.raises(SystemExit) as ended:
        cli.main(["explain", *words])
    assert ended.value.code == 2 and capsys.readouterr().err.startswith(f"recx: {said}")


def test_without_a_pair_it_prints_examples(here, monkeypatch, capsys):  # noqa: F811
    from recx.pipeline import examples

    monkeypatch.setattr(examples, "shipped_settings", lambda: SETTINGS)
    monkeypatch.setattr(examples, "shipped_folder", shipped.shipped_folder)
    cli.main(["explain"])
    said = capsys.readouterr().out
    assert said.count("\nHistory: ") == 5 and said.startswith("Explanations by recx-tiny")


def test_a_record_agrees_with_the_target_and_the_text(here):  # noqa: F811
    opened = shipped.open_shipped()
    explainer = PairExplainer(opened, "relation", told=False)
    history = np.array([3, 50, 120])
    best = top_items(opened.target, history, opened.target.length, 1)[0][0]
    pairs = [Pair(history, best), Pair(history, best, "Give details."), Pair(history[:2], 9)]
    first, second, third = map(explainer.record, explainer.explain(pairs))
    assert (first["target_decision"], first["target_rank"]) == ("yes", 1)
    assert first["target_unseen"] == len(opened.data.catalogue) - 3
    assert first["history"] == [opened.data.catalogue.labels[n] for n in history]
    whole = opened.explainers["relation"].with_held_quotes().explain([history], [best], "Give details.")[0]
    assert (second["text"], second["view"]) == (whole.text, "Give details.") and second["text"] != first["text"]
    assert (second["decision"], third["item"]) == (whole.decision, opened.data.catalogue.labels[9])
    cited = [c for record in (first, second, third) for c in record["citations"]]
    assert cited and all((c["effect"] is not None) == c["in_history"] for c in cited)
    stated = [s for record in (first, second, third) for s in record["statements"]]
    columns = opened.data.catalogue.attributes
    assert stated and all(any(s["value"] in values for values in columns[s["attribute"]]) for s in stated)


def test_held_quotes_quote_the_history_alone(here):  # noqa: F811
    assert PairExplainer(shipped.open_shipped(), "relation").explainer.holds_quotes
    assert not PairExplainer(shipped.open_shipped(), "relation", held_quotes=False).explainer.holds_quotes


def test_a_model_that_is_told_does_not_contradict_it(here):  # noqa: F811
    opened, pair = shipped.open_shipped(), Pair(np.array([3, 50, 120]), 9)
    explainer = PairExplainer(opened, "relation")
    (held,) = explainer.explain([pair])
    assert contradictions(held.answer, held.evidence) == () and explainer.record(held)["revised"] == held.answer.revised
    (free,) = PairExplainer(opened, "relation", held_quotes=False).explain([pair])
    assert free.answer.text != held.answer.text and free.answer.revised == 0 < held.answer.revised
    assert explainer.told and not PairExplainer(opened, "unaligned").told, "which reads no measurements"


def test_the_command_tells(here, capsys):  # noqa: F811
    for option, told in (("--told", True), ("--no-told", False)):
        cli.main(["explain", "--shipped", option, "--history", "Halo 3; Okami (Wii)", "--item", "Halo: Reach"])
        said = " ".join(capsys.readouterr().out.split())
        assert ("told what was measured" in said) == told and "relation mode" in said


def test_a_long_history_says_how_much_is_read(here):  # noqa: F811
    explainer = PairExplainer(shipped.open_shipped(), "relation")
    (long,) = explainer.explain([Pair(np.arange(1, 15), 100)])
    assert explainer.shown(long, 400).startswith("History (the latest 10 of 14, which the recommender reads): ")


def test_a_series_that_no_item_has_is_a_statement_of_the_file():
    catalogue = build_catalogue(list("abc"), ["Alpha", "Beta", "Gamma"], {"series": [["Greek"], ["Greek"], []]})
    statement = ExplanationParser(catalogue).parse('Yes. "Alpha" is part of the Hexen series.', [1, 2], 3).statements[0]
    explainer = SimpleNamespace(catalogue=catalogue)
    assert not statement.true and PairExplainer._attribute(explainer, statement) == "series"
