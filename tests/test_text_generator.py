"""Long generation: texts are stored row by row under a hash of prompt and model; examples are earlier turns."""

import copy
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from recx.data.demo import demo_catalogue
from recx.decoding import generation
from recx.errors import SettingsError
from recx.explaining import text_generator as module
from recx.explaining.aligned import ZERO_SHOT_TOKENS, AlignedExplainer
from recx.models.aligned_model import AlignedModel
from recx.playground.streaming import stream_explanation
from recx.prompts.pieces import Title
from recx.prompts.wordings import ZERO_SHOT
from recx.storage.text_store import TextStore

CATALOGUE = demo_catalogue()
HISTORIES = [np.array([3, 5, n]) for n in range(10, 18)]
ITEMS = list(range(30, 38))


class Target:
    """A target whose user vectors are means of random item vectors."""

    length = 10

    def __init__(self, seed=0):
        torch.manual_seed(seed)
        self.vectors = torch.randn(len(CATALOGUE) + 1, 8)

    def encode_users(self, histories):
        return self.vectors[histories].mean(1)

    def item_vectors(self):
        return self.vectors

    def score(self, histories):
        return self.encode_users(histories) @ self.vectors.T


def build(backbone, mode="behavior", seed=0):
    model, tokenizer = backbone
    target = Target(seed)
    torch.manual_seed(0)
    items = target.item_vectors() if mode != "behavior" else None
    return AlignedExplainer(
        AlignedModel(copy.deepcopy(model), items).eval(), tokenizer, mode, CATALOGUE, target, 10, "float32"
    )


def test_texts_kept_in_memory_are_those_of_their_question(backbone):
    explainer = build(backbone)
    wanted = [[e.text for e in explainer.explain([h], [i])] for h, i in zip(HISTORIES[:2], ITEMS[:2], strict=True)]
    kept = explainer.with_store(TextStore(None))
    asked = [[e.text for e in kept.explain([h], [i])] for h, i in zip(HISTORIES[:2], ITEMS[:2], strict=True)]
    assert asked == wanted and wanted[0] != wanted[1]


def test_stopped_it_goes_on_row_by_row(backbone, tmp_path, monkeypatch):
    explainer, store = build(backbone), TextStore(tmp_path / "texts.jsonl")
    wanted = [e.text for e in explainer.explain(HISTORIES, ITEMS)]
    monkeypatch.setattr(module, "BATCH", 2)
    whole, calls = generation.greedy_text, []

    def stops(*args, **more):
        calls.append(len(args[1]))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return whole(*args, **more)

    monkeypatch.setattr(generation, "greedy_text", stops)
    with pytest.raises(KeyboardInterrupt):
        explainer.with_store(store).explain(HISTORIES, ITEMS)
    assert len(TextStore(store.path)) == 4
    assert [e.text for e in explainer.with_store(TextStore(store.path)).explain(HISTORIES, ITEMS)] == wanted
    assert sum(calls) == 2 + 2 + 2 + 4  # the third batch was lost, and nothing else done twice
    assert [
        e.text for e in explainer.with_store(TextStore(store.path)).explain(HISTORIES[::-1], ITEMS[::-1])
    ] == wanted[::-1]
    assert sum(calls) == 10


def test_another_question_or_model_has_texts_of_its_own(backbone, tmp_path):
    store = TextStore(tmp_path / "texts.jsonl")
    explainer = build(backbone)
    explainer.with_store(store).explain(HISTORIES[:1], ITEMS[:1])
    for count, (history, item, wish) in enumerate(
        [(HISTORIES[1], ITEMS[0], ""), (HISTORIES[0], ITEMS[1], ""), (HISTORIES[0], ITEMS[0], "Use one sentence.")], 2
    ):
        explainer.with_store(store).explain([history], [item], wish)
        assert len(store) == count
    other, same = build(backbone, "intention"), build(backbone, "intention")
    assert other.text_generator.identity == same.text_generator.identity != explainer.text_generator.identity
    assert build(backbone, "intention", seed=1).text_generator.identity != other.text_generator.identity


