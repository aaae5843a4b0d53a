"""Notebook 13's steps on a handful of records: texts by amount, kept in files, and the tables made of them."""

from dataclasses import replace

import nbformat
import pandas as pd
import pytest

from recx import paths
from recx.data.llmxrec_files import InstructionStudy
from recx.data.text_records import text_record
from recx.models.saved_models import SharedBackbone
from recx.pipeline import tuned_texts as module
from recx.pipeline.tuned_texts import (
    attributes_named,
    backbone_of,
    bias_table,
    curve_frame,
    sheet_frame,
    tuned_texts,
)
from recx.settings import FitSettings, LLMXRecSettings, Settings
from recx.storage.run_folder import Run

HOW = FitSettings(batch_size=2, epochs=1, learning_rate=1e-3)
SETTINGS = replace(Settings(), llmxrec=LLMXRecSettings(amounts="0 2 9", tested=3, people=3, max_tokens=4, fit=HOW))


def record(n, **more):
    person = {"age": 20 + 15 * n, "gender": "female" if n % 2 else "male"}
    item = {"title": f"Item {n}", "attributes": {"genre": ["War" if n % 2 else "Drama"]}}
    return text_record({"history": [f"Film {n}"], "item": item, "person": person} | more)


STUDY = InstructionStudy(
    [record(n, text=f"Because of Film {n}.") for n in range(3)],
    [record(5, text="Because of Film 5.")],
    [],
    [],
    {"mf": [record(n, texts={"GPT4": f"Text {n}."}) for n in (7, 8, 9)]},
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECX_RUNS_DIR", str(tmp_path_factory.mktemp("runs")))
        run = Run("test", "demo", "llmxrec", "0123").begin()
        shared = SharedBackbone.load(backbone_of(SETTINGS))
        first = tuned_texts(STUDY, SETTINGS, run, shared, show_progress=False)
        patch.setattr(module, "tune", None)  # an interrupted run goes on from its files and tunes nothing again
        assert tuned_texts(STUDY, SETTINGS, run, shared, show_progress=False) == first
        assert sorted(p.name for p in run.folder.glob("texts-*")) == [f"texts-{n}-0.json" for n in (0, 2, 3)]
        yield first


def test_amounts_end_at_the_instructions_there_are(made):
    assert list(made) == [0, 2, 3]
    assert all(len(kept["texts"]["mf"]) == 3 and kept["loss_unseen"] > 0 for kept in made.values())
    assert [bool(kept.get("answers")) for kept in made.values()] == [True, False, True]
    assert set(made[3]["swapped"]) == {"gender: female", "gender: male", "age: 20", "age: 60"}


def test_tables_name_the_model_and_what_was_asked(made):
    named = attributes_named(STUDY, made, SETTINGS)
    assert set(named["instructions"]) == {0, 3} and set(named["attribute"]) == {"age", "gender", "genre"}
    bias = bias_table(STUDY, made)
    assert set(bias["compared"]) <= {"people", "described otherwise"} and set(bias["measure"]) == {"words", "sentiment"}
    sheet = sheet_frame(STUDY, made)
    assert set(sheet["method"]) == {"tuned on 3", "GPT4"} and sheet["pair"].nunique() == 3


def test_an_age_that_is_no_number_belongs_to_neither_group():
    ages = ("25", "from 18 to 24", "", "61")
    people = [replace(record(n, text=""), user=f"u{n}", person=(("age", (age,)),)) for n, age in enumerate(ages)]
    texts = {"amount": 3, "texts": {"mf": ["A text.", "A text.", "A text.", "A longer text."]}}
    bias = bias_table(replace(STUDY, recommended={"mf": people}), {3: texts})
    words = bias[bias["measure"] == "words"]
    assert words["n"].tolist()[:2] == [1, 1] and words["group"].tolist()[:2] == ["from 30 on", "under 30"]


def test_without_people_there_is_no_bias_to_measure(made):
    nobody = [replace(r, person=()) for r in STUDY.recommended["mf"]]
    empty = bias_table(replace(STUDY, recommended={"mf": nobody}), {3: made[3] | {"swapped": {}}})
    assert empty.empty and "compared" in empty.columns


def test_the_notebook_says_in_a_sentence_that_nothing_is_known_of_the_people(made, capsys):
    cells = nbformat.read(paths.notebooks() / "13_llmxrec.ipynb", 4).cells
    (source,) = [c.source for c in cells if c.id == "bias-table"]
    shown = []
    exec(source, {"study": STUDY, "made": made, "display": shown.append})
    assert len(shown) == 1 and len(shown[0]) and capsys.readouterr().out == ""
    nobody = replace(STUDY, recommended={"mf": [replace(r, person=()) for r in STUDY.recommended["mf"]]})
    exec(source, {"study": nobody, "made": {3: made[3] | {"swapped": {}}}, "display": shown.append})
    assert len(shown) == 1 and "cannot be measured" in capsys.readouterr().out


def test_the_published_curve_stands_beside_ours(tmp_path):
    lines = ["rec_model,dataset,length,win ratio", "a,x,0,0.1", "a,y,0,0.3", "a,x,200,0.5"]
    (tmp_path / "win_ratio_by_amount.csv").write_text("\n".join(lines))
    ours = pd.DataFrame({"judge": ["words"], "amount": [0], "value": [0.4], "low": [0.3], "high": [0.5], "n": [9]})
    curves = curve_frame(ours, str(tmp_path)).set_index(["curve", "amount"])
    assert curves.loc[("judged by words", 0), "value"] == 0.4
    assert curves.loc[("published, LLaMA2", 0), ["value", "low", "high"]].tolist() == pytest.approx([0.2, 0.1, 0.3])
    assert set(curve_frame(ours)["curve"]) == {"judged by words"}
