"""Injected vectors: as a model gives whose projections get them by hand, in batches, with caches, beams and threads."""

import copy
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from recx.alignment.training_mode import as_trained
from recx.decoding.generation import free_answers, greedy_text
from recx.decoding.state import DecodingState
from recx.errors import CheckpointError
from recx.models.aligned_model import AlignedModel
from recx.models.saved_models import build_aligned, load_aligned, save_aligned
from recx.prompts.entity_ids import EntityIds
from recx.prompts.tokens import IGNORED, Prompt, collate
from recx.settings import BackboneSettings, FitSettings

WORDS, ITEMS, WIDTH = 128, 9, 5
COMMON = dict(vocab_size=WORDS, hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=2,
              num_key_value_heads=1, head_dim=16, max_position_embeddings=256, initializer_range=0.2,
              pad_token_id=0, eos_token_id=1, bos_token_id=None)  # fmt: skip
WINDOWED = {"sliding_window": 24}
FAMILIES = {
    "llama": {}, "mistral": WINDOWED, "qwen2": {}, "qwen3": {}, "gemma": {}, "gemma2": WINDOWED,
    "gemma3_text": WINDOWED, "phi3": WINDOWED,
}  # fmt: skip
OTHERS = {"gpt2": {"n_embd": 32, "n_layer": 3, "n_head": 2}, "bloom": {"n_layer": 3, "n_head": 2}, "falcon": {}}


def backbone(name, more):
    torch.manual_seed(0)
    settings = {k: v for k, v in COMMON.items() if k != "head_dim" or name in FAMILIES}
    config = AutoConfig.for_model(name, **settings | more)
    config._attn_implementation = "eager"
    model = AutoModelForCausalLM.from_config(config).eval()
    for parameter in model.parameters():  # biases and norms start as zeros and ones, which hide mistakes
        torch.nn.init.normal_(parameter, std=0.2) if parameter.ndim > 1 else parameter.data.add_(0.1)
    return model


def aligned(base, inject=True, **more):
    torch.manual_seed(1)
    model = AlignedModel(base, torch.randn(ITEMS, WIDTH), torch.randn(4, WIDTH), inject=inject, **more).eval()
    for parameter in model.entities.item_projector.parameters():  # large enough to matter in every layer
        parameter.data.mul_(2.0)
    return model


@pytest.fixture(params=FAMILIES)
def model(request):
    return aligned(backbone(request.param, FAMILIES[request.param]))


def texts_of(rng, lengths):
    """Ids with two items and a user at random places."""
    texts = [rng.integers(2, WORDS, n) for n in lengths]
    for text in texts:
        places = rng.permutation(len(text))[:3]
        text[places] = [*(WORDS + rng.integers(1, ITEMS, 2)), EntityIds(WORDS, ITEMS).first("user")]
    return texts


def prompts_of(texts):
    generator = torch.Generator().manual_seed(3)
    return [Prompt(t.astype(np.int32), torch.randn(WIDTH, generator=generator)) for t in texts]


@torch.inference_mode()
def alone(model, prompt, ids):
    """Logits (T, V) of a text, read in one pass without a cache."""
    text = torch.from_numpy(np.asarray(ids, dtype=np.int64))[None]
    with model.reading(text, prompt.user[None]) as embeddings:
        return model.logits(model.decoder_outputs(inputs_embeds=embeddings, use_cache=False).last_hidden_state[0])


@pytest.mark.parametrize("name", FAMILIES)
def test_injection_is_as_projections_that_add_the_vectors(name, rng):
    base = backbone(name, FAMILIES[name])
    plain, model = aligned(copy.deepcopy(base), inject=False), aligned(base)
    ids = torch.from_numpy(np.stack(texts_of(rng, (12, 12))))
    with torch.no_grad():
        without = plain.backbone(input_ids=ids).logits
        vectors = torch.where((ids >= WORDS)[..., None], plain.embed(ids), 0.0)
        patched = 0
        for path, module in plain.backbone.named_modules():
            if path.endswith(("q_proj", "k_proj", "v_proj", "qkv_proj")):
                module.forward = lambda states, project=module.forward: project(states + vectors)
                patched += 1
        by_hand, found = plain.backbone(input_ids=ids).logits, model.backbone(input_ids=ids).logits
    assert patched == 3 * (1 if name == "phi3" else 3)
    assert torch.allclose(found, by_hand, rtol=1e-4, atol=1e-4)
    assert (found - without).abs().max() > 0.05 * without.abs().max()


def test_rows_of_a_batch_with_kept_prefixes_are_as_they_are_alone(model, rng):
    written = [t.tolist() for t in texts_of(rng, (40, 9, 27, 5))]
    prompts = prompts_of(np.array(t) for t in written)

    def check():
        for prompt, own, logits in zip(prompts, written, state.logits, strict=True):
            assert (alone(model, prompt, own)[-1] - logits).abs().max() < 3e-5 * logits.abs().max().clamp_min(1)

    with torch.inference_mode():
        state = DecodingState(model, prompts)
        check()
        tokens = rng.integers(2, WORDS, len(written))
        written = [[*own, int(t)] for own, t in zip(written, tokens, strict=True)]
        state.step(torch.from_numpy(tokens))
        check()
        state.select(torch.tensor([2, 0, 2, 1, 3]))
        prompts, written = ([these[n] for n in (2, 0, 2, 1, 3)] for these in (prompts, written))
        runs = texts_of(rng, (4, 7, 3, 9, 5))  # appended items are injected too
        runs = [np.where(run == EntityIds(WORDS, ITEMS).first("user"), 7, run).tolist() for run in runs]
        written = [own + run for own, run in zip(written, runs, strict=True)]
        state.extend(runs)
        check()