def test_what_was_not_trained_is_told_and_does_not_end_at_its_decision(backbone):
    explainer = build(backbone)
    # A model that has learnt to end at once: the end is more probable than anything else.
    head = explainer.model.backbone.get_output_embeddings()
    ends = sorted(explainer.encoder.ends | explainer.model.ends)

    def favour(_, __, logits):
        logits = logits.clone()
        logits[..., ends] += 1000.0
        return logits

    hook = head.register_forward_hook(favour)
    try:
        plain = explainer.explain(HISTORIES[:3], ITEMS[:3])
        told = explainer.with_zero_shot_prompt()
        texts = [e.text for e in told.explain(HISTORIES[:3], ITEMS[:3], "Be brief.")]
        (*_, streamed) = stream_explanation(told, HISTORIES[0], ITEMS[0], "Be brief.")
    finally:
        hook.remove()
    assert [e.text for e in plain] == [""] * 3
    for text in texts:
        assert len(explainer.encoder.tokenizer(text, add_special_tokens=False)["input_ids"]) >= ZERO_SHOT_TOKENS - 4
    assert streamed.text == texts[0]
    assert ZERO_SHOT in told.prompt_text(HISTORIES[0], ITEMS[0], "Be brief.")
    assert told.prompt_text(HISTORIES[0], ITEMS[0], "Be brief.").endswith("Be brief.")
    assert ZERO_SHOT not in explainer.prompt_text(HISTORIES[0], ITEMS[0])


def test_held_quotes_are_of_the_history_and_kept_apart(backbone, tmp_path):
    """The untrained hybrid model cites random titles if it is not constrained."""
    explainer, store = build(backbone, "hybrid"), TextStore(tmp_path / "texts.jsonl")
    unheld = explainer.with_store(store).explain(HISTORIES, ITEMS)
    held = explainer.with_held_quotes().with_store(store).explain(HISTORIES, ITEMS)
    assert len(store) == 2 * len(HISTORIES) and not explainer.holds_quotes
    assert all(c.in_history for e in held for c in e.citations) and any(e.citations for e in held)
    assert [e.text for e in held] != [e.text for e in unheld]


def test_a_user_vector_is_known_by_what_it_holds_not_by_its_place(backbone, tmp_path):
    explainer, store = build(backbone, "intention"), TextStore(tmp_path / "texts.jsonl")
    explainer.with_store(store).explain(HISTORIES[:3], ITEMS[:3])
    explainer.with_store(store).explain(HISTORIES[2:3], ITEMS[2:3])
    assert len(store) == 3
    explainer.with_target(Target(5)).with_store(store).explain(HISTORIES[2:3], ITEMS[2:3])
    assert len(store) == 4


def test_calls_of_several_threads_do_not_mix_their_users(backbone, tmp_path):
    """Each call carries the vectors of its users, so no answer depends on an earlier call."""
    explainer = build(backbone, "intention")
    histories = [np.array([n, n + 1, n + 2]) for n in range(1, 40, 3)]
    alone = [explainer.predict([h], [40])[0].probability for h in histories]
    keys = [explainer.text_generator.key(p, 8) for p in explainer.prompts(explainer.requests("retrieval", histories))]
    assert len(set(keys)) == len(set(alone)) == len(histories)

    def ask(n):
        time.sleep(0.001 * (n % 3))
        (prompt,) = explainer.prompts(explainer.requests("retrieval", [histories[n % len(histories)]]))
        return explainer.predict([histories[n % len(histories)]], [40])[0].probability, explainer.text_generator.key(
            prompt, 8
        )

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(4 * len(histories))))
    for n, (probability, key) in enumerate(answers):
        assert probability == pytest.approx(alone[n % len(histories)], abs=1e-6)
        assert key == keys[n % len(histories)]


def test_worked_examples_are_earlier_turns(backbone):
    explainer = build(backbone)
    shots = {"preference": [(["Is it good? ", Title(4)], ["Yes"]), (["And ", Title(5)], ["No"])]}
    shown = explainer.with_shots(shots)
    ids = shown.prompts(shown.requests("preference", HISTORIES[:1], [[30]]))[0].ids
    text = explainer.encoder.tokenizer.decode(ids)
    assert text.count("<|user|>") == 3 and text.count("<|assistant|>") == 3 and text.count("<|end|>") == 2
    assert text.index(CATALOGUE.labels[4]) < text.index(CATALOGUE.labels[5]) < text.index(CATALOGUE.labels[30])
    assert text.endswith("<|assistant|>") and '"<|assistant|>Yes<|end|><|user|>And "' in text
    assert not explainer.shots and len(shown.predict(HISTORIES[:1], [30])) == 1
    with pytest.raises(SettingsError, match="reads vectors"):
        build(backbone, "intention").with_shots(shots)
