"""Which methods are compared, what they are asked, and what the baselines answer."""

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch

from recx.data.demo import demo_catalogue
from recx.data.split import Split, leave_one_out
from recx.errors import SettingsError
from recx.evaluation import baselines
from recx.evaluation.alignment_effect import ShuffledUsers, measure, measure_free
from recx.evaluation.baselines import SampledPopularity, mean_places, measure_constant, measure_scorer
from recx.evaluation.explanation_checks import explanation_records, totals
from recx.evaluation.methods import Method, all_methods, explain_all
from recx.evaluation.test_set import draw_test_set, pairs_of
from recx.explaining.records import NO_ANSWER, Explanation, Prediction, Recommendation
from recx.parsing.parsed_explanation import Statement
from recx.recommenders.popularity import PopularityRecommender
from recx.settings import ChatSettings, EvaluateSettings
from recx.storage.text_store import TextStore

CATALOGUE = demo_catalogue()
ITEMS = len(CATALOGUE)


class Target:
    length = 10

    def score(self, histories):
        rng = np.random.default_rng(histories.sum().item())
        return torch.from_numpy(rng.random((len(histories), ITEMS + 1)))


@dataclass(frozen=True)
class Stub:
    """An explainer that returns given titles and decisions."""

    answers: np.ndarray | None = None
    shots: dict = field(default_factory=dict)
    store: TextStore | None = None
    reads_vectors: bool = False
    explains_only: bool = False
    catalogue, max_history = CATALOGUE, 10

    def with_shots(self, shots):
        return replace(self, shots=shots)

    def with_store(self, store):
        return replace(self, store=store)

    def recommend(self, histories, k=5, show_progress=False):
        return [Recommendation(tuple(a), ("",) * k, (0.0,) * k) for a in self.answers]

    def recommend_freely(self, histories, beams=5, show_progress=False):
        return self.answers[: len(histories), :beams]

    def rank(self, histories, candidates, show_progress=False):
        return np.asarray(candidates)

    def predict(self, histories, items, show_progress=False):
        return [Prediction(i, "", None, float("nan")) for i in items]

    def reconstruct(self, histories, show_progress=False):
        return [h[-10:-8] for h in histories]

    def explain(self, histories, items, instruction="", show_progress=False):
        return [Explanation(i, "", True, f"{len(self.shots)} {self.store.path.name}", (), ()) for i in items]


@pytest.fixture
def split() -> Split:
    rng = np.random.default_rng(0)
    return leave_one_out([rng.permutation(ITEMS)[:14] + 1 for _ in range(40)])


@pytest.fixture
def test_set(split):
    return draw_test_set(split, Target(), 10, EvaluateSettings(users=30, ranking_users=20, free_users=10))


@pytest.mark.parametrize("setting, users", [(10, 10), (0, 30), (100, 30), (-1, 0)])
def test_zero_decodes_all_users_freely_and_a_negative_number_none(split, setting, users):
    assert draw_test_set(split, Target(), 10, EvaluateSettings(users=30, free_users=setting)).free_users == users


def test_two_methods_of_one_name_are_refused(split, tmp_path):
    (tmp_path / "relation.jsonl").write_text("")
    explainers = {"unaligned": Stub(), "relation": Stub()}
    settings = EvaluateSettings(imported=str(tmp_path / "relation.jsonl"))
    with pytest.raises(SettingsError, match="'relation'.*rename the file"):
        all_methods(explainers, Target(), split, settings, tmp_path)


