"""The right value for each fault that a reader of the code found and no test had (docs/decisions/056)."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from safetensors.torch import save_file
from small_training import SEED, SETTINGS, small_model, small_rows

from recx.alignment.trainer import fit
from recx.data.catalogue import build_catalogue
from recx.data.column_checks import numbers_in
from recx.data.custom_files import custom_source
from recx.data.item_lookup import find_item
from recx.data.own_tables import own_tables
from recx.data.platforms import platform_of
from recx.data.split import leave_one_out
from recx.data.text_records import comparison, text_record
from recx.data.title_search import TitleSearch
from recx.decoding.state import DecodingState
from recx.errors import CheckpointError, DataError, SettingsError, TrainingError
from recx.evaluation.corrupted_explanations import corrupted_scores
from recx.evaluation.judges import ExplanationToRate
from recx.evaluation.rating_sheets import sheet_means
from recx.evaluation.reference_judge import ReferenceJudge
from recx.explaining.imported import ImportedExplainer
from recx.parsing.explanation_parser import ExplanationParser
from recx.pipeline import pairs_file
from recx.pipeline.pairs_file import rows_of
from recx.prompts.tokens import Prompt
from recx.recommenders.distillation import distil
from recx.recommenders.ranking import Ranked
from recx.recommenders.target_kinds import fit_target
from recx.settings import AlignSettings, BackboneSettings, Columns, FitSettings, TargetSettings, TaskShares
from recx.storage.run_folder import Run, read_json, write_json
from recx.storage.tensors import load_weights, trainable


def test_a_diverged_training_is_an_error_and_its_weights_are_refused(tmp_path):
    how = dataclasses.replace(SETTINGS, learning_rate=1e30, clip=1e30)
    with pytest.raises(TrainingError, match=r"weights are no longer numbers.*align\.fit\.learning_rate"):
        fit(small_model(), small_rows(), how, tmp_path / "checkpoints", SEED, show_progress=False)
    model = small_model()
    broken = {n: torch.full_like(p, torch.nan) for n, p in trainable(model).items()}
    save_file(broken, tmp_path / "weights.safetensors")
    with pytest.raises(CheckpointError, match="values that are not finite"):
        load_weights(tmp_path / "weights.safetensors", trainable(model))


def test_a_diverged_target_names_its_rate():
    rng = np.random.default_rng(0)
    split = leave_one_out([rng.permutation(30)[:6] + 1 for _ in range(20)])
    with pytest.raises(TrainingError, match=r"SASRec diverged in epoch 1.*target\.learning_rate \(now 1e\+30\)"):
        fit_target(split, 30, TargetSettings(learning_rate=1e30, epochs=2), show_progress=False)


class Counting:
    """Scores that depend on how many items are read, of up to 20."""

    length = 20

    def score(self, histories):
        return torch.nn.functional.one_hot((histories > 0).sum(1), 25).float() * 9


def test_a_student_reads_as_much_as_its_teacher():
    student, _ = distil(Counting(), [np.arange(1, 18)] * 4, 24, TargetSettings(), epochs=1, show_progress=False)
    assert student.length == 20 and student.score(torch.ones(1, 20, dtype=torch.long)).shape == (1, 25)


@pytest.mark.parametrize(
    "make, key",
    [
        (lambda: TaskShares(retrieval=-1), "align.shares.retrieval"),
        (lambda: TaskShares(*[0.0] * 8), "align.shares"),
        (lambda: FitSettings(learning_rate=-1), "align.fit.learning_rate"),
        (lambda: FitSettings(warmup=7), "align.fit.warmup"),
        (lambda: BackboneSettings(lora_rank=-4), "align.backbone.lora_rank"),
        (lambda: AlignSettings(max_tokens=0), "align.max_tokens"),
    ],
)
def test_impossible_settings_are_refused_at_once(make, key):
    with pytest.raises(SettingsError, match=f"'{key}' must be"):
        make()


def test_too_long_a_prompt_is_refused_before_it_fails_in_the_model():
    model = small_model().eval()
    limit = model.backbone.config.max_position_embeddings
    with pytest.raises(SettingsError, match=rf"{limit + 1:,} tokens, but the backbone has only {limit:,} positions"):
        DecodingState(model, [Prompt(np.ones(limit + 1, dtype=np.int32))])
    state = DecodingState(model, [Prompt(np.ones(limit, dtype=np.int32))])
    with pytest.raises(SettingsError, match="positions"):
        state.step(torch.ones(1, dtype=torch.long))


def test_json_has_no_nan_and_checkpoints_go_after_the_manifest(tmp_path, monkeypatch):
    write_json(tmp_path / "x.json", {"a": [1.0, float("nan"), np.float64("inf")], "b": (np.float32("nan"),)})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": [1.0, None, None], "b": [None]}
    monkeypatch.setenv("RECX_RUNS_DIR", str(tmp_path))
    run = Run("tiny", "demo", "effect", "f").begin()
    kept = run.checkpoints()
    kept.mkdir(parents=True)
    (kept / "weights.bin").write_text("hours of training")
    with monkeypatch.context() as full, pytest.raises(OSError, match="full"):
        full.setattr("recx.storage.run_folder.replace_file", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
        run.finish(seed=0)
    assert (kept / "weights.bin").exists()
    run.finish(seed=0)
    assert not kept.exists() and read_json(run.folder / "manifest.json")["files"].keys() == {"config.json"}


def test_control_characters_in_a_text_are_no_marks(small_catalogue):
    reading = ExplanationParser(small_catalogue).parse('Yes. \x015\x01 fits; "Portal" \x007\x00 is for PC.', [1], 2)
    assert reading.decision and [s.value for s in reading.statements] == ["PC"]


def log(tmp_path, content):
    (tmp_path / "log.csv").write_text(content)
    return own_tables(tmp_path / "log.csv", None, Columns()).interactions


HEAD = "user_id,item_id,timestamp\n"


@pytest.mark.parametrize(
    "content, times",
    [
        ("user_id, item_id, timestamp\nu1, a, 1600000000\nu1, b, 1600000100\n", [1.6e9, 1.6e9 + 100]),
        (HEAD + "\n\nu1,a,1600000000\nu1,b,1600000100\n", [1.6e9, 1.6e9 + 100]),
        (HEAD + "u1,a,1600000000\nu1,b,NULL\nu1,c,N/A\n", [1.6e9, None, None]),
        (HEAD + "u1,a,2020-01-01\nu1,b,null\n", [1577836800, None]),
    ],
)
def test_spaces_blank_lines_and_missing_times(tmp_path, content, times):
    assert log(tmp_path, content)["timestamp"].to_list() == times


def test_the_value_that_is_no_time_is_blamed(tmp_path):
    with pytest.raises(DataError, match="row 2: timestamp is 'soon', expected a number"):
        log(tmp_path, HEAD + "u1,a,1600000000\nu1,b,soon\nu1,c,1600000200\n")


def test_ratings_that_are_not_used_stop_nothing(tmp_path):
    read = log(tmp_path, 'user_id,item_id,timestamp,rating\nu1,a,1600000000,like\nu1,b,1600000100,"4,5"\n')
    assert read.height == 2 and read["rating"].to_list() == [None, None]


def test_numbers_may_have_spaces_around_them(tmp_path):
    assert numbers_in(tmp_path / "f.csv", pl.Series("n", [" 5", "6 ", " "])).to_list() == [5, 6, None]


@pytest.mark.parametrize(
    "title, platforms",
    [
        ("God of War Ragnarok - PlayStation 5", ["PlayStation 5"]),
        ("Halo Infinite - Xbox Series X", ["Xbox Series"]),
        ("Halo Infinite: Xbox Series X|S", ["Xbox Series"]),
        ("Windows of the Soul", []),
        ("Crash Bandicoot - PlayStation", ["PlayStation"]),
        ("Halo - Xbox", ["Xbox"]),
    ],
)
def test_platforms_of_later_shops(title, platforms):
    assert platform_of(title) == platforms


def test_titles_that_programs_write_for_none_are_missing(tmp_path):
    (tmp_path / "log.csv").write_text("user_id,item_id,timestamp\nu1,a,1\n")
    for names, titles in ((["Up", "NaN", "nan", "N/A"], ["Up", None, None, None]), (["Up", "Null"], ["Up", "Null"])):
        rows = "\n".join(f"{n},{name}" for n, name in enumerate(names))
        (tmp_path / "items.csv").write_text(f"item_id,title\n{rows}\n")
        read = own_tables(tmp_path / "log.csv", tmp_path / "items.csv", Columns()).items
        assert read["title"].to_list() == titles


def test_abbreviations_are_no_titles():
    parser = ExplanationParser(build_catalogue(list("abc"), ["Us", "It", "Heat"], {}))
    assert not parser.parse("Yes. The person reads US news and works in IT.", [3], 3).citations
    assert [c.item for c in parser.parse("Yes. They liked the film Us.", [3], 3).citations] == [1]


def test_digits_may_be_a_title_and_an_id():
    catalogue = build_catalogue(
        ["300", "7", "9", "8"], ["Up", "300", "300", "Babe"], {"year": [[], ["1962"], ["2006"], []]}
    )
    search = TitleSearch(catalogue)
    meant = search.resolve("300")
    assert meant.kind == "ambiguous" and {m.item for m in meant.matches} == {1, 2, 3}
    assert [m.item for m in search.resolve("8").matches] == [4] == [find_item(catalogue, "8")]
    with pytest.raises(DataError, match="Several items are called '300'"):
        find_item(catalogue, "300")


def test_a_value_of_two_attributes_of_one_title_is_not_typical():
    studio = {"developer": [["Valve"], ["Bungie"], ["Sega"]], "publisher": [["Valve"], ["Microsoft"], ["Sega"]]}
    catalogue = build_catalogue(list("abc"), ["Portal", "Halo", "Sonic"], studio)
    text = 'Yes. "Portal" is made by Valve.'
    (statement,) = ExplanationParser(catalogue).parse(text, (1, 2), 3).statements
    (rating,) = ReferenceJudge(catalogue).rate([ExplanationToRate((1, 2), 3, True, text)])
    assert statement.true and rating.points["facts"]
    assert rating.points["taste"], "no value of the history is shared by two titles, so any is as typical as another"
    (rating,) = ReferenceJudge(catalogue).rate([ExplanationToRate((1, 1, 2, 3), 3, True, text)])
    assert rating.points["taste"]


def test_no_doubt_is_no_no():
    catalogue = build_catalogue(list("ab"), ["Portal", "Halo"], {})
    judge = SimpleNamespace(rate=lambda texts: [SimpleNamespace(score=1)] * len(texts))
    doubt = ExplanationToRate((1,), 2, False, 'No doubt they would like it, as "Portal" shows.')
    assert corrupted_scores(judge, [doubt], catalogue) == {}


def test_ratings_of_texts_that_are_not_there_count_nothing():
    texts = pd.DataFrame({"method": ["A"], "pair": [1], "text": ["Yes."]})
    rating = lambda question: SimpleNamespace(question=question, score=9, text="")  # noqa: E731
    found = sheet_means([rating(f"{name}#reasonability") for name in ("A/1", "A/99", "gone/55")], texts)
    assert found[["method", "value", "n"]].to_numpy().tolist() == [["A", 9.0, 1]]


def test_json_values_of_texts_mean_what_they_say():
    base = {"history": [{"title": "Up", "attributes": {"year": 1999.0, "score": float("nan")}}], "item": "Babe"}
    record = text_record(base | {"text": "Yes.", "user": 5})
    assert dict(record.history[0][1]) == {"year": ("1999",)} and record.user == "5"
    for wrong, told in (
        ({"text": "Yes.", "user": True}, "user must be"),
        ({"texts": {"gpt": "one", "gpt ": "two"}}, "two sources are called 'gpt'"),
    ):
        with pytest.raises((TypeError, ValueError), match=told):
            text_record(base | wrong)
    with pytest.raises(ValueError, match="better must be 1 or 2"):
        comparison(base | {"first": "a", "second": "b", "better": True})


def test_two_imported_texts_about_one_question_are_an_error(tmp_path, small_catalogue):
    line = {"history": ["Portal"], "item": "Halo 3", "text": "Yes."}
    for text, fails in (("Yes.", False), ("No.", True)):
        (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, (line, line | {"text": text}))))
        if fails:
            with pytest.raises(DataError, match="two texts explain 'Halo 3' to a person with the history Portal"):
                ImportedExplainer(small_catalogue, tmp_path / "t.jsonl", 10)
        else:
            ImportedExplainer(small_catalogue, tmp_path / "t.jsonl", 10)


def test_a_constant_answer_names_items_that_were_first():
    top = np.array([[3], [3], [5]])
    ranked = Ranked(np.zeros(3), top, np.zeros(3))
    assert ranked.most_common_top1(5).tolist() == [3, 5], "neither padding nor items that were never first"


def test_names_of_files_in_capitals_and_numbers_as_ids(tmp_path):
    (tmp_path / "Log.CSV").write_text("user_id,item_id,timestamp\nu1,a,1\n")
    assert custom_source(tmp_path, {}).custom_folder == tmp_path
    (tmp_path / "Log.CSV").unlink()
    pl.DataFrame({"history": [["1"], ["2"]], "item": [3.0, 4.0]}).write_parquet(tmp_path / "P.PARQUET")
    rows = [*rows_of(tmp_path / "P.PARQUET")]
    assert [pairs_file._title(row["item"]) for row in rows] == ["3", "4"] and pairs_file._title(float("nan")) == ""
