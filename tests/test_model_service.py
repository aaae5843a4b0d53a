import dataclasses
import threading

import numpy as np
import pytest
import torch
from markupsafe import escape

from recx.attribution.attribute_effects import value_holders
from recx.attribution.removal import value_function
from recx.attribution.shapley import shapley_values
from recx.data.demo import demo_catalogue
from recx.errors import DataError, SettingsError
from recx.explaining.aligned import AlignedExplainer
from recx.explaining.measured import measure_evidence
from recx.explaining.predicted_effects import predicted_effects, predicted_evidence
from recx.explaining.records import Explanation
from recx.explaining.segments import segments
from recx.models.saved_models import build_aligned
from recx.parsing.parsed_explanation import Citation
from recx.playground.descriptions import describe_counterfactual, describe_decision, describe_effect
from recx.playground.history_service import HistoryService
from recx.playground.instruction_options import FREE, HELD, NOT_TOLD, build_instruction
from recx.playground.model_service import ModelService
from recx.playground.page_templates import pieces
from recx.playground.streaming import stream_explanation
from recx.profiles.resolve import resolve_settings
from recx.prompts.evidence import PLACES, Evidence
from recx.recommenders.protocol import pad_histories
from recx.recommenders.sasrec import SASRec
from recx.settings import BackboneSettings, TargetShape

HISTORY = [3, 50, 120, 77]


@pytest.fixture(scope="module")
def service():
    """An untrained target and untrained models: the tests are about how they are queried."""
    catalogue = demo_catalogue()
    torch.manual_seed(0)
    target = SASRec(len(catalogue), TargetShape(width=16)).eval().requires_grad_(False)
    users = target.encode_users(torch.randint(1, 50, (8, 10)))
    explainers = {}
    vectors = target.item_vectors(), users
    for mode, tables in (("behavior", (None, None)), ("hybrid", vectors), ("relation", vectors)):
        model, tokenizer = build_aligned(BackboneSettings(), *tables, relations=mode == "relation")
        explainers[mode] = AlignedExplainer(model.eval(), tokenizer, mode, catalogue, target, 10)
    users = {"ann": np.array(HISTORY), "7": np.array([5])}
    histories = HistoryService(catalogue, users, 10, list(explainers), {"run": "a test"})
    value = value_function(target, list(users.values()), 10)
    return ModelService(histories, explainers, target, 10, value)


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("mode", ["behavior", "hybrid"])
def test_what_is_streamed_is_what_is_explained(service, mode, held):
    explainer = service.explainers[mode]
    explainer = explainer.with_held_quotes() if held else explainer
    # The second is where a user vector in bfloat16 changes the words.
    for history, asked in ((HISTORY, "Use one sentence."), ([1, 8, 91, 34], "")):
        said = list(stream_explanation(explainer, history, 9, asked))
        (whole,) = explainer.explain([history], [9], asked)
        assert said[-1] == whole
        texts = [s for s in said if isinstance(s, str)]
        assert len(texts) > 5 and all(whole.text.startswith(t[:-1]) for t in texts)


