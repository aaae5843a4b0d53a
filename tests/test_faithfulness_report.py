import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from recx.attribution.removal import value_function
from recx.data.demo import demo_catalogue
from recx.data.registry import load_dataset
from recx.data.split import leave_one_out
from recx.evaluation import faithfulness_report as report
from recx.evaluation.faithfulness import cited_places, erasure, measure
from recx.evaluation.pair_effects import effects_of
from recx.evaluation.planted_causes import planted_causes, planted_records, precision_recall, relied_on
from recx.evaluation.round_trip import recovered_vectors, round_trip
from recx.evaluation.test_set import Pairs
from recx.evaluation.verdict_records import verdict_records
from recx.explaining.measured import is_liked, measure_evidence, template_explanations
from recx.parsing.explanation_parser import ExplanationParser
from recx.recommenders.protocol import pad_histories
from recx.recommenders.sasrec import SASRec
from recx.settings import DataSettings, DemoSettings, TargetShape

LENGTH = 8


@pytest.fixture(scope="module")
def world():
    data = load_dataset(DataSettings(demo=DemoSettings(users=300)))
    split = leave_one_out(data.sequences)
    torch.manual_seed(0)
    target = SASRec(len(data.catalogue), TargetShape(width=16, length=LENGTH, dropout=0.0)).eval().requires_grad_(False)
    torch.nn.init.normal_(target.item_embedding.weight[1:], std=0.7)
    rng = np.random.default_rng(0)
    histories = split.test_histories[:40]
    items = np.array([rng.choice(np.setdiff1d(np.arange(1, len(data.catalogue) + 1), h)) for h in histories])
    value = value_function(target, split.train, LENGTH)
    liked = np.array([measure_evidence(value, h, int(i)).liked for h, i in zip(histories, items, strict=True)])
    pairs = Pairs(histories, items, liked, np.arange(40) // 2)
    return data, split, target, value, pairs, effects_of(value, pairs)


def test_methods_are_ordered_as_they_must_be(world):
    data, _, _, _, pairs, effects = world
    attributions = report.attributions_of(effects, data.catalogue)
    known = {"random", "latest", "attention rollout", "LIME", "path integration", "Shapley", "most alike"}
    assert {*known, "learned mask"} <= set(attributions)
    measured = {n: measure(effects, c) for n, c in report.cited_by(effects, attributions).items()}
    table = report.mean_table(measured)
    assert table.loc[["Shapley", "LIME", "leave one out"], "erasure_normalised"].min() > 0.5
    assert table.loc[["path integration", "learned mask"], "erasure_normalised"].min() > 0.3
    assert abs(table.loc["random", "erasure_normalised"]) < 0.35 and table.loc["Shapley", "top_cause_first"] == 1
    curves = report.curve_frame(effects, attributions).set_index(["method", "share"])["value"]
    assert (
        curves["Shapley"].iloc[1] > curves["random"].iloc[1] and curves.groupby("method").last().round(6).nunique() == 1
    )
    records = verdict_records({"method": "x"}, measured["Shapley"], pairs, ["f_auroc"])
    assert [r["verdict"] for r in records] == ["liked", "disliked", "both"]
    assert records[0]["n"] + records[1]["n"] >= records[2]["n"] == 20, "over users, two pairs each"
    frame = report.verdict_frame(records)
    assert frame["method"].tolist() == ["x", "x"]


def test_templates_cite_the_causes_and_state_the_truth(world):
    data, _, _, value, pairs, effects = world
    texts = template_explanations(value, data.catalogue, pairs.histories, pairs.items.tolist())
    cited = report.cited_in(effects, {"t": texts})["t"]
    measured = measure(effects, cited)
    assert (
        measured["top_cause_first"].mean() == 1
        and measured["erasure_normalised"][~np.isnan(measured["erasure_normalised"])].mean() > 0.6
    )
    assert all(t.decision == liked for t, liked in zip(texts, pairs.liked, strict=True))
    assert all(s.true for t in texts for s in t.statements)


def test_named_and_decisive_titles_correlate():
    rng = np.random.default_rng(0)
    changed = [rng.random(6) < 0.4 for _ in range(50)]
    users = np.arange(50) // 2
    same = report.phi_estimate(changed, changed, users)
    assert (same.value, same.low, same.high, same.n) == (pytest.approx(1), pytest.approx(1), pytest.approx(1), 25)
    other = report.phi_estimate([rng.random(6) < 0.4 for _ in changed], changed, users)
    assert other.low < 0 < other.high
    assert np.isnan(report.phi_estimate([np.zeros(6, bool)] * 50, changed, users).value)
    alone = report.phi_estimate(changed, changed, np.zeros(50))
    assert alone.value == pytest.approx(1) and np.isnan(alone.low) and alone.n == 1


def test_vectors_are_read_back_from_words():
    rng = np.random.default_rng(0)
    words = [f"w{n}" for n in range(12)]
    held = rng.random((240, 12)) < 0.4
    held[:, 0] |= ~held.any(1)
    vectors = held @ rng.normal(size=(12, 5))
    texts = [" ".join(w for w, own in zip(words, row, strict=True) if own) for row in held]
    found = recovered_vectors(texts, vectors, np.arange(240))
    explained = 1 - np.square(vectors - found).sum() / np.square(vectors - vectors.mean(0)).sum()
    assert explained > 0.8
    some = recovered_vectors(["", *texts[1:]], vectors, np.arange(240))
    assert np.isnan(some[0]).all() and not np.isnan(some[1:]).any(), "no text, no vector"
    assert np.isnan(recovered_vectors(["a b"] * 6, vectors[:6], np.zeros(6, int))).all(), "one user alone"
    shuffled = [texts[n] for n in rng.permutation(240)]
    blind = recovered_vectors(shuffled, vectors, np.arange(240))
    assert 1 - np.square(vectors - blind).sum() / np.square(vectors - vectors.mean(0)).sum() < 0.1


def test_a_black_box_has_no_vectors_to_read_back(world):
    class Box:
        length = LENGTH

        def score(self, histories):
            return torch.zeros(len(histories), 10)

    assert round_trip({"x": ["a"] * 40}, Box(), world[4], LENGTH) == {}
    trips = round_trip({"x": ["a b"] * 40}, world[2], world[4], LENGTH)
    assert set(trips["x"]) == {"roundtrip_fve", "roundtrip_top10"} and trips["x"]["roundtrip_fve"].mean() < 0.1


def test_a_round_trip_is_measured_against_the_true_vectors(world):
    data, _, target, _, pairs, _ = world
    texts = ["; ".join(data.catalogue.labels[i] for i in history) for history in pairs.histories]
    trip = round_trip({"titles": texts}, target, pairs, LENGTH)["titles"]
    vectors = target.encode_users(pad_histories(pairs.histories, LENGTH)).detach().double().numpy()
    read = recovered_vectors(texts, vectors, pairs.users)
    unexplained = np.square(vectors - read).sum() / np.square(vectors - vectors.mean(0)).sum()
    assert trip["roundtrip_fve"].mean() == pytest.approx(1 - unexplained)
    items = target.item_vectors().detach().double().numpy()[1:]
    for n in (0, 1, 7):
        best, found = (set((v[n] @ items.T).argsort()[-10:].tolist()) for v in (vectors, read))
        assert trip["roundtrip_top10"][n] == len(best & found) / 10


def test_planted_causes_are_items_of_the_history(world):
    data, split, _, value, *_ = world
    planted = planted_causes(data, split, LENGTH, 25)
    assert planted_causes(data, split, LENGTH, 0) is None
    assert len(planted) == 25 and planted_causes(data, split, LENGTH, 25).items.tolist() == planted.items.tolist()
    effects = effects_of(value, planted.pairs())
    for one, causes, history, item, user in zip(
        effects, planted.causes, planted.histories, planted.items, planted.users, strict=True
    ):
        assert causes and causes < set(history[-LENGTH:].tolist()) and split.test[user] == item
        places = [n for n, p in enumerate(one.players.tolist()) if p in causes]
        assert precision_recall(one, places, causes) == (1.0, 1.0)
        other = next(n for n in range(len(one.players)) if n not in places)
        assert precision_recall(one, [places[0], other], causes) == (0.5, 1 / len(causes))
        assert np.isnan(precision_recall(one, [], causes)[0])
        hit = one.players[one.shapley.argmax()] in causes
        assert relied_on(one, causes) == pytest.approx(hit - len(causes) / len(one.players))
    texts = template_explanations(value, data.catalogue, planted.histories, planted.items.tolist())
    records = planted_records(planted, effects, {"t": texts}, {"t": {"method": "template"}})
    assert [r["metric"] for r in records] == ["planted_reliance", "planted_precision", "planted_recall"]
    assert {r["metric"]: r["value"] for r in records}["planted_reliance"] == pytest.approx(
        np.mean([relied_on(one, causes) for one, causes in zip(effects, planted.causes, strict=True)])
    )
    both = {"t": {"method": "template"}, "random": {"method": "random"}}
    chance = {r["metric"]: r for r in planted_records(planted, effects, {"t": texts}, both) if r["method"] == "random"}
    for one, causes, precision, recall in zip(
        effects, planted.causes, *(chance[f"planted_{m}"]["values"] for m in ("precision", "recall")), strict=True
    ):
        drawn = [precision_recall(one, [*two], causes) for two in itertools.combinations(range(len(one.players)), 2)]
        assert (precision, recall) == pytest.approx(np.mean(drawn, axis=0)), "the mean over all sets of two titles"
    assert planted_causes(replace(data, reasons=None), split, LENGTH, 3) is None
    kept = planted.liked_by(value)
    liked = [is_liked(value, h, int(i)) for h, i in zip(planted.histories, planted.items, strict=True)]
    assert 0 < len(kept) < len(planted) and kept.items.tolist() == planted.items[liked].tolist()
    assert kept.causes == [c for c, own in zip(planted.causes, liked, strict=True) if own]


def test_a_case_marks_what_is_cited(world):
    data, _, _, value, pairs, effects = world
    (text,) = template_explanations(value, data.catalogue, pairs.histories[:1], pairs.items[:1].tolist())
    frame = report.case_frame(effects[0], text, data.catalogue)
    assert frame["title"].tolist() == [data.catalogue.labels[i] for i in effects[0].players]
    assert frame.loc[frame["effect"].idxmax(), "cited"]


def test_what_pulls_the_other_way_is_read_as_such():
    catalogue = demo_catalogue()
    a, b, c = catalogue.labels[1], catalogue.labels[2], catalogue.labels[3]
    parser = ExplanationParser(catalogue)
    said = parser.parse(f'No. "{a}" counts most against it. Only "{b}" pulls the other way. "{a}" again.', [1, 2], 3)
    assert [(x.item, x.against) for x in said.citations] == [(1, False), (2, True), (1, False)]
    odd = parser.parse(f'Yes. "{c}" is fine; on the other hand, "{b}" does not fit. "{a}" lifts it.', [1, 2], 3)
    assert [(x.item, x.against) for x in odd.citations] == [(2, True), (1, False)]


def test_the_misleading_case_is_right_and_beside_the_point(world):
    data, _, _, value, pairs, effects = world
    texts = template_explanations(value, data.catalogue, pairs.histories, pairs.items.tolist())
    assert all(text.decision == one.liked for one, text in zip(effects, texts, strict=True))
    found = [erasure(one, cited_places(one, text)) for one, text in zip(effects, texts, strict=True)]
    normalised = [np.nan if erased is None else erased.normalised for erased in found]
    twice = [len({c.item for c in text.citations}) < len(text.citations) for text in texts]
    ranked = np.lexsort([normalised, twice])
    assert report.misleading_case(effects, texts) == ranked[0]
    first, second = texts[ranked[0]], texts[ranked[1]]
    texts[ranked[0]] = replace(first, decision=not first.decision)
    assert report.misleading_case(effects, texts) == ranked[1], "a wrong decision is no case"
    texts[ranked[1]] = replace(
        second, citations=(replace(second.citations[0], in_history=False), *second.citations[1:])
    )
    assert report.misleading_case(effects, texts) == ranked[2], "nor is a title from elsewhere"
    assert report.misleading_case(effects[:1], [replace(texts[0], decision=None)]) == 0


def test_an_uninformative_text_that_only_some_have_explains_nothing():
    """Those who have a text differ from those who have none: the mean of all is no baseline for them."""

    class Clusters:
        length = 4
        rows = torch.randn(61, 3, generator=torch.Generator().manual_seed(0)) * 0.1

        def encode_users(self, histories):
            whose = histories[:, -1]
            return self.rows[whose] + torch.where(whose[:, None] <= 30, 5.0, -5.0)

        def item_vectors(self):
            return self.rows

        def score(self, histories):
            return self.encode_users(histories) @ self.rows.T

    histories = [np.array([n]) for n in range(1, 61)]
    pairs = Pairs(histories, np.full(60, 60), np.ones(60, dtype=bool), np.arange(60))
    texts = {"some": ["good one"] * 30 + [""] * 30, "marks": ['". ,'] * 60}
    trips = round_trip(texts, Clusters(), pairs, 4)
    assert np.nanmean(trips["some"]["roundtrip_fve"]) < 0.1 and np.isnan(trips["some"]["roundtrip_fve"][30:]).all()
    assert np.isnan(trips["marks"]["roundtrip_fve"]).all(), "a text without a word is none"