def test_the_chat_model_is_asked_without_examples_and_with(split, tmp_path):
    explainers = {name: Stub(reads_vectors=name == "hybrid") for name in ("unaligned", "hybrid", "behavior")}
    settings = EvaluateSettings(chat=ChatSettings("http://127.0.0.1:9/v1", "gpt"))
    methods = all_methods(explainers, Target(), split, settings, tmp_path)
    assert list(methods) == ["unaligned", "unaligned ICL", "gpt", "gpt ICL", "behavior", "hybrid"]
    examples = {name: len(m.explainer.shots.get("preference", ())) for name, m in methods.items()}
    assert examples == {"unaligned": 0, "unaligned ICL": 2, "gpt": 0, "gpt ICL": 2, "behavior": 0, "hybrid": 0}
    assert methods["hybrid"].columns == {"method": "aligned", "mode": "hybrid"}
    assert methods["gpt"].columns == {"method": "gpt", "mode": ""}
    alone = all_methods(explainers, Target(), split, EvaluateSettings(shots=0), tmp_path)
    assert list(alone) == ["unaligned", "behavior", "hybrid"]


def test_every_method_explains_into_a_store_of_its_own(split, test_set, tmp_path):
    methods = all_methods({"unaligned": Stub(), "hybrid": Stub()}, Target(), split, EvaluateSettings(), tmp_path)
    explained = explain_all(methods, pairs_of(test_set, 4))
    assert {name: own[0].text for name, own in explained.items()} == {
        "unaligned": "0 unaligned.jsonl",
        "unaligned ICL": "4 unaligned-ICL.jsonl",
        "hybrid": "0 hybrid.jsonl",
    }


def test_a_greedy_answer_counts_where_it_is_the_targets_first_item(test_set):
    top = test_set.labels.top
    answers = top[:, ::-1].copy()  # the first item stands last of five
    answers[:4] = top[:4]
    answers[4] = 0
    method = Method(Stub(answers), "aligned", "hybrid")
    match, outside = measure_free(method, test_set, beams=1)
    assert (match["metric"], match["value"], match["n"], match["decoding"]) == (
        "exact_match",
        pytest.approx(4 / 30),
        30,
        "",
    )
    assert (outside["metric"], outside["value"], outside["decoding"]) == (
        "outside_catalogue",
        pytest.approx(1 / 30),
        "free greedy",
    )
    beams = {r["metric"]: r for r in measure_free(method, test_set, beams=5)}
    assert beams["hr@5"]["value"] == 0.9 and {r["decoding"] for r in beams.values()} == {"free 5-beam"}
    assert measure_free(method, replace(test_set, free_users=0), beams=5) == []


def test_histories_are_read_back_where_vectors_are_read(test_set):
    plain, vectors = (
        {r["metric"]: r for r in measure(Method(Stub(test_set.labels.top, reads_vectors=reads), "x"), test_set, "c")}
        for reads in (False, True)
    )
    assert vectors.keys() - plain.keys() == {"history_coverage"}
    assert vectors["history_coverage"]["value"] == pytest.approx(0.2)
    assert (plain["hr@5"]["value"], plain["hr@5"]["n"], plain["ranking_ndcg@5"]["n"]) == (1, 30, 20)
    assert {r["control"] for r in plain.values()} == {"c"}


def test_missing_answers_count_in_no_metric(test_set):
    class Silent(Stub):
        """Answers every second question, correctly."""

        def recommend(self, histories, k=5, show_progress=False):
            rows = self.answers.copy()
            rows[::2] = NO_ANSWER
            return [Recommendation(tuple(a), ("",) * k, (0.0,) * k) for a in rows]

        def rank(self, histories, candidates, show_progress=False):
            rows = test_set.labels.ranked[: len(histories)].copy()
            rows[::2] = NO_ANSWER
            return rows

        def predict(self, histories, items, show_progress=False):
            return [Prediction(i, "", None if n % 2 else liked, 0.5)
                    for n, (i, liked) in enumerate(zip(items, test_set.liked.tolist(), strict=True))]  # fmt: skip

        def explain(self, histories, items, instruction="", show_progress=False):
            return [Explanation(i, "", None if n % 2 else True, "" if n % 2 else "Yes.", (), ())
                    for n, i in enumerate(items)]  # fmt: skip

    method = Method(Silent(test_set.labels.top), "x")
    found = {r["metric"]: (r["value"], r["n"]) for r in measure(method, test_set)}
    assert found == {"hr@5": (1, 15), "ndcg@5": (1, 15), "ranking_ndcg@5": (1, 10), "ranking_ndcg@5_reference": (1, 10),
                     "accuracy": (1, 15)}  # fmt: skip
    pairs = pairs_of(test_set, 20)
    records = explanation_records(method.explainer.explain(pairs.histories, pairs.items.tolist()), pairs, method)
    assert records[0]["metric"] == "decision_agreement" and records[0]["n"] == 10
    assert records[0]["value"] == pytest.approx(np.mean(pairs.liked[::2]))
    assert "attributes_unverified" not in {r["metric"] for r in records}


