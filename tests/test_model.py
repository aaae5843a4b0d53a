"""Entity tokens, logits for answers only, and models that are saved and loaded."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    Cohere2Config,
    Gemma2Config,
    GraniteConfig,
    LlamaConfig,
    MistralConfig,
    Phi3Config,
    PreTrainedTokenizerBase,
    Qwen3Config,
)

from recx.errors import CheckpointError
from recx.models import saved_models
from recx.models.aligned_model import AlignedModel
from recx.models.backbones import autocast, load_backbone
from recx.models.entities import HalfWhitening, variance_spectrum
from recx.models.quantisation import frozen_dtype
from recx.models.saved_models import SharedBackbone, build_aligned, continue_from, load_aligned, save_aligned
from recx.prompts.entity_ids import EntityIds
from recx.prompts.tokens import IGNORED, Prompt, collate, user_vectors
from recx.recommenders.devices import preferred_device
from recx.settings import BackboneSettings
from recx.storage.tensors import trainable

SHAPE = dict(vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2,
             intermediate_size=48, head_dim=16, pad_token_id=0, eos_token_id=1, bos_token_id=None)  # fmt: skip
CONFIGS = [LlamaConfig, Qwen3Config, MistralConfig, Gemma2Config, Phi3Config]


def tiny(kind=LlamaConfig, tied=True, entities=True):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(kind(**SHAPE, tie_word_embeddings=tied))
    items, users = torch.randn(6, 5), torch.randn(4, 5)
    return AlignedModel(model, items, users) if entities else AlignedModel(model)


def batch(rng, rows=4, length=12, entities=True):
    ids = torch.from_numpy(rng.integers(2, 64, size=(rows, length)))
    if entities:
        ids[:, 2], ids[:, 4] = 64 + 3, EntityIds(64, 6).first("user") + 1  # item 3 and user 1
    labels = ids.clone()
    labels[:, :7] = IGNORED
    return ids, labels


@pytest.mark.parametrize("kind", CONFIGS)
def test_relation_tokens_work_in_any_backbone(kind, rng):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(kind(**SHAPE))
    model = AlignedModel(model, torch.randn(6, 5), torch.randn(4, 5), relations=True)
    ids, labels = batch(rng)
    ids[:, 0], ids[:, 1] = 64 + 6 + 2, 64 + 6 + 5  # what items 2 and 5 have to do with item 3, for user 1
    loss = model(ids, labels)["loss"]
    loss.backward()
    assert model.entities.relation_projector.weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in model.entities.relations.parameters()), "the encoder stays as it was fitted"
    with torch.inference_mode():
        model.entities.relation_projector.weight.zero_()
        assert not torch.allclose(model.eval()(ids, labels)["loss"], loss), "the tokens are read"


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", CONFIGS)
def test_entities_work_in_any_backbone(kind, tied, rng):
    model = tiny(kind, tied)
    ids, labels = batch(rng)
    loss = model(ids, labels)["loss"]
    loss.backward()
    assert model.entities.item_projector.inner.weight.grad.abs().sum() > 0
    assert model.entities.user_projector.outer.weight.grad.abs().sum() > 0
    out = model.eval().backbone.generate(
        input_ids=ids[:1], max_new_tokens=3, num_beams=2, do_sample=False, pad_token_id=0
    )
    assert out.shape[1] <= ids.shape[1] + 3 and out[:, ids.shape[1] :].max() < 64, "no entity token is written"
    if tied:
        assert model.backbone.get_output_embeddings().weight is model.entities.base.weight


def test_answer_only_loss_equals_the_plain_one(rng):
    model = tiny().eval()
    ids, labels = batch(rng)
    logits = model.backbone(input_ids=ids).logits
    plain = torch.nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED
    )
    assert torch.allclose(model(ids, labels)["loss"], plain, atol=1e-5)


SCALED = [(Gemma2Config, {"final_logit_softcapping": 2.0}), (GraniteConfig, {"logits_scaling": 7.0}),
          (Cohere2Config, {"logit_scale": 0.3})]  # fmt: skip


@pytest.mark.parametrize("kind, more", [*((kind, {}) for kind in CONFIGS), *SCALED])
def test_logits_of_single_positions_are_those_of_the_whole_forward_pass(kind, more, rng):
    torch.manual_seed(0)
    model = AlignedModel(AutoModelForCausalLM.from_config(kind(**SHAPE, **more))).eval()
    ids, _ = batch(rng, entities=False)
    whole = model.backbone(input_ids=ids).logits
    states = model.decoder_outputs(input_ids=ids).last_hidden_state
    assert torch.allclose(model.logits(states[:, 3]), whole[:, 3], atol=1e-6)


def test_right_padding_without_a_mask_changes_nothing(rng):
    model = tiny().eval()
    rows = [{"input_ids": r, "labels": r.copy()} for r in (rng.integers(2, 64, 5), rng.integers(2, 64, 11))]
    both = collate(rows)
    assert both["input_ids"].shape == (2, 16) and collate(rows, multiple=1)["labels"].shape == (2, 11)
    together = model.backbone(input_ids=both["input_ids"]).logits
    for n, row in enumerate(rows):
        alone = model.backbone(input_ids=torch.from_numpy(row["input_ids"])[None]).logits[0]
        assert torch.allclose(together[n, : len(alone)], alone, atol=1e-5)


def test_a_vector_decides_what_the_model_says(rng):
    model = tiny().eval()
    ids, labels = batch(rng)
    rows = model.entities.users[1].expand(len(ids), -1)  # user 1 stands in every row
    assert torch.equal(model.embed(ids), model.embed(ids, rows))
    others = model.embed(ids, rows * 3)
    assert torch.equal((others != model.embed(ids)).any(2), ids == EntityIds(64, 6).first("user") + 1), (
        "only the user token changes"
    )


@pytest.mark.parametrize("rank", [0, 4])
def test_saved_model_loads_back_to_the_same_outputs(tmp_path, rank, rng):
    settings = BackboneSettings(lora_rank=rank)
    items, users = torch.randn(7, 5), torch.randn(4, 5)
    model, tokenizer = build_aligned(settings, items, users, seed=1)
    assert isinstance(tokenizer, PreTrainedTokenizerBase)
    if rank:
        assert sum(p.numel() for p in trainable(model).values()) < 0.2 * sum(p.numel() for p in model.parameters())
    with torch.no_grad():
        for parameter in trainable(model).values():
            parameter.add_(0.01 * torch.randn_like(parameter))
    save_aligned(model, settings, "hybrid", tmp_path, with_users=True)
    again, _, mode = load_aligned(tmp_path)
    ids = torch.tensor([[5, 6, 4096 + 3, 9, EntityIds(4096, 7).first("user") + 2, 11, 12]], device=preferred_device())
    assert mode == "hybrid"
    started, _ = build_aligned(settings, items, users, seed=2)
    continue_from(started, tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(trainable(started).values(), trainable(model).values(), strict=True))
    fresh, _ = build_aligned(settings, items, users, seed=2)
    halfway, _ = build_aligned(settings, items, users, seed=2)
    continue_from(halfway, tmp_path, weight=0.5)
    for (name, mean), a, b in zip(
        trainable(halfway).items(), trainable(fresh).values(), trainable(model).values(), strict=True
    ):
        assert torch.allclose(mean, b if "_projector." in name or "lora_A" in name else (a + b) / 2, atol=1e-6)
    labels = ids.masked_fill(ids >= 4096, IGNORED)
    with autocast("auto", "cpu"):
        assert torch.equal(model.eval()(ids, labels)["loss"], again(ids, labels)["loss"])
    adapters = {p.dtype for name, p in again.named_parameters() if "lora_" in name}
    assert adapters == ({frozen_dtype(settings)} if rank else set()), "autocast would convert them at every step"
    tuned = trainable(load_aligned(tmp_path, tunable=True)[0])
    assert {p.dtype for p in tuned.values()} == {torch.float32}
    assert {p.suffix for p in tmp_path.iterdir()} == {".json", ".safetensors"}


def test_adapted_models_share_the_backbone_in_memory(tmp_path):
    settings = BackboneSettings(lora_rank=4)
    items, users = torch.randn(7, 5), torch.randn(4, 5)
    shared = SharedBackbone.load(settings)
    ids = torch.tensor([[5, 6, 4096 + 3, 9, EntityIds(4096, 7).first("user") + 2, 11, 12]], device=preferred_device())
    labels = ids.masked_fill(ids >= 4096, IGNORED)
    losses = {}
    for seed, mode in enumerate(("intention", "hybrid")):
        model, _ = build_aligned(settings, items, users, seed, shared=shared)
        with torch.no_grad():
            for parameter in trainable(model).values():
                parameter.add_(0.05 * torch.randn_like(parameter))
        save_aligned(model, settings, mode, tmp_path / mode, with_users=True)
        with autocast("auto", "cpu"):
            losses[mode] = model.eval()(ids, labels)["loss"]
    models = {mode: load_aligned(tmp_path / mode, shared)[0] for mode in losses}
    with autocast("auto", "cpu"):
        assert {mode: model(ids, labels)["loss"] for mode, model in models.items()} == losses
    assert losses["intention"] != losses["hybrid"]
    frozen = {p.data_ptr() for p in shared.model.parameters()}
    for model in models.values():
        own = [p for p in model.parameters() if p.data_ptr() not in frozen]
        assert sum(p.numel() for p in own) < 0.2 * sum(p.numel() for p in shared.model.parameters())
    text, alone = torch.tensor([[5, 6, 9]]), load_backbone("recx-tiny", dtype=shared.model.dtype)[0].eval()
    assert torch.equal(AlignedModel(shared.model)(text, text)["loss"], AlignedModel(alone)(text, text)["loss"])


def test_a_backbone_tuned_whole_is_copied():
    settings = BackboneSettings()
    shared = SharedBackbone.load(settings)
    before = [p.clone() for p in shared.model.parameters()]
    model, _ = build_aligned(settings, torch.randn(7, 5), torch.randn(4, 5), shared=shared)
    with torch.no_grad():
        for parameter in trainable(model).values():
            parameter.add_(1.0)
    assert all(torch.equal(a, b) for a, b in zip(before, shared.model.parameters(), strict=True))
    assert not any(p.requires_grad for p in shared.model.parameters())


def test_loading_a_backbone_is_silent(capfd):
    load_backbone("recx-tiny")
    assert capfd.readouterr() == ("", "")


def test_users_and_items_start_in_one_space_and_part_when_trained():
    model, _ = build_aligned(BackboneSettings(), torch.randn(7, 5), torch.randn(4, 5))
    items, users = model.entities.item_projector, model.entities.user_projector
    for one, two in zip(items.parameters(), users.parameters(), strict=True):
        assert torch.equal(one, two) and one.data_ptr() != two.data_ptr()


def test_whitening_takes_the_fourth_root_of_every_direction(rng):
    spread = np.array([10.0, 3.0, 1.0, 0.3])
    turned = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    vectors = torch.from_numpy(rng.normal(size=(5000, 4)) * spread @ turned + 7.0).float()
    found = HalfWhitening(vectors)(vectors)
    assert torch.allclose(found.mean(0), torch.zeros(4), atol=1e-4) and found.std().item() == pytest.approx(1, abs=0.01)
    sizes = (found @ torch.from_numpy(turned.T).float()).std(0).numpy()
    wanted = spread / (spread**2 + 0.01 * np.mean(spread**2)) ** 0.25
    assert sizes / sizes[0] == pytest.approx(wanted / wanted[0], rel=0.1)


@pytest.mark.parametrize(
    "vectors", [torch.zeros(0, 3), torch.ones(1, 3), torch.ones(4, 3), torch.tensor([[1.0, 0.5, 2.0]] * 3)]
)
def test_whitening_of_nothing_leaves_vectors_as_they_are(vectors):
    some = torch.randn(5, 3)
    assert torch.equal(HalfWhitening(vectors)(some), some)


@pytest.mark.parametrize("harm", ["cut weights", "cut tables", "other names", "odd tables", "no json", "odd mode"])
def test_damaged_model_is_a_clear_error(tmp_path, harm):
    settings = BackboneSettings()
    model, _ = build_aligned(settings, torch.randn(7, 5), torch.randn(4, 5))
    save_aligned(model, settings, "hybrid", tmp_path)
    record = json.loads((tmp_path / "aligned.json").read_text())
    if harm == "cut weights":
        (tmp_path / "weights.safetensors").write_bytes((tmp_path / "weights.safetensors").read_bytes()[:1000])
    elif harm == "cut tables":
        (tmp_path / "entities.safetensors").write_bytes(b"")
    elif harm == "other names":
        (tmp_path / "weights.safetensors").write_bytes((tmp_path / "entities.safetensors").read_bytes())
    elif harm == "odd tables":
        tables = load_file(tmp_path / "entities.safetensors")
        save_file(tables | {"user_whitening.turn": torch.ones(1)}, tmp_path / "entities.safetensors")
    elif harm == "no json":
        (tmp_path / "aligned.json").unlink()
    else:
        (tmp_path / "aligned.json").write_text(json.dumps(record | {"mode": "psychic"}))
    with pytest.raises(CheckpointError):
        load_aligned(tmp_path)


def test_vectors_of_one_number_are_whitened_too():
    vectors = torch.randn(200, 1) * 7 + 3
    found = HalfWhitening(vectors)(vectors)
    assert found.std().item() == pytest.approx(1, abs=0.01) and variance_spectrum(vectors).shape == (1,)


def test_a_model_that_was_half_written_over_another_is_none(tmp_path, monkeypatch):
    settings = BackboneSettings()
    model, _ = build_aligned(settings, torch.randn(7, 5), torch.randn(4, 5))
    save_aligned(model, settings, "hybrid", tmp_path)
    load_aligned(tmp_path)

    def interrupted(tensors, path):
        if path.name == "entities.safetensors":
            raise KeyboardInterrupt
        save_file(tensors, path)

    monkeypatch.setattr(saved_models, "save_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_aligned(model, settings, "hybrid", tmp_path)
    with pytest.raises(CheckpointError):
        load_aligned(tmp_path)


def test_a_saved_model_has_no_user_of_training(tmp_path):
    settings = BackboneSettings()
    model, _ = build_aligned(settings, torch.randn(7, 5), torch.randn(4, 5))
    save_aligned(model, settings, "hybrid", tmp_path)
    assert load_file(tmp_path / "entities.safetensors")["users"].shape == (0, 5)
    again, _, _ = load_aligned(tmp_path)
    ids = torch.tensor([[5, 6, 4096 + 3, 9, EntityIds(4096, 7).first("user"), 11]], device=preferred_device())
    with torch.inference_mode(), autocast("auto", "cpu"):
        one, two = (m.eval()(ids, ids.clamp(max=4095), torch.ones(1, 5))["loss"] for m in (model, again))
    assert torch.equal(one, two), "a prompt has the vector of its own user"


def test_adapters_are_interpolated_as_the_product_that_they_are(tmp_path):
    settings = BackboneSettings(lora_rank=4)
    items, users = torch.randn(7, 5), torch.randn(4, 5)
    model, _ = build_aligned(settings, items, users)
    with torch.no_grad():
        for parameter in trainable(model).values():
            parameter.add_(0.05 * torch.randn_like(parameter))
    save_aligned(model, settings, "hybrid", tmp_path)
    part, _ = build_aligned(settings, items, users, seed=3)
    continue_from(part, tmp_path, weight=0.8)
    whole, scaled = trainable(model), trainable(part)
    for name in whole:
        if "lora_B" in name:
            down = name.replace("lora_B", "lora_A")
            assert torch.allclose(scaled[name] @ scaled[down], 0.8 * whole[name] @ whole[down], atol=1e-6)


def test_prompts_with_and_without_a_user_do_not_mix():
    ids, user = np.array([5, 6]), torch.ones(5)
    assert user_vectors([Prompt(ids), Prompt(ids)]) is None
    assert user_vectors([Prompt(ids, user)]).shape == (1, 5)
    with pytest.raises(ValueError, match="cannot be in one batch"):
        user_vectors([Prompt(ids), Prompt(ids, user)])
