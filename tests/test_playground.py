import threading

import numpy as np
import pytest
import torch

from recx.data.demo import demo_catalogue
from recx.errors import DataError
from recx.explaining.aligned import Explainer
from recx.explaining.records import Explanation
from recx.models.saved_models import build_aligned
from recx.playground.conversation import verdict_of
from recx.playground.histories import Histories
from recx.playground.questions import Playground
from recx.playground.streaming import stream_explanation
from recx.playground.wishes import HELD, instruction
from recx.profiles.resolve import resolve_settings
from recx.recommenders.sasrec import SASRec
from recx.settings import BackboneSettings, SASRecSettings

HISTORY = [3, 50, 120, 77]


@pytest.fixture(scope="module")
def playground():
    """A target and models that have learnt nothing: what is tested is how they are asked."""
    catalogue = demo_catalogue()
    torch.manual_seed(0)
    target = SASRec(len(catalogue), SASRecSettings(width=16)).eval().requires_grad_(False)
    users = target.encode_users(torch.randint(1, 50, (8, 10)))
    explainers = {}
    for mode, tables in (("behavior", (None, None)), ("hybrid", (target.item_vectors(), users))):
        model, tokenizer = build_aligned(BackboneSettings(), *tables)
        explainers[mode] = Explainer(model.eval(), tokenizer, mode, catalogue, target, 10)
    people = {"ann": np.array(HISTORY), "7": np.array([5])}
    known = Histories(catalogue, people, 10, list(explainers), {"run": "a test"})
    return Playground(known, explainers, target, 10)


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("mode", ["behavior", "hybrid"])
def test_what_is_streamed_is_what_is_explained(playground, mode, held):
    explainer = playground.explainers[mode]
    explainer = explainer.with_held_quotes() if held else explainer
    # The second is where a user vector in bfloat16 changes the words.
    for history, asked in ((HISTORY, "Use one sentence."), ([1, 8, 91, 34], "")):
        said = list(stream_explanation(explainer, history, 9, asked))
        (whole,) = explainer.explain([history], [9], asked)
        assert said[-1] == whole
        texts = [s for s in said if isinstance(s, str)]
        assert len(texts) > 5 and all(whole.text.startswith(t[:-1]) for t in texts)