def test_attributes_that_the_catalogue_does_not_have_are_counted_apart(test_set):
    class Inventor(Stub):
        def explain(self, histories, items, instruction="", show_progress=False):
            true = (Statement((1,), "Shooter", False, True),)
            return [
                Explanation(i, "", True, "Yes.", (), true * (n % 2), unverified=((0, 3),)) for n, i in enumerate(items)
            ]

    pairs, method = pairs_of(test_set, 20), Method(Inventor(test_set.labels.top), "x")
    explained = method.explainer.explain(pairs.histories, pairs.items.tolist())
    found = {r["metric"]: r["value"] for r in explanation_records(explained, pairs, method)}
    assert (found["stated_attributes_true"], found["attributes_unverified"]) == (1, 0.75)
    counts = totals(explained)
    assert (counts["stated"], counts["stated_true"], counts["unverified"]) == (10, 10, 20)


def test_missing_explanations_are_told_and_a_method_without_any_is_left_out(test_set, capsys):
    class Half(Stub):
        texts = ("Yes.", "")

        def explain(self, histories, items, instruction="", show_progress=False):
            return [Explanation(i, "", True, self.texts[n % 2], (), ()) for n, i in enumerate(items)]

    class Mute(Half):
        texts = ("", " ")

    explained = explain_all({"half": Method(Half(), "x"), "mute": Method(Mute(), "y")}, pairs_of(test_set, 10))
    assert list(explained) == ["half"]
    told = capsys.readouterr().out.splitlines()
    assert told == ["half: no text for 5 of 10 pairs.", "mute: no text for 10 of 10 pairs; the method is omitted."]


def test_a_constant_baseline_agrees_as_chance_does(split):
    """This also holds for a target that prefers items by their number."""

    class Flat(Target):
        def score(self, histories):
            return torch.zeros(len(histories), ITEMS + 1)

    class Numbered(Target):
        def score(self, histories):
            return -torch.arange(ITEMS + 1.0).repeat(len(histories), 1)

    histories = [np.array([n % ITEMS + 1, n % 7 + 1]) for n in range(2000)]
    many = draw_test_set(replace(split, test_histories=histories), Numbered(), 10, EvaluateSettings(users=2000))
    found = {r["metric"]: r["value"] for r in measure_scorer(Flat(), many, 10, "flat")}
    own = {r["metric"]: r["value"] for r in measure_scorer(Numbered(), many, 10, "own")}
    assert found["hr@5"] < 0.02 and own["hr@5"] == own["ranking_ndcg@5"] == 1
    same = mean_places(Numbered(), histories, 10)
    constant = {r["metric"]: r["value"] for r in measure_constant(np.arange(1, 6), same, many)}
    assert constant["accuracy"] == 1, "a target that ignores the history is known without one"
    gains, discounts = np.array([15, 7, 3, 1, 0]), 1 / np.log2(np.arange(2, 7))
    assert found["ranking_ndcg@5"] == pytest.approx(gains.mean() * discounts.sum() / (gains @ discounts), abs=0.02)


