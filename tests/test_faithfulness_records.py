"""The records of notebook 11, and the notebook itself on a small target with planted texts."""

from dataclasses import replace
from types import SimpleNamespace

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
from bag_target import Bag

from recx import paths
from recx.attribution.removal import value_function
from recx.data.registry import load_dataset
from recx.data.split import leave_one_out
from recx.evaluation import (
    certification,
    faithfulness,
    faithfulness_methods,
    faithfulness_records,
    faithfulness_report,
    faithfulness_tables,
)
from recx.evaluation.faithfulness_methods import explain_with_template
from recx.evaluation.faithfulness_sets import sets_of
from recx.evaluation.faithfulness_simulation import draw_edits
from recx.evaluation.methods import Method
from recx.evaluation.pair_effects import effects_of
from recx.evaluation.test_set import Pairs, draw_test_set, pairs_of
from recx.explaining.explainer import Explainer
from recx.explaining.measured import measure_evidence, template_explanations
from recx.explaining.records import Prediction, explanation_of
from recx.parsing.explanation_parser import ExplanationParser
from recx.pipeline.faithfulness_stage import MeasuredPairs, further_records
from recx.prompts.controls import Control
from recx.prompts.evidence import tell
from recx.prompts.requests import Request
from recx.settings import DataSettings, DemoSettings, EvaluateSettings


class Planted(Explainer):
    """Writes the measured causes, or names the two latest titles and is always certain."""

    def __init__(self, value, catalogue, faithful):
        self.value, self.catalogue, self.faithful, self.max_history = value, catalogue, faithful, value.length
        self.parser = ExplanationParser(catalogue)

    def explain(self, histories, items, instruction="", show_progress=False):
        if self.faithful:
            return template_explanations(self.value, self.catalogue, histories, items, seed=1)
        texts, labels = [], self.catalogue.labels
        for history, item in zip(histories, items, strict=True):
            text = f'Yes. "{labels[history[-1]]}" lifts it most, then "{labels[history[-1]]}".'
            request = Request("explanation", np.asarray(history), (int(item),))
            texts.append(explanation_of(text, request, self.catalogue, self.parser))
        return texts

    def predict(self, histories, items, show_progress=False):
        return [Prediction(int(i), "", True, 0.99) for i in items]


@pytest.fixture(scope="module")
def world():
    data = load_dataset(DataSettings(demo=DemoSettings(users=300)))
    split, target = leave_one_out(data.sequences), Bag(len(data.catalogue))
    target.length = 8
    evaluate = EvaluateSettings(users=80, pairs=90)
    pairs = pairs_of(draw_test_set(split, target, target.length, evaluate), evaluate.pairs)
    value = value_function(target, split.train, target.length)
    explainers = {
        "unaligned": Planted(value, data.catalogue, False),
        "hybrid": Planted(value, data.catalogue, True),
    }
    methods = {"unaligned": Method(explainers["unaligned"], "unaligned")}
    methods |= {
        name: Method(explainers["hybrid"], "aligned", "hybrid", c)
        for name, c in (("hybrid", ""), ("hybrid, told", "told"))
    }
    effects = effects_of(value, pairs)
    return SimpleNamespace(**locals())