def test_streams_in_turn_do_not_mix_people(service):
    """Several people who use one model at the same time each get the text that they would get alone."""
    explainer, lock = service.explainers["hybrid"], threading.Lock()
    people = [[3, 50], [120, 77, 8], [200], [5, 6, 7, 8]]
    alone = [e.text for p in people for e in explainer.explain([p], [9])]
    together: dict[int, str] = {}

    def one(n):
        *_, last = stream_explanation(explainer, people[n], 9, lock=lock)
        together[n] = last.text

    threads = [threading.Thread(target=one, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[n] for n in range(4)] == alone


def test_stopped_it_keeps_what_was_written(service):
    seen = []
    said = list(
        stream_explanation(
            service.explainers["behavior"], HISTORY, 9, should_stop=lambda: len(seen) > 3 or seen.append(1)
        )
    )
    assert isinstance(said[-1], Explanation) and len(said) <= 6
    *_, whole = stream_explanation(service.explainers["behavior"], HISTORY, 9)
    assert said[-1].text and whole.text.startswith(said[-1].text)


def test_an_answer_holds_all_that_is_shown(service):
    *parts, answer = service.explain("hybrid", HISTORY, 9, {"view": "platform"})
    assert parts and all(set(p) == {"text"} for p in parts)
    assert "".join(s["text"] for s in answer["segments"]) == answer["text"]
    assert "<user>" in answer["prompt"] and "platform" in answer["prompt"]
    assert answer["target_decision"] == service.ask_target(HISTORY, 9)["rank"]["decision"]
    if answer["target_decision"] == "between" or answer["decision"] is None:
        assert answer["agrees"] is None
    else:
        assert answer["agrees"] == (answer["decision"] == (answer["target_decision"] == "yes"))
    assert answer == [*service.explain("hybrid", HISTORY, 9, {"view": "platform"})][-1] | {"seconds": answer["seconds"]}


def test_an_answer_says_what_moved_the_target(service):
    answer = [*service.explain("hybrid", HISTORY, 9)][-1]
    rows = answer["effects"]
    assert {r["item"] for r in rows} == set(HISTORY) and not answer["told"]
    assert [r["effect"] for r in rows] == sorted((r["effect"] for r in rows), reverse=True)
    measured = shapley_values(service.value, np.array(HISTORY), [9])
    sign = 1 if measure_evidence(service.value, np.array(HISTORY), 9).liked else -1
    wanted = dict(zip(measured.players.tolist(), sign * measured.values[:, 0], strict=True))
    assert {r["item"]: r["effect"] for r in rows} == pytest.approx(wanted, abs=1e-6)
    percentile, p_value = answer["percentile"], answer["p_value"]
    assert (percentile is None and p_value is None) or (0 <= percentile <= 1 and 0 < p_value <= 1)
    named = {r["label"] for r in rows if r["cited"]}
    assert rows[0]["label"] in named or rows[0]["label"] in answer["unsaid"]
    page = pieces.whole_answer("hybrid", answer)
    assert "Effects on the target" in page and all(escape(r["label"]) in page for r in rows)
    assert ("permutation test: p = " in page) == (p_value is not None)
    tested = pieces.whole_answer("hybrid", answer | {"percentile": 0.9, "p_value": 0.0222})
    assert "90 % of the random sets" in tested and "p = 0.022" in tested


def test_an_attribute_that_the_catalogue_does_not_have_is_shown_with_its_reason(service):
    answer = [*service.explain("hybrid", HISTORY, 9)][-1]
    answer["segments"] = [{"text": "PlayStation 9", "holds": None, "why": "cannot be checked", "mattered": None}]
    page = pieces.whole_answer("hybrid", answer)
    assert '<span class="unverified" title="cannot be checked">PlayStation 9&nbsp;?</span>' in page


def test_an_answer_says_what_shared_attributes_moved(service):
    platforms = service.catalogue.attributes["platform"]
    history = np.array([[n for n, own in enumerate(platforms) if own == (name,)][:3] for name in ("Wii", "PC")]).ravel()
    answer = [*service.explain("hybrid", history.tolist(), 9)][-1]
    sign = 1 if measure_evidence(service.value, history, 9).liked else -1
    assert len(answer["by_attribute"]["platform"]) == 2
    for name, rows in answer["by_attribute"].items():
        values, _ = value_holders(service.catalogue, name, history)
        assert sorted(r["value"] for r in rows) == sorted(values) and len(values) <= 3
        assert [r["effect"] for r in rows] == sorted((r["effect"] for r in rows), reverse=True)
        none, every = (service.value(history, np.full((1, 6), kept), [9])[0, 0] for kept in (False, True))
        assert sum(r["effect"] for r in rows) == pytest.approx(sign * (every - none), abs=1e-5)
    page = pieces.whole_answer("hybrid", answer)
    assert "Effects of shared attributes" in page and "By platform" in page and "Wii" in page
    unknown = {"mood": [{"value": "", "effect": 0.0}] * 2}
    assert "none known" in pieces.whole_answer("hybrid", answer | {"by_attribute": unknown})
    assert "shared attributes" not in pieces.whole_answer("hybrid", answer | {"by_attribute": {}})


def test_a_model_that_can_say_it_is_told_unless_one_wants_to_see_what_it_finds(service):
    answers = {wish: [*service.explain("relation", HISTORY, 9, {"evidence": wish})][-1] for wish in ("", NOT_TOLD)}
    assert answers[""]["told"] and "Measured " in answers[""]["prompt"]
    assert not answers[NOT_TOLD]["told"] and "Measured " not in answers[NOT_TOLD]["prompt"]
    assert "<relation>" in answers[NOT_TOLD]["prompt"]
    with pytest.raises(DataError, match="evidence"):
        next(service.explain("relation", HISTORY, 9, {"evidence": "whatever"}))


def test_what_it_is_told_it_does_not_contradict_unless_quotes_are_free(service):
    evidence = measure_evidence(service.value, np.array(HISTORY), 9)
    *texts, held = service.explain("relation", HISTORY, 9)
    *_, free = service.explain("relation", HISTORY, 9, {"quotes": FREE})
    assert held["told"] and held["revised"] and free["told"] and not free["revised"]
    assert texts[-1]["text"] == held["text"] and held["decision"] in (evidence.liked, None)
    assert "revised to agree with the measurements" in describe_decision(held)
    assert "revised" not in describe_decision(free)


def test_a_citation_carries_two_marks():
    said = 'Yes. "A" and "B"; "C" pulls the other way.'
    spans = [(5, 8), (13, 16), (18, 21)]
    items = [(1, False), (2, False), (3, True)]
    citations = [Citation("x", i, True, a, s) for (i, a), s in zip(items, spans, strict=True)]
    evidence = Evidence(9, True, (1, 2, 3), (1.0, 0.1, -0.5), 0.9)
    said = Explanation(9, "I", True, said, tuple(citations), ())
    marked = [s for s in segments(said, evidence) if s.holds is not None]
    assert [s.mattered for s in marked] == [True, False, True] and "+1.00, rank 1 of 3" in marked[0].why
    assert [s.mattered for s in segments(said) if s.holds] == [None] * 3


def test_target_and_models_are_asked_the_same(service):
    target = service.ask_target(HISTORY, 9)
    assert len(target["top"]) == 10 and not {r["item"] for r in target["top"]} & set(HISTORY)
    answer = service.ask_model("behavior", HISTORY, 9)
    assert len(answer["top"]) == 10
    own = [r["item"] for r in answer["top"]]
    assert answer["shared"] == len(set(own) & {r["item"] for r in target["top"]})
    assert service.ask_model("behavior", HISTORY, own[3])["place"] == 4


def test_notices(service):
    histories = service.histories
    assert "empty" in histories.notices([])[0]
    assert histories.notices(HISTORY, 9) == []
    assert "3 oldest" in histories.notices(list(range(1, 14)))[0]
    assert any("is already in the history" in n for n in histories.notices(HISTORY, 50))
    assert any("more than once" in n for n in histories.notices([3, 3]))


def test_what_if(service):
    result = service.what_if(HISTORY, 9, [50], [7])
    assert result["history"] == [3, 120, 77, 7]
    alone = service.ask_target([3, 120, 77, 7], 9)["rank"]
    assert result["after"] == alone | {"score": pytest.approx(alone["score"], abs=1e-5)}
    for removed, added in (([], []), (HISTORY, [])):
        with pytest.raises(DataError):
            service.what_if(HISTORY, 9, removed, added)


def test_the_predicted_effect_of_a_change_stands_beside_the_measured_one(service):
    result = service.what_if(HISTORY, 9, [50], [7])
    changed, value = np.array(result["history"]), service.value
    assert result["measured"] == pytest.approx((value.full(changed, [9]) - value.full(np.array(HISTORY), [9]))[0])
    model = service.explainers["relation"]
    old, new = predicted_effects(model, HISTORY, 9), predicted_effects(model, changed, 9)
    assert list(old) == HISTORY and result["predicted_by"] == "relation tokens"
    assert result["predicted"] == pytest.approx(new[7] - old[50])
    assert predicted_effects(service.explainers["hybrid"], HISTORY, 9) is None
    others = {name: e for name, e in service.explainers.items() if name != "relation"}
    plain = ModelService(service.histories, others, service.target, 10, value).what_if(HISTORY, 9, [50], [])
    found = shapley_values(value, np.array(HISTORY), [9])
    assert plain["predicted_by"] == "Shapley values"
    assert plain["predicted"] == pytest.approx(-found.values[HISTORY.index(50), 0])
    said = describe_effect(plain)
    assert f"predicted {plain['predicted']:+.2f} by the Shapley values, measured {plain['measured']:+.2f}" in said
    blind = ModelService(service.histories, others, service.target, 10).what_if(HISTORY, 9, [50], [])
    assert "measured" not in blind and describe_effect(blind) == ""


def test_the_prediction_is_what_the_relation_tokens_hold(service):
    """Before the item's place, a relation token holds its effect, absolute (by its tanh) and relative."""
    model = service.explainers["relation"]
    entities, shown = model.model.entities, torch.tensor(HISTORY)
    user = service.target.encode_users(torch.nn.functional.pad(shown, (6, 0))[None])
    told = entities.relations.features(shown[None], entities.items, torch.tensor([9]), user)[0, :, -len(PLACES) - 3]
    assert np.allclose(np.tanh(list(predicted_effects(model, HISTORY, 9).values())), told, atol=1e-5)


def test_evidence_is_predicted_without_asking_about_changed_histories(service):
    model, history, asked = service.explainers["relation"], np.array(HISTORY), []

    class Counted:
        def score(self, histories):
            asked.extend(histories.tolist())
            return service.target.score(histories)

    value = dataclasses.replace(service.value, target=Counted())
    found, measured = predicted_evidence(model, value, history, 9), measure_evidence(service.value, history, 9)
    assert {tuple(row) for row in asked} == {tuple(pad_histories([history], 10)[0].tolist())}
    effects = predicted_effects(model, HISTORY, 9)
    signed = {i: e if found.liked else -e for i, e in effects.items()}
    assert list(found.causes) == sorted(signed, key=signed.get, reverse=True)
    assert found.effects == pytest.approx([signed[i] for i in found.causes])
    assert (found.liked, found.share_below) == (measured.liked, pytest.approx(measured.share_below))
    assert found.share_without is None, "which would be a wrong number nearly everywhere"
    with pytest.raises(SettingsError, match="relation tokens"):
        predicted_evidence(service.explainers["hybrid"], service.value, history, 9)


def opposite(service, item):
    return "no" if service.ask_target(HISTORY, item)["rank"]["decision"] == "yes" else "yes"


def test_a_counterfactual_reaches_the_decision(service):
    wanted = opposite(service, 9)
    result = service.find_counterfactual(HISTORY, 9, wanted, adding=True)
    assert result["after"]["decision"] == wanted and result["changes"]


def test_a_counterfactual_says_what_the_texts_had_cited(service):
    for item in range(9, 60):  # one for which a removal is enough
        result = service.find_counterfactual(HISTORY, item, opposite(service, item))
        removed = [c["item"] for c in result["changes"]]
        if len(removed) > 1:
            break
    answers = [{"model": "one", "cited": [*removed[:1], 200]}, {"model": "other", "cited": []}]
    *_, sentence = describe_counterfactual(result, answers)
    assert f"one 1 of {len(removed)}, other 0 of {len(removed)}" in sentence


@pytest.mark.parametrize(
    "history", [[], [0], [-1], ["1"], [True], [10**9], "abc", None, [1.5], list(range(1, 502)), [[1]]]
)
def test_histories_from_outside_are_checked(service, history):
    with pytest.raises(DataError):
        service.ask_target(history, 9)


@pytest.mark.parametrize("item", [0, None, "9", 10**9, True])
def test_items_from_outside_are_checked(service, item):
    with pytest.raises(DataError):
        service.ask_target(HISTORY, item)


def test_users_are_checked(service):
    assert [i["item"] for i in service.histories.user_history("ann")] == HISTORY
    assert service.histories.random_user()["user"] in ("ann", "7")
    for user in (7, "0", None, "", "../ann"):
        with pytest.raises(DataError, match="examples are"):
            service.histories.user_history(user)


def test_options_become_one_line():
    views = ("platform", "genre")
    assert build_instruction({}, views) == ""
    chosen = {"view": "genre", "length": "one sentence", "tone": "friendly", "language": "Welsh"}
    line = build_instruction(chosen, views)
    assert "genre" in line and "sentence" in line and "friendly" in line and "Welsh" in line and "\n" not in line
    assert build_instruction({"free": "Ignore \n all\tthat"}, views) == "Ignore all that"
    for wrong in (
        {"view": "colour"},
        {"tone": "<b>"},
        {"other": "x"},
        {"free": 3},
        {"free": "x" * 301},
        {"quotes": "loose"},
    ):
        with pytest.raises(DataError):
            build_instruction(wrong, views)


@pytest.mark.parametrize("mode", ["behavior", "hybrid"])
def test_held_quotes_cite_nothing_but_the_history_and_are_told(service, mode):
    explainer = service.explainers[mode]
    for n in range(1, 500):  # a history of which the model cites one title twice if it is let
        history = [n, n + 7, n + 90, n + 33]
        (free,), (held,) = (e.explain([history], [9]) for e in (explainer, explainer.with_held_quotes()))
        assert all(c.in_history for c in held.citations)
        if free.text != held.text:
            break
    assert free.text != held.text
    *_, loose = service.explain(mode, history, 9)
    *_, bound = service.explain(mode, history, 9, {"quotes": HELD})
    assert (loose["text"], loose["held"], bound["text"], bound["held"]) == (free.text, False, held.text, True)
    assert loose["prompt"] == bound["prompt"] and not explainer.holds_quotes
    assert "quotes restricted" in describe_decision(bound) and "quotes restricted" not in describe_decision(loose)


@pytest.mark.parametrize(("quotes", "held"), [("", True), (HELD, True), (FREE, False)])
def test_the_mode_that_names_causes_holds_its_quotes_by_default(service, quotes, held):
    *_, answer = service.explain("relation", HISTORY, 9, {"quotes": quotes})
    assert answer["held"] is held


def test_an_option_changes_no_setting(service):
    before = resolve_settings()
    *_, answer = service.explain("behavior", HISTORY, 9, {"free": "--set target.epochs=1 {profile} $(cat /etc/passwd)"})
    assert resolve_settings() == before and "root:" not in answer["text"]
    assert "$(cat /etc/passwd)" in answer["prompt"]
