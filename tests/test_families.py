"""Tiny random backbones of all families: batching does not change a row, and entities start like ordinary tokens."""

import copy

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from recx.decoding.generation import free_answers, greedy_text
from recx.decoding.state import DecodingState
from recx.models.aligned_model import AlignedModel
from recx.prompts.tokens import IGNORED, Prompt, collate

WINDOW = 24
COMMON = dict(vocab_size=128, hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=2,
              num_key_value_heads=1, head_dim=16, max_position_embeddings=256, initializer_range=0.2,
              pad_token_id=0, eos_token_id=1, bos_token_id=None)  # fmt: skip
OF_GPT = dict(vocab_size=128, n_embd=32, n_layer=2, n_head=2, n_positions=256, n_inner=48, initializer_range=0.2,
              pad_token_id=0, eos_token_id=1, bos_token_id=None)  # fmt: skip
WINDOWED = {"sliding_window": WINDOW}
MIXED = {"sliding_window": WINDOW, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}
FAMILIES = {
    "llama": {}, "mistral": WINDOWED, "qwen2": {}, "qwen3": {}, "gemma": {}, "gemma2": MIXED, "gemma3_text": MIXED,
    "phi3": WINDOWED, "gpt2": OF_GPT, "gpt_neox": {}, "opt": {"ffn_dim": 48, "word_embed_proj_dim": 32},
    "bloom": {"n_layer": 2, "n_head": 2}, "falcon": {"alibi": False}, "falcon-alibi": {"alibi": True}, "cohere": {},
    "cohere2": MIXED, "gpt_oss": MIXED | {"num_local_experts": 4, "num_experts_per_tok": 2},
    "olmo2": {}, "stablelm": {}, "smollm3": {"no_rope_layers": [1, 1, 0]},
    "granite": {"embedding_multiplier": 12.0, "logits_scaling": 8.0, "residual_multiplier": 0.22},
    "gpt_neo": {"attention_types": [[["global", "local", "local"], 1]], "window_size": WINDOW},
    "mpt": {"d_model": 32, "n_heads": 2, "n_layers": 2, "expansion_ratio": 2, "max_seq_len": 256},
}  # fmt: skip


def backbone(name):
    torch.manual_seed(0)
    settings = OF_GPT if name == "gpt2" else COMMON | FAMILIES[name]
    if name.startswith("falcon"):
        settings = {key: value for key, value in settings.items() if key != "head_dim"}
    config = AutoConfig.for_model(name.removesuffix("-alibi"), **settings)
    config._attn_implementation = "eager"
    model = AutoModelForCausalLM.from_config(config).eval()
    for parameter in model.parameters():  # biases and norms start as zeros and ones, which hide mistakes
        torch.nn.init.normal_(parameter, std=0.2) if parameter.ndim > 1 else parameter.data.add_(0.1)
    return model


@pytest.fixture(params=FAMILIES)
def family(request):
    return AlignedModel(backbone(request.param)).eval()


def prompts_of(rng, lengths):
    return [Prompt(rng.integers(2, 128, n).astype(np.int32)) for n in lengths]


@torch.inference_mode()
def alone(model, ids):
    return model.backbone(input_ids=torch.from_numpy(np.asarray(ids, dtype=np.int64))[None], use_cache=False).logits[0]