@pytest.fixture(scope="module")
def shown(world, tmp_path_factory):
    """The namespace of notebook 11 after running its cells, except those that open and finish a run."""
    recorded, shown = {}, []
    run = SimpleNamespace(
        folder=tmp_path_factory.mktemp("run"), profile="", dataset="", stage="", fingerprint="", inputs={}
    )
    run.record = lambda rows: recorded.update(rows=rows)
    run.save_frame = lambda name, frame: recorded.update({name: frame})
    run.finish = lambda seed: None
    explained = explain_with_template(world.methods, world.value, world.data.catalogue, world.pairs)
    sets, edits = sets_of(world.effects), draw_edits(world.effects, world.pairs.users, world.data.catalogue, seed=1)
    space = vars(world) | {
        "run": run,
        "best": "hybrid",
        "explained": explained,
        "study": MeasuredPairs(world.pairs, world.value, world.effects, sets, edits, world.methods, explained),
        "further_records": further_records,
        "opened": SimpleNamespace(data=world.data, explainers=world.explainers),
        "settings": SimpleNamespace(evaluate=world.evaluate),
        "catalogue": world.data.catalogue,
        "display": lambda *tables: shown.extend(tables),
    }
    modules = (
        certification,
        faithfulness,
        faithfulness_methods,
        faithfulness_records,
        faithfulness_report,
        faithfulness_tables,
    )
    space |= {m.__name__.split(".")[-1]: m for m in modules}
    cells = {c.id: c.source for c in nbformat.read(paths.notebooks() / "11_faithfulness.ipynb", 4).cells}
    for name in (
        "case-text",
        "orders",
        "taken-out-figure",
        "methods",
        "masking-table",
        "certify",
        "measure",
        "more",
        "foreseen",
        "question-tables",
    ):
        exec(compile(cells[name], name, "exec"), space)
        plt.close("all")
    finish = [line for line in cells["finish"].splitlines() if line.startswith("run.")]
    exec("\n".join(finish), space)
    return space | {"recorded": recorded, "shown": shown}


def test_the_notebook_records_every_metric_by_verdict(shown):
    records = pd.DataFrame(shown["recorded"]["rows"])
    found = set(records["metric"])
    assert {
        "erasure_normalised",
        "del",
        "ins",
        "flip_named_gain",
        "said_order",
        "repeated_cause",
        "planted_recall",
    } <= found
    assert {"mattered", "value_percentile", "top_value_named", "top_value_gain"} <= found
    assert {"self_consistency", "ece", "brier", "strength_order", "phi_cct"} <= found
    assert {"simulatability_gain", "simulatability_shuffled", "las"} <= found
    for metric in (
        "simulatability_gain",
        "las",
        "flip_named",
        "said_order",
        "repeated_cause",
        "neg@50",
        "erasure_percentile",
    ):
        if metric in found:
            assert set(records.loc[records["metric"] == metric, "verdict"]) == {"liked", "disliked", "both"}, metric
    assert set(records.loc[records["metric"] == "ece", "verdict"]) == {"both"}
    assert (records["low"].isna() == records["value"].isna()).all(), "each has its interval"


def test_planted_texts_are_told_apart_in_the_records(shown):
    records = pd.DataFrame(shown["recorded"]["rows"]).query("verdict == 'both'")
    value = records.assign(label=records["mode"].fillna("").where(records["mode"].fillna("") != "", records["method"]))
    value = value[value["control"].fillna("") == ""].set_index(["metric", "label"])["value"]
    for metric in ("said_order", "flip_named_gain", "simulatability_gain", "mattered"):
        assert value[metric, "hybrid"] > value[metric, "random"] + 0.1, metric
    assert value["repeated_cause", "unaligned"] == 1 and value["repeated_cause", "hybrid"] == 0
    assert value["self_consistency", "hybrid"] == 1 and value["ece", "unaligned"] == pytest.approx(0.49)
    assert value["ece", "constant"] == 0 and value["brier", "constant"] == pytest.approx(0.25)


def test_the_case_of_an_unfit_metric(shown):
    certified = shown["certified"].copy()
    assert "self_consistency" not in certification.fit_metrics(certified)
    certified.loc[certified["metric"] == "simulatability_gain", "fit"] = False
    left = {r["metric"] for r in faithfulness_records.usable(shown["said"], certified)}
    assert not left & {"simulatability_gain", "simulatability_shuffled", "las"}
    assert {"self_consistency", "repeated_cause"} <= left


def record(method, metric, value, verdict="both", n=9):
    return {"method": method, "metric": metric, "value": value, "verdict": verdict, "n": n}


