"""Told texts are revised until they agree with their evidence, whatever the model writes."""

import copy

import numpy as np
import pytest
import torch

from recx.data.demo import demo_catalogue
from recx.explaining.aligned import AlignedExplainer
from recx.explaining.contradictions import contradictions
from recx.explaining.revision import Reviser
from recx.models.saved_models import build_aligned
from recx.playground.streaming import stream_explanation
from recx.prompts.evidence import Evidence
from recx.recommenders.sasrec import SASRec
from recx.settings import BackboneSettings, TargetShape

HISTORY, ITEM = [3, 50, 120, 77], 9


def measured(history, item):
    """Evidence of which an untrained model knows nothing."""
    causes = tuple(int(n) for n in history[::-1])
    return Evidence(int(item), bool(item % 2), causes, (2.0, 1.0, 0.1, -1.5)[: len(causes)], 0.93, 0.42)


@pytest.fixture(scope="module")
def told():
    catalogue = demo_catalogue()
    torch.manual_seed(0)
    target = SASRec(len(catalogue), TargetShape(width=16)).eval().requires_grad_(False)
    users = target.encode_users(torch.randint(1, 50, (8, 10)))
    model, tokenizer = build_aligned(BackboneSettings(), target.item_vectors(), users, relations=True)
    explainer = AlignedExplainer(model.eval(), tokenizer, "relation", catalogue, target, 10, "float32")
    return explainer.with_evidence(measured)


@pytest.fixture(scope="module")
def asked():
    rng = np.random.default_rng(0)
    histories = [rng.permutation(300)[:4] + 1 for _ in range(12)]
    return histories, [int(n) for n in rng.permutation(300)[:12] + 1]


def test_revised_texts_contradict_nothing(told, asked):
    histories, items = asked
    evidence = [measured(h, i) for h, i in zip(histories, items, strict=True)]
    free, held = told.explain(histories, items), told.with_held_evidence().explain(histories, items)
    wrong = [bool(contradictions(t, e)) for t, e in zip(free, evidence, strict=True)]
    assert any(wrong), "an untrained model contradicts what it is told"
    for before, after, bad, own in zip(free, held, wrong, evidence, strict=True):
        assert contradictions(after, own) == () and after.decision in (own.liked, None)
        assert all(c.in_history for c in after.citations) and all(s.true for s in after.statements)
        assert (after.revised > 0) >= bad and before.revised == 0
    assert [t.text for t in told.with_held_evidence().explain(histories, items)] == [t.text for t in held]


def test_a_text_that_agrees_stays_as_it_is(told):
    catalogue = told.catalogue
    first, item = catalogue.labels[77], catalogue.labels[ITEM]
    text = f'Yes. "{first}" lifts it most. It ranks above 93 of 100 titles; without "{first}" it would rank above 42.'
    requests = told.explanation_requests([HISTORY], [ITEM])
    *_, (draft,) = Reviser(told).revise(requests, [measured(HISTORY, ITEM)], [text])
    assert (draft.text, draft.changed) == (text, 0)
    *_, (draft,) = Reviser(told).revise(requests, [measured(HISTORY, ITEM)], [f'{text} "{item}" is like "{item}".'])
    assert draft.text.startswith(text) and draft.changed > 0 and draft.text.count(f'"{item}"') < 2


@pytest.mark.parametrize("untold", [50, 3])  # one that is no notable cause, and the one that pulls the other way
def test_no_title_is_compared_that_was_not_told_as_a_cause(told, untold):
    catalogue, evidence = told.catalogue, measured(HISTORY, ITEM)
    assert untold not in evidence.notable
    causes = f'Yes. "{catalogue.labels[77]}" lifts it most, and next "{catalogue.labels[120]}".'
    platform = catalogue.facts(untold)["platform"][0]
    text = f'{causes} "{catalogue.labels[untold]}" is for {platform}.'
    requests = told.explanation_requests([HISTORY], [ITEM])
    assert all(s.true for s in told.read(text, requests[0]).statements) and not contradictions(
        told.read(text, requests[0]), evidence
    )
    *_, (draft,) = Reviser(told).revise(requests, [evidence], [text])
    named = [c for c in told.read(draft.text, requests[0]).citations if not c.against]
    assert draft.text.startswith(causes) and draft.changed > 0 and {c.item for c in named} <= {77, 120}


