"""Projectors: their start, what they learn, the gate's noise, and training them alone beside a frozen backbone."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from small_training import SEED, SETTINGS, small_model, small_rows
from torch.nn import functional

from recx.alignment.memory_estimate import estimate_memory, require_memory
from recx.alignment.optimizers import build_optimizer
from recx.alignment.trainer import fit
from recx.errors import CheckpointError, SettingsError
from recx.models.projectors import DROPOUT, EXPERTS, build_projector, count_parameters
from recx.models.saved_models import SharedBackbone, build_aligned, continue_from, load_aligned, save_aligned
from recx.prompts.tokens import IGNORED
from recx.settings import PROJECTORS, AlignSettings, BackboneSettings, FitSettings
from recx.storage.tensors import trainable

FROZEN = BackboneSettings(frozen=True, dtype="float32")
TABLES = torch.randn(10, 5, generator=torch.Generator().manual_seed(0)).split([6, 4])


def rows_for(model):
    """The rows of a small training with the ids of entities above this model's vocabulary."""
    rows = small_rows()
    return dataclasses.replace(rows, ids=rows.ids + (rows.ids >= 64) * (model.entities.vocabulary - 64))


@pytest.mark.parametrize("kind", PROJECTORS)
def test_vectors_start_at_the_given_scale(kind):
    torch.manual_seed(0)
    projector = build_projector(kind, 64, 128, 0.03).eval()
    with torch.no_grad():
        assert projector(torch.randn(400, 64)).pow(2).mean().sqrt().item() == pytest.approx(0.03, rel=0.1)


@pytest.mark.parametrize("kind", PROJECTORS)
def test_a_planted_mapping_is_learnt(kind):
    torch.manual_seed(0)
    planted, vectors = torch.randn(6, 16), torch.randn(400, 6)
    wanted, projector = vectors @ planted, build_projector(kind, 6, 16, 1.0)
    optimizer = torch.optim.Adam(projector.parameters(), lr=0.03)
    for _ in range(300):
        optimizer.zero_grad()
        functional.mse_loss(projector(vectors), wanted).backward()
        optimizer.step()
    unseen = torch.randn(200, 6)
    with torch.no_grad():
        error = functional.mse_loss(projector.eval()(unseen), unseen @ planted).item()
    assert error < 0.1 * wanted.var().item()


def test_experts_share_out_kinds_of_vectors():
    """Vectors of two kinds need two mappings, which no single linear one is."""
    torch.manual_seed(0)
    planted = torch.randn(2, 4, 8)

    def draw(count):
        kind, vectors = torch.randint(2, (count,)), torch.randn(count, 4)
        signs = 3.0 * functional.one_hot(kind, 2)
        return torch.cat([vectors, signs], 1), torch.einsum("mi,mih->mh", vectors, planted[kind])

    errors = {}
    for kind in ("linear", "moe"):
        projector = build_projector(kind, 6, 8, 1.0)
        optimizer = torch.optim.Adam(projector.parameters(), lr=0.02)
        for _ in range(400):
            vectors, wanted = draw(200)
            optimizer.zero_grad()
            functional.mse_loss(projector(vectors), wanted).backward()
            optimizer.step()
        vectors, wanted = draw(1000)
        with torch.no_grad():
            errors[kind] = functional.mse_loss(projector.eval()(vectors), wanted).item() / wanted.var().item()
    assert errors["linear"] > 0.3 and errors["moe"] < 0.5 * errors["linear"], errors