def test_a_caption_says_where_a_baseline_is_ahead():
    rows = [record("template", "gain", 0.8), record("llm", "gain", 0.7), record("Shapley", "gain", 0.9)]
    rows += [record("template", "ece", 0.2), record("llm", "ece", 0.1), record("llm", "gain", 0.99, "liked")]
    said = faithfulness_tables.caption(rows, ["template"], ["Shapley"])
    assert "gain: template 0.80 (best other: llm 0.70)" in said and "ece" not in said, (
        "of an error the lower one is ahead"
    )
    assert "Shapley" in faithfulness_tables.caption([*rows[1:3], record("template", "gain", 0.95)], ["template"])
    alone = [record("template", "order", 0.5, "liked"), record("llm", "order", 0.4, "liked")]
    assert "order (liked): template 0.50" in faithfulness_tables.caption(alone, ["template"])
    assert faithfulness_tables.caption([rows[1], record("template", "gain", 0.1)], ["template"]).startswith("By each ")
    assert "no metric" in faithfulness_tables.caption([rows[1], record("template", "gain", np.nan)], ["template"])
    assert faithfulness_tables.verdict_table([]).empty
    few = [record("template", "gain", 0.8), record("llm", "gain", 0.95, n=4), record("llm 2", "gain", 0.7, n=5)]
    assert "gain: template 0.80 (best other: llm 2 0.70)" in faithfulness_tables.caption(few, ["template"])


def test_a_table_says_how_many_people_a_value_is_from_and_loses_no_method():
    rows = [record("template", "gain", 0.8), record("llm", "gain", 0.26, n=2), record("silent", "gain", np.nan, n=0)]
    table = faithfulness_tables.verdict_table([*rows, record("llm", "ece", 0.1)])
    assert table["gain", "both"].to_dict() == {"template": "0.80", "llm": "0.26 (2)", "silent": "-"}
    assert table["ece", "both"].to_dict() == {"template": "", "llm": "0.10", "silent": ""}


def test_numbers_of_texts_that_were_told_predictions_are_compared_with_the_measured_ones(world):
    """Told that an item ranks above 50 of 100, a text says so; measured are other numbers."""
    texts = []
    for effects in world.effects[:20]:
        own = measure_evidence(effects.value, effects.whole, effects.item)
        guessed = replace(own, share_below=0.5, share_without=0.41)
        title = world.data.catalogue.labels[own.notable[0]] if own.notable else ""
        text = f'{"Yes" if own.liked else "No"}. Without "{title}", it would rank above 41.'
        request = Request("explanation", effects.whole, (effects.item,), "", tuple(tell(guessed)))
        texts.append(explanation_of(text, request, world.data.catalogue, ExplanationParser(world.data.catalogue)))
    columns = {"x": {"method": "aligned", "mode": "hybrid", "control": "predicted, held"}}
    pairs = Pairs(*(getattr(world.pairs, name)[:20] for name in ("histories", "items", "liked", "users")))
    edits = draw_edits(world.effects[:20], pairs.users, world.data.catalogue, seed=1)
    about = (columns, world.effects[:20], pairs, sets_of(world.effects[:20]), edits)
    records = faithfulness_records.foreseen_records({"x": texts}, {}, *about)
    (found,) = [r for r in records if r["metric"] == "contradicts_evidence" and r["verdict"] == "both"]
    assert found["value"] > 0.8, "hardly any measured number is 41"


def test_another_view_is_compared_with_the_pairs_it_has(world):
    texts = world.explainers["hybrid"].explain(world.pairs.histories, world.pairs.items.tolist())
    again = world.explainers["hybrid"].explain(world.pairs.histories[:7], world.pairs.items[:7].tolist(), Control())
    own, chance = faithfulness_records.consistency_records({"method": "x"}, texts, again, world.effects, world.pairs)[
        2::3
    ]
    assert own["value"] == 1 and 0 < chance["value"] < 1 and chance["control"] == "random titles"