def test_a_place_is_the_mean_fraction_of_items_below(monkeypatch):
    class Two:
        def score(self, histories):
            return torch.where(histories[:, -1:] == 1, torch.tensor([9.0, 1, 2, 3]), torch.tensor([9.0, 3, 2, 1]))

    monkeypatch.setattr(baselines, "BATCH", 2)
    histories = [np.array([1])] * 3 + [np.array([2])]
    assert mean_places(Two(), histories, 4) == pytest.approx([0.25, 0.5, 0.75])


def test_items_with_equal_scores_have_the_same_place():
    class Tied:
        def score(self, histories):
            return torch.tensor([[9.0, 1, 1, 2, 1, 2]]).expand(len(histories), -1)

    assert mean_places(Tied(), [np.array([1]), np.array([2])], 4) == pytest.approx([0, 0, 0.75, 0, 0.75])


def test_a_baseline_that_cannot_decide_does_not_agree_with_a_target_that_cannot():
    class FiveFirst(Target):
        """Five items share the first place, others for every history."""

        def score(self, histories):
            scores = torch.rand(len(histories), ITEMS + 1, generator=torch.Generator().manual_seed(1))
            return scores + (scores.argsort(1).argsort(1) > ITEMS - 5) * (2 - scores)

    class Flat:
        def score(self, histories):
            return torch.zeros(len(histories), ITEMS + 1)

    draws = np.random.default_rng(0)
    split = leave_one_out([draws.permutation(ITEMS)[:6] + 1 for _ in range(1500)])
    many = draw_test_set(split, FiveFirst(), 10, EvaluateSettings(users=0))
    found = {r["metric"]: r["value"] for r in measure_scorer(Flat(), many, 10, "flat")}
    assert found["hr@5"] < 0.025, "five of some five hundred items: chance is .01"


def test_nobody_keeps_their_own_vector():
    class Own:
        def encode_users(self, histories):
            return histories[:, -1:].float()

        def item_vectors(self):
            return torch.zeros(1, 1)

    histories = torch.arange(50)[:, None]
    got = ShuffledUsers(Own()).encode_users(histories)[:, 0]
    assert sorted(got.tolist()) == list(range(50)) and not (got == torch.arange(50.0)).any()


def test_popularity_is_drawn_in_proportion_to_the_counts():
    """An item chosen three times as often is drawn three times as often."""
    sequences = [np.array([1, 1, 1, 2])] * 5
    scores = SampledPopularity(sequences, 3).score(torch.zeros((8000, 4), dtype=torch.long))
    first = scores[:, 1:].argmax(1).numpy() + 1
    assert np.mean(first == 1) == pytest.approx(0.75, abs=0.02) and not (first == 3).any()
    again = SampledPopularity(sequences, 3).score(torch.zeros((8000, 4), dtype=torch.long))
    assert torch.equal(scores, again)
    fixed = PopularityRecommender(sequences, 3).score(torch.zeros((9, 4), dtype=torch.long))
    assert (fixed[:, 1:].argmax(1) == 0).all()


def test_imported_texts_are_a_method_that_explains_only(split, test_set, tmp_path):
    pairs = pairs_of(test_set, 4)
    rows = [
        {
            "history": [CATALOGUE.labels[i] for i in h],
            "item": CATALOGUE.labels[item],
            "text": "Yes. It was written elsewhere.",
        }
        for h, item in zip(pairs.histories, pairs.items, strict=True)
    ]
    (tmp_path / "elsewhere.jsonl").write_text("\n".join(map(json.dumps, rows)))
    settings = EvaluateSettings(shots=0, imported=str(tmp_path))
    methods = all_methods({"unaligned": Stub()}, Target(), split, settings, tmp_path / "texts")
    assert list(methods) == ["unaligned", "elsewhere"]
    explanations = explain_all(methods, pairs)["elsewhere"]
    assert {e.text for e in explanations} == {"Yes. It was written elsewhere."} and all(
        e.decision for e in explanations
    )
    assert measure(methods["elsewhere"], test_set) == []