def test_the_gate_is_noisy_in_training_alone():
    torch.manual_seed(0)
    projector, vectors = build_projector("moe", 6, 16, 1.0), torch.randn(5, 6)
    with torch.no_grad():
        projector.gate.copy_(torch.randn(6, EXPERTS))
        assert not torch.equal(projector.weights(vectors), projector.weights(vectors))
        many = torch.stack([projector.weights(vectors).log() for _ in range(4000)])
        noise = (many - many.mean(-1, keepdim=True)).std(0)  # of a logit, less that of the mean of all eight
        size = functional.softplus(torch.zeros(1)).item() + 0.01
        assert torch.allclose(noise, torch.full_like(noise, size * (1 - 1 / EXPERTS) ** 0.5), rtol=0.08)
        projector.noise.fill_(-1e3)
        quiet = torch.stack([projector.weights(vectors.abs()) for _ in range(50)])
        assert quiet.std(0).max() < 0.02, "its size is learnt"
        projector.eval()
        weights = projector.weights(vectors)
        assert torch.equal(weights, (vectors @ projector.gate).softmax(-1))
        by_hand = sum(weights[:, n, None] * expert(vectors) for n, expert in enumerate(projector.experts))
        assert torch.allclose(projector(vectors), by_hand, atol=1e-5)
        assert torch.equal(projector(vectors), projector(vectors))


def test_each_expert_drops_its_own_components_in_training_alone():
    torch.manual_seed(0)
    projector = build_projector("moe", 50, 50, 1.0)
    seen = []
    for expert in projector.experts:
        expert.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    ones = torch.ones(40, 50)
    projector(ones)
    dropped = torch.stack(seen) == 0
    assert dropped.float().mean().item() == pytest.approx(DROPOUT, abs=0.02)
    assert not torch.equal(dropped[0], dropped[1]) and (seen[0][~dropped[0]] == 1 / (1 - DROPOUT)).all()
    projector.eval()(ones)
    assert all(torch.equal(given, ones) for given in seen[EXPERTS:])


@pytest.mark.parametrize("kind", PROJECTORS)
@pytest.mark.parametrize("settings", [BackboneSettings(), BackboneSettings(lora_rank=4, dtype="float32"), FROZEN])
def test_what_is_tuned_is_counted_saved_and_restored(kind, settings, tmp_path):
    model, _ = build_aligned(settings, *TABLES, seed=1, projector=kind)
    tuned = trainable(model)
    found = estimate_memory(settings, FitSettings(), small_rows(), 5, projector=kind)
    assert found.tuned == sum(p.numel() for p in tuned.values())
    assert found.weights == sum(p.numel() * p.itemsize for p in model.parameters())
    projectors = model.entities.item_projector, model.entities.user_projector
    width = model.entities.base.embedding_dim
    assert all(count_parameters(kind, 5, width) == sum(p.numel() for p in one.parameters()) for one in projectors)
    assert all(torch.equal(a, b) for a, b in zip(*(p.parameters() for p in projectors), strict=True)), "alike at first"
    if settings.frozen:
        assert all("_projector." in name for name in tuned)
    with torch.no_grad():
        for parameter in tuned.values():
            parameter.add_(0.02 * torch.randn_like(parameter))
    save_aligned(model.eval(), settings, "hybrid", tmp_path, with_users=True)
    ids = torch.tensor([[model.entities.vocabulary + n for n in (1, 3)] + [model.entities.ids.first("user") + 2]])
    with torch.inference_mode():
        expected = model.backbone(input_ids=ids).logits
        for shared in (None, SharedBackbone.load(settings)):
            again, _, _ = load_aligned(tmp_path, shared)
            assert torch.equal(again.backbone(input_ids=ids).logits, expected)
    record = json.loads((tmp_path / "aligned.json").read_text())
    older = {key: value for key, value in record.items() if key not in ("projector", "inject")}
    (tmp_path / "aligned.json").write_text(json.dumps(older))
    if kind == "mlp":
        assert torch.equal(load_aligned(tmp_path)[0].backbone(input_ids=ids).logits, expected)
    else:
        with pytest.raises(CheckpointError, match="saved for another model"):
            load_aligned(tmp_path)
    (tmp_path / "aligned.json").write_text(json.dumps(record | {"projector": "quadratic"}))
    with pytest.raises(CheckpointError, match="'quadratic'; expected one of mlp, linear, moe"):
        load_aligned(tmp_path)