def test_streams_in_turn_do_not_mix_people(playground):
    """Several people at once on one model get what each would have got alone."""
    explainer, turn = playground.explainers["hybrid"], threading.Lock()
    people = [[3, 50], [120, 77, 8], [200], [5, 6, 7, 8]]
    alone = [e.text for p in people for e in explainer.explain([p], [9])]
    together: dict[int, str] = {}

    def one(n):
        *_, last = stream_explanation(explainer, people[n], 9, turn=turn)
        together[n] = last.text

    threads = [threading.Thread(target=one, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[n] for n in range(4)] == alone


def test_stopped_it_keeps_what_was_written(playground):
    seen = []
    said = list(
        stream_explanation(
            playground.explainers["behavior"], HISTORY, 9, stopped=lambda: len(seen) > 3 or seen.append(1)
        )
    )
    assert isinstance(said[-1], Explanation) and len(said) <= 6


def test_an_answer_holds_all_that_is_shown(playground):
    *parts, answer = playground.explain("hybrid", HISTORY, 9, {"view": "platform"})
    assert parts and all(set(p) == {"text"} for p in parts)
    assert "".join(s["text"] for s in answer["segments"]) == answer["text"]
    assert "<user>" in answer["prompt"] and "platform" in answer["prompt"]
    standing = playground.ask_target(HISTORY, 9)["standing"]
    assert answer["verdict"] == standing["verdict"]
    if answer["verdict"] == "between" or answer["decision"] is None:
        assert answer["agrees"] is None
    else:
        assert answer["agrees"] == (answer["decision"] == (answer["verdict"] == "yes"))
    assert answer == [*playground.explain("hybrid", HISTORY, 9, {"view": "platform"})][-1] | {
        "seconds": answer["seconds"]
    }


def test_target_and_models_are_asked_the_same(playground):
    target = playground.ask_target(HISTORY, 9)
    assert len(target["top"]) == 10 and not {r["item"] for r in target["top"]} & set(HISTORY)
    told = playground.ask_model("behavior", HISTORY, 9)
    assert len(told["top"]) == 10 and 0 <= told["probability"] <= 1
    own = [r["item"] for r in told["top"]]
    assert told["shared"] == len(set(own) & {r["item"] for r in target["top"]})
    assert playground.ask_model("behavior", HISTORY, own[3])["place"] == 4


def test_notices(playground):
    known = playground.histories
    assert "empty" in known.notices([])[0]
    assert known.notices(HISTORY, 9) == []
    assert "3 oldest" in known.notices(list(range(1, 14)))[0]
    assert any("stands in the history already" in n for n in known.notices(HISTORY, 50))
    assert any("more than once" in n for n in known.notices([3, 3]))


def test_what_if(playground):
    told = playground.what_if(HISTORY, 9, [50], [7])
    assert told["history"] == [3, 120, 77, 7]
    alone = playground.ask_target([3, 120, 77, 7], 9)["standing"]
    assert told["after"] == alone | {"score": pytest.approx(alone["score"], abs=1e-5)}
    for removed, added in (([], []), (HISTORY, [])):
        with pytest.raises(DataError):
            playground.what_if(HISTORY, 9, removed, added)


def test_turning_says_what_was_named(playground):
    verdict = playground.ask_target(HISTORY, 9)["standing"]["verdict"]
    wanted = "no" if verdict == "yes" else "yes"
    told = playground.turn_over(HISTORY, 9, wanted, adding=True)
    assert told["after"]["verdict"] == wanted and told["named"] == []
    for item in range(9, 60):  # one for which a removal is enough
        verdict = playground.ask_target(HISTORY, item)["standing"]["verdict"]
        wanted = "no" if verdict == "yes" else "yes"
        found = playground.turn_over(HISTORY, item, wanted)
        if found["removed"] > 1:
            break
    removed = [c["item"] for c in found["changes"]]
    again = playground.turn_over(HISTORY, item, wanted, cited=[*removed[:1], 200])
    assert [i["item"] for i in again["named"]] == removed[:1]


@pytest.mark.parametrize(
    "history", [[], [0], [-1], ["1"], [True], [10**9], "abc", None, [1.5], list(range(1, 502)), [[1]]]
)
def test_histories_from_outside_are_checked(playground, history):
    with pytest.raises(DataError):
        playground.ask_target(history, 9)


@pytest.mark.parametrize("item", [0, None, "9", 10**9, True])
def test_items_from_outside_are_checked(playground, item):
    with pytest.raises(DataError):
        playground.ask_target(HISTORY, item)


def test_people_are_checked(playground):
    assert [i["item"] for i in playground.histories.person("ann")] == HISTORY
    assert playground.histories.anybody()["user"] in ("ann", "7")
    for user in (7, "0", None, "", "../ann"):
        with pytest.raises(DataError, match="some are"):
            playground.histories.person(user)


def test_wishes_become_one_line():
    views = ("platform", "genre")
    assert instruction({}, views) == ""
    told = instruction({"view": "genre", "length": "one sentence", "tone": "friendly", "language": "Welsh"}, views)
    assert "genre" in told and "sentence" in told and "friendly" in told and "Welsh" in told and "\n" not in told
    assert instruction({"free": "Ignore \n all\tthat"}, views) == "Ignore all that"
    for wrong in (
        {"view": "colour"},
        {"tone": "<b>"},
        {"other": "x"},
        {"free": 3},
        {"free": "x" * 301},
        {"quotes": "loose"},
    ):
        with pytest.raises(DataError):
            instruction(wrong, views)


@pytest.mark.parametrize("mode", ["behavior", "hybrid"])
def test_held_quotes_cite_nothing_but_the_history_and_are_told(playground, mode):
    explainer = playground.explainers[mode]
    for n in range(1, 500):  # a history of which the model cites one title twice if it is let
        history = [n, n + 7, n + 90, n + 33]
        (free,), (held,) = (e.explain([history], [9]) for e in (explainer, explainer.with_held_quotes()))
        if free.text != held.text:
            break
    *_, loose = playground.explain(mode, history, 9)
    *_, bound = playground.explain(mode, history, 9, {"quotes": HELD})
    assert (loose["text"], loose["held"], bound["text"], bound["held"]) == (free.text, False, held.text, True)
    assert loose["prompt"] == bound["prompt"] and "quotes held" in verdict_of(bound) and not explainer.held


def test_a_wish_changes_no_setting(playground):
    before = resolve_settings()
    *_, answer = playground.explain(
        "behavior", HISTORY, 9, {"free": "--set target.epochs=1 {profile} $(cat /etc/passwd)"}
    )
    assert resolve_settings() == before and "root:" not in answer["text"]
    assert "$(cat /etc/passwd)" in answer["prompt"]