def test_rows_of_a_batch_are_as_they_are_alone(family, rng):
    prompts = prompts_of(rng, (2 * WINDOW + 5, 9, WINDOW + 3, WINDOW - 2))
    written = [p.ids.tolist() for p in prompts]

    def check():
        for own, logits in zip(written, state.logits, strict=True):
            assert (alone(family, own)[-1] - logits).abs().max() < 3e-5 * logits.abs().max().clamp_min(1)

    with torch.inference_mode():
        state = DecodingState(family, prompts)
        check()
        for _ in range(2):
            tokens = rng.integers(2, 128, len(written))
            written = [[*own, int(t)] for own, t in zip(written, tokens, strict=True)]
            state.step(torch.from_numpy(tokens))
            check()
        runs = [rng.integers(2, 128, n).tolist() for n in (1, 7, 3, WINDOW + 4)]
        written = [own + run for own, run in zip(written, runs, strict=True)]
        state.extend(runs)
        check()
        state.select(torch.tensor([2, 0, 2, 1, 3]))
        written = [written[n] for n in (2, 0, 2, 1, 3)]
        for lengths in ((2, 1, 4, 1, 1), (1, 1, 1, 1, 1), (3, 9, 1, 2, 2)):
            runs = [rng.integers(2, 128, n).tolist() for n in lengths]
            written = [own + run for own, run in zip(written, runs, strict=True)]
            state.extend(runs)
            check()


@torch.inference_mode()
def test_runs_are_compared_without_being_written(family, rng):
    prompts = prompts_of(rng, (WINDOW + 5, 9))
    state = DecodingState(family, prompts)
    state.extend([rng.integers(2, 128, n).tolist() for n in (1, 4)])
    before, logits = copy.deepcopy(state), state.logits.clone()
    runs = [rng.integers(2, 128, n).tolist() for n in (3, 1, WINDOW + 2)]
    found = state.log_probs(1, runs)
    for run, own in zip(runs, found, strict=True):
        one, total = copy.deepcopy(before), 0.0
        for token in run:
            total += float(one.logits[1].log_softmax(-1)[token])
            one.step(torch.tensor([5, token]))
        assert float(own) == pytest.approx(total, rel=1e-4)
    assert torch.equal(state.logits, logits)
    state.extend([[7, 8], [9]])  # as if nothing had been compared
    before.extend([[7, 8], [9]])
    assert torch.allclose(state.logits, before.logits, rtol=1e-4, atol=1e-4)


def test_free_answers_are_those_of_own_greedy_decoding(family, rng):
    prompts = prompts_of(rng, (2 * WINDOW, 7, WINDOW + 3))
    own = greedy_text(family, prompts, {1}, 12, precision="float32")
    free = free_answers(family, prompts, {1}, max_tokens=12, precision="float32")
    assert [a.tolist() for a in own] == [a[0].tolist() for a in free]
    (single,) = greedy_text(family, prompts[1:2], {1}, 12, precision="float32")
    assert single.tolist() == own[1].tolist()


def test_rows_are_learnt_as_they_are_alone(family, rng):
    ids = [rng.integers(2, 128, n) for n in (2 * WINDOW, 7)]
    rows = [{"input_ids": r, "labels": np.where(np.arange(len(r)) > 4, r, IGNORED)} for r in ids]
    with torch.inference_mode():
        both = family(**collate(rows))["loss"]
        each = [family(**collate([row], multiple=1))["loss"] * (len(row["labels"]) - 5) for row in rows]
    assert both.item() == pytest.approx(sum(each).item() / (2 * WINDOW + 7 - 10), rel=1e-5)


def test_embeddings_go_in_as_ids_do(family, rng):
    """Prompts are passed as embeddings, training rows as ids: a backbone that scales embeddings must scale both."""
    ids = torch.from_numpy(rng.integers(2, 128, (2, 9)))
    with torch.inference_mode():
        one, two = (
            family.decoder_outputs(**given).last_hidden_state
            for given in ({"input_ids": ids}, {"inputs_embeds": family.embed(ids)})
        )
    assert torch.equal(one, two)


def test_entities_start_as_large_as_ordinary_tokens(family, rng):
    entities = AlignedModel(family.backbone, torch.randn(60, 16), torch.randn(9, 16)).entities
    with torch.no_grad():
        text, vectors = (
            entities(ids[None])[0].pow(2).mean().sqrt().item() for ids in (torch.arange(1, 128), torch.arange(129, 188))
        )
    assert vectors == pytest.approx(text, rel=0.3)