def test_the_gate_learns_at_the_projectors_rate():
    model = small_model(projector="moe")
    optimizer = build_optimizer(model, FitSettings(projector_rate=3.0, learning_rate=0.1))
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert rates[id(model.entities.item_projector.gate)] == rates[id(model.entities.user_projector.noise)]
    assert rates[id(model.entities.item_projector.gate)] == pytest.approx(0.3)


@pytest.mark.parametrize(("kind", "inject"), [("mlp", False), ("moe", True)])
def test_projectors_learn_alone_beside_a_frozen_backbone(kind, inject, tmp_path):
    model, _ = build_aligned(FROZEN, *TABLES, projector=kind, inject=inject)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    curve = fit(model, rows_for(model), dataclasses.replace(SETTINGS, epochs=4), tmp_path, SEED, show_progress=False)
    assert curve[-1]["loss"] < 0.7 * curve[0]["loss"]
    changed = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    used = {name for name in trainable(model) if "user_projector." not in name}
    assert used <= changed <= set(trainable(model))
    save_aligned(model, FROZEN, "intention", tmp_path / "saved")
    further, _ = build_aligned(FROZEN, *TABLES, seed=5, projector=kind, inject=inject)
    continue_from(further, tmp_path / "saved", 0.5)
    assert all(torch.equal(p, trainable(model)[name]) for name, p in trainable(further).items())


def test_rows_without_entities_leave_a_frozen_backbone_and_its_projectors_alone():
    model, _ = build_aligned(FROZEN, *TABLES, inject=True)
    ids = torch.randint(2, 64, (2, 9))
    loss = model.train()(ids, torch.where(torch.arange(9) > 4, ids, IGNORED))["loss"]
    loss.backward()
    gradients = [p.grad for p in trainable(model).values()]
    assert loss.item() > 0 and all(g is not None and not g.any() for g in gradients)


def test_a_frozen_backbone_may_be_rounded_and_shared():
    settings = BackboneSettings(frozen=True, dtype="bfloat16")
    shared = SharedBackbone.load(settings)
    model, _ = build_aligned(settings, *TABLES, shared=shared, projector="moe", inject=True)
    assert model.entities.base.weight is shared.model.get_input_embeddings().weight
    assert {p.dtype for p in trainable(model).values()} == {torch.float32}
    assert {p.dtype for p in model.parameters() if not p.requires_grad} == {torch.bfloat16}
    ids = torch.tensor([[model.entities.vocabulary + n for n in (1, 3)] + [model.entities.ids.first("user") + 2]])
    assert model.backbone(input_ids=ids).logits.dtype == torch.bfloat16


def test_settings_that_no_run_could_use_are_refused():
    with pytest.raises(SettingsError, match="align.projector.*mlp, linear, moe"):
        AlignSettings(projector="quadratic")
    with pytest.raises(SettingsError, match="align.backbone.lora_rank"):
        BackboneSettings(frozen=True, lora_rank=4)
    with pytest.raises(SettingsError, match="align.modes.*align.backbone.frozen"):
        AlignSettings(backbone=FROZEN)
    AlignSettings(modes="intention hybrid", backbone=dataclasses.replace(FROZEN, quantize="nf4"))


def test_a_frozen_backbone_needs_least(monkeypatch):
    found = [
        estimate_memory(settings, FitSettings(), small_rows(), 5)
        for settings in (FROZEN, BackboneSettings(lora_rank=4, dtype="float32"), BackboneSettings())
    ]
    assert np.all(np.diff([f.needed for f in found]) > 0) and np.all(np.diff([f.activations for f in found]) > 0)
    monkeypatch.setattr("recx.alignment.memory_estimate._free", lambda: found[0].needed - found[0].weights / 2)
    with pytest.raises(SettingsError, match="align.backbone.quantize=nf4"):
        require_memory(FROZEN, FitSettings(), small_rows(), 5)