def test_what_cannot_be_said_rightly_is_left_out(told, monkeypatch):
    monkeypatch.setattr(Reviser, "_passing", lambda *_: "")  # no sentence drawn passes
    requests = told.explanation_requests([HISTORY], [ITEM])
    text = f'Yes. It ranks above 12 of 100 titles. "{told.catalogue.labels[77]}" lifts it most.'
    *_, (draft,) = Reviser(told).revise(requests, [measured(HISTORY, ITEM)], [text])
    assert draft.text == f'Yes. "{told.catalogue.labels[77]}" lifts it most.' and draft.changed == 1
    *_, (draft,) = Reviser(told).revise(requests, [measured(HISTORY, ITEM)], ["It ranks above 12 of 100 titles."])
    assert draft.text == "Yes.", "the decision at least"


def test_what_is_alike_is_not_contrasted(told, monkeypatch):
    monkeypatch.setattr(Reviser, "_passing", lambda *_: "")
    labels, platforms = told.catalogue.labels, told.catalogue.attributes["platform"]
    alike = next(n for n in range(100, 400) if platforms[n] == platforms[77])
    other = next(n for n in range(100, 400) if not set(platforms[n]) & set(platforms[77]))
    for item, changed in ((alike, True), (other, False)):
        asked = told.explanation_requests([HISTORY], [item])
        evidence = measured(HISTORY, item)
        said = f'"{labels[77]}" is for {platforms[77][0]}.'
        begun = "Yes. {} counts most for it." if evidence.liked else "No. {} counts most against it."
        text = begun.format(f'"{labels[77]}"') + " "
        text += f'"{labels[item]}" is for {platforms[item][0]}, while {said}'
        *_, (draft,) = Reviser(told).revise(asked, [evidence], [text])
        assert (draft.changed > 0) == changed, draft.text


def test_words_of_strength_that_the_reader_does_not_know_are_left_out(told, monkeypatch):
    monkeypatch.setattr(Reviser, "_passing", lambda *_: "")
    requests = told.explanation_requests([HISTORY], [ITEM])
    causes = f'Yes. "{told.catalogue.labels[77]}" lifts it most.'
    for invented, kept in (("It stands above the middle.", ""), ("A good match.", " A good match.")):
        *_, (draft,) = Reviser(told).revise(requests, [measured(HISTORY, ITEM)], [f"{causes} {invented}"])
        assert draft.text == causes + kept


def test_attributes_that_the_catalogue_does_not_know_are_left_out(told, monkeypatch):
    """A model aligned to games says of films that they are "for PlayStation 4", which the reader finds nowhere."""
    monkeypatch.setattr(Reviser, "_passing", lambda *_: "")
    requests = told.explanation_requests([HISTORY], [ITEM])
    labels, facts = told.catalogue.labels, told.catalogue.facts
    own, cause = facts(ITEM)["platform"][0], facts(77)["platform"][0]
    assert own != cause
    causes = f'Yes. "{labels[77]}" is the main reason for it.'
    true = f' "{labels[ITEM]}" is for {own}, while "{labels[77]}" is for {cause}.'
    for said, kept in (
        (true, true),
        (true.replace(own, "Betamax"), ""),
        (true.replace(cause, "Betamax"), ""),
        (f' "{labels[ITEM]}" is part of the Betamax series, and so is "{labels[77]}".', ""),
    ):
        *_, (draft,) = Reviser(told).revise(requests, [measured(HISTORY, ITEM)], [causes + said])
        assert draft.text == causes + kept


def test_what_is_streamed_ends_as_what_is_explained(told):
    held = told.with_held_quotes().with_held_evidence()
    said = list(stream_explanation(held, HISTORY, ITEM))
    (whole,) = held.explain([HISTORY], [ITEM])
    assert said[-1] == whole and whole.revised > 0 and said[-2] == whole.text


def test_the_measurements_are_made_once_and_the_random_state_stays(told):
    calls = []

    def counted(history, item):
        calls.append(item)
        return measured(history, item)

    state = torch.random.get_rng_state()
    copy.copy(told).with_evidence(counted).with_held_evidence().explain([HISTORY], [ITEM])
    assert calls == [ITEM] and torch.equal(state, torch.random.get_rng_state())