def test_beams_and_texts_are_those_of_a_prompt_alone(model, rng):
    prompts = prompts_of(texts_of(rng, (30, 7, 19)))
    together = free_answers(model, prompts, {1}, beams=3, returned=2, max_tokens=8, precision="float32")
    for prompt, answers in zip(prompts, together, strict=True):
        (single,) = free_answers(model, [prompt], {1}, beams=3, returned=2, max_tokens=8, precision="float32")
        assert [a.tolist() for a in answers] == [a.tolist() for a in single]
    own = greedy_text(model, prompts, {1}, 8, precision="float32")
    free = free_answers(model, prompts, {1}, max_tokens=8, precision="float32")
    assert [a.tolist() for a in own] == [a[0].tolist() for a in free]
    best = [int(alone(model, prompt, prompt.ids)[-1].argmax()) for prompt in prompts]
    assert [text[0] if len(text) else 1 for text in own] == best


def test_recomputed_layers_get_the_same_gradients(model, rng):
    rows = [{"input_ids": t, "labels": np.where(t < WORDS, t, IGNORED)} for t in texts_of(rng, (12, 8))]
    found = []
    for checkpointing in (False, True):
        model.train().zero_grad()
        with as_trained(model, FitSettings(precision="float32", gradient_checkpointing=checkpointing)):
            loss = model(**collate(rows))["loss"]
            loss.backward()
        found.append([loss.detach(), *(p.grad for p in model.entities.item_projector.parameters())])
    for one, two in zip(*found, strict=True):
        assert torch.allclose(one, two, rtol=1e-4, atol=1e-6) and one.abs().sum() > 0


def test_nothing_is_left_of_a_call(model, rng):
    ordinary = torch.from_numpy(rng.integers(2, WORDS, (2, 9)))
    first, second = prompts_of(texts_of(rng, (9, 30)))
    with torch.inference_mode():
        before = model.backbone(input_ids=ordinary).logits
        with pytest.raises(ZeroDivisionError), model.reading(torch.from_numpy(first.ids.astype(np.int64))[None]):
            1 / 0  # noqa: B018
        DecodingState(model, [first])
        assert torch.equal(model.backbone(input_ids=ordinary).logits, before)
        assert torch.equal(model.backbone(inputs_embeds=model.embed(ordinary)).logits, before)
    expected = [alone(model, p, p.ids) for p in (first, second)] * 8
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda p: alone(model, p, p.ids), [first, second] * 8))
    assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))


def test_injection_keeps_little_for_the_backward_pass():
    """The estimate of an alignment's memory leaves it out."""
    ids, base = torch.randint(2, WORDS, (1, 60)), backbone("llama", {})
    ids[0, ::12] = WORDS + 3
    kept = []
    for inject in (False, True):
        model, held = aligned(copy.deepcopy(base), inject).train(), {}
        own = {p.untyped_storage()._cdata for p in model.parameters()}

        def keep(tensor, held=held):
            held[tensor.untyped_storage()._cdata] = tensor
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
            states = model.decoder_outputs(input_ids=ids, use_cache=False).last_hidden_state
        kept.append(sum(t.untyped_storage().nbytes() for key, t in held.items() if key not in own))
        assert states.requires_grad
    assert kept[1] - kept[0] < 0.02 * kept[0]


@pytest.mark.parametrize("name", OTHERS)
def test_a_family_without_such_projections_is_refused(name):
    base = backbone(name, OTHERS[name])
    with pytest.raises(CheckpointError, match=f"'{name}'.*align.inject=false"):
        aligned(base)


def test_a_family_that_does_not_hand_vectors_on_is_refused(monkeypatch):
    base = backbone("llama", {})
    layer = base.model.layers[1]
    monkeypatch.setattr(layer, "forward", lambda states, **_: states)
    with pytest.raises(CheckpointError, match="not every layer"):
        aligned(base)


def test_there_is_nothing_to_inject_without_vectors():
    assert not AlignedModel(backbone("gpt2", OTHERS["gpt2"]), inject=True).inject


@pytest.mark.parametrize("settings", [{}, {"lora_rank": 4, "dtype": "float32"}, {"frozen": True, "dtype": "float32"}])
def test_a_saved_model_injects_again(settings, tmp_path, rng):
    settings = BackboneSettings(**settings)
    tables = torch.randn(ITEMS, WIDTH), torch.randn(4, WIDTH)
    model, _ = build_aligned(settings, *tables, projector="moe", inject=True)
    words = model.entities.vocabulary
    ids = torch.tensor([[5, words + 3, 9, EntityIds(words, ITEMS).first("user") + 1, 7]])
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.02 * torch.randn_like(parameter))
    save_aligned(model.eval(), settings, "hybrid", tmp_path, with_users=True)
    again, _, _ = load_aligned(tmp_path)
    with torch.inference_mode():
        expected = model.backbone(input_ids=ids).logits
        assert torch.equal(again.backbone(input_ids=ids).logits, expected)
        record = json.loads((tmp_path / "aligned.json").read_text())
        (tmp_path / "aligned.json").write_text(json.dumps(record | {"inject": False}))
        assert not torch.equal(load_aligned(tmp_path)[0].backbone(input_ids=ids).logits, expected)
