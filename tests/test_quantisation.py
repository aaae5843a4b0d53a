"""Frozen weights in sixteen and in four bits, the eight-bit optimizer, and float16 with loss scaling."""

import dataclasses
import importlib.util

import pytest
import torch
from small_training import SEED, SETTINGS, small_model, small_rows

from recx.alignment import optimizers, trainer
from recx.alignment.checkpoints import load_checkpoint, save_checkpoint
from recx.alignment.trainer import fit
from recx.alignment.training_mode import as_trained
from recx.errors import SettingsError
from recx.models.backbones import autocast, compute_dtype
from recx.models.quantisation import quantization_of
from recx.models.saved_models import SharedBackbone, build_aligned, load_aligned, save_aligned
from recx.prompts.tokens import collate
from recx.settings import BackboneSettings, FitSettings
from recx.storage.tensors import read_tensors, trainable

NF4 = BackboneSettings(lora_rank=4, dtype="float32", quantize="nf4")
needs_bitsandbytes = pytest.mark.skipif(
    importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed"
)


def batch(model):
    rows = rows_of(model)
    return {name: t.to(model.device) for name, t in collate([rows[n] for n in range(8)]).items()}


def formats(model):
    tuned, frozen = set(), set()
    for parameter in model.parameters():
        (tuned if parameter.requires_grad else frozen).add(parameter.dtype)
    return tuned, frozen


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_weights_beside_adapters_are_kept_in_the_format_asked_for(dtype):
    name = str(dtype).removeprefix("torch.")
    model, _ = build_aligned(BackboneSettings(lora_rank=2, dtype=name), torch.randn(6, 5), torch.randn(4, 5))
    assert formats(model) == ({torch.float32}, {dtype})
    whole, _ = build_aligned(BackboneSettings(), None, None)
    assert formats(whole) == ({torch.float32}, set())


def built(settings):
    torch.manual_seed(0)
    return build_aligned(settings, torch.randn(6, 5), torch.randn(4, 5))[0]


def test_a_backbone_is_shared_by_models_that_want_it_in_the_same_format():
    shared = SharedBackbone(BackboneSettings(lora_rank=4, dtype="bfloat16"), None, None)
    assert shared.fits(BackboneSettings(lora_rank=8, lora_alpha=2, dtype="bfloat16"))
    assert not shared.fits(BackboneSettings(lora_rank=4, dtype="float32"))
    assert not shared.fits(BackboneSettings(lora_rank=4, dtype="bfloat16", quantize="nf4"))
    assert not shared.fits(BackboneSettings())


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_adapters_learn_beside_frozen_weights_in_either_format(tmp_path, dtype):
    model, exact = (built(BackboneSettings(lora_rank=4, dtype=d)) for d in (dtype, "float32"))
    asked = batch(model)
    with torch.no_grad(), autocast(dtype, model.device.type):
        assert model(**asked)["loss"].item() == pytest.approx(exact(**asked)["loss"].item(), rel=0.03)
    how = dataclasses.replace(SETTINGS, precision=dtype, learning_rate=1e-2)
    curve = fit(model, rows_of(model), how, tmp_path, SEED, show_progress=False)
    assert curve[-1]["loss"] < 0.5 * curve[0]["loss"]


def rows_of(model):
    """The small rows, with the entity ids of this backbone."""
    rows = small_rows()
    return dataclasses.replace(rows, ids=rows.ids + (rows.ids >= 64) * (model.entities.vocabulary - 64))


def test_adapters_make_no_copies_of_what_they_read_under_autocast():
    """The step is the same but stores less for the backward pass."""
    model, _ = build_aligned(BackboneSettings(lora_rank=4, dtype="bfloat16"), torch.randn(6, 5), torch.randn(4, 5))
    settings, kept = dataclasses.replace(SETTINGS, precision="bfloat16"), {True: {}, False: {}}
    losses = []
    for ours in kept:

        def keep(tensor, held=kept[ours]):
            held[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        context = as_trained(model, settings) if ours else torch.enable_grad()
        with (
            context,
            autocast("bfloat16", model.device.type),
            torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t),
        ):
            losses.append(model(**batch(model))["loss"])
    assert losses[0].item() == pytest.approx(losses[1].item(), rel=1e-2)
    assert sum(kept[True].values()) < 0.95 * sum(kept[False].values())


def test_auto_takes_the_format_that_the_hardware_multiplies(monkeypatch):
    monkeypatch.setattr("recx.models.backbones.cpu_bfloat16", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert compute_dtype("auto") == torch.float32
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for real in (True, False):  # cards before compute capability 8 imitate it
        monkeypatch.setattr(
            torch.cuda, "is_bf16_supported", lambda including_emulation=True, real=real: real or including_emulation
        )
        assert compute_dtype("auto") == (torch.bfloat16 if real else torch.float16)


def test_float16_trains_with_a_scaled_loss_and_on_a_gpu_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SettingsError, match="GPU"):
        fit(small_model(), small_rows(), FitSettings(precision="float16"), tmp_path, SEED)
    asked = {}

    class Stop(Exception):
        pass

    def arguments(**given):
        asked.update(given)
        raise Stop

    monkeypatch.setattr(trainer, "OneDeviceArguments", arguments)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    with pytest.raises(Stop):
        fit(small_model(), small_rows(), FitSettings(), tmp_path, SEED)
    assert asked["fp16"] and not asked["bf16"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="float16 requires a GPU for training")
def test_adapters_learn_in_float16(tmp_path):
    model = built(BackboneSettings(lora_rank=4, dtype="float16"))
    how = dataclasses.replace(SETTINGS, precision="float16", learning_rate=1e-2)
    curve = fit(model, rows_of(model), how, tmp_path, SEED, show_progress=False)
    assert curve[-1]["loss"] < 0.5 * curve[0]["loss"]
    (state,) = tmp_path.glob("checkpoint-*/training_state.safetensors")
    assert read_tensors(state)["scaler.0.scale"] > 1


def test_a_checkpoint_keeps_the_scale_of_the_loss(tmp_path):
    def stepped(scaler):
        model = torch.nn.Linear(3, 1)
        optimizer = torch.optim.AdamW(model.parameters())
        scaler.scale(model(torch.ones(1, 3)).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        return model, optimizer

    scaler, again = (torch.amp.GradScaler("cpu", init_scale=scale, growth_interval=9) for scale in (64.0, 2.0))
    model, optimizer = stepped(scaler)
    save_checkpoint(tmp_path, model, optimizer, True, scaler)
    load_checkpoint(tmp_path, model, optimizer, scaler=again)
    assert again.state_dict() == scaler.state_dict() and scaler.state_dict()["_growth_tracker"] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"dtype": "int8"},
        {"quantize": "int4"},
        {"quantize": "nf4", "lora_rank": 0},
        {"dtype": "float16", "lora_rank": 0},
    ],
)
def test_settings_that_no_run_could_use_are_refused(wrong):
    with pytest.raises(SettingsError, match=r"align\.backbone\."):
        BackboneSettings(**{"lora_rank": 4} | wrong)


def test_a_missing_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match="pip install bitsandbytes"):
        quantization_of(NF4)
    with pytest.raises(SettingsError, match="pip install bitsandbytes"):
        optimizers.build_optimizer(small_model(), FitSettings(optimizer="paged_adamw_8bit"))


@needs_bitsandbytes
def test_a_quantised_base_learns_and_is_read_back(tmp_path):
    plain, model = built(dataclasses.replace(NF4, quantize="")).train(), built(NF4).train()
    quantised = [n for n, p in model.named_parameters() if p.dtype == torch.uint8]
    assert all(n.endswith(".base_layer.weight") for n in quantised)
    assert len(quantised) == 7 * plain.backbone.config.num_hidden_layers
    rows = rows_of(model)
    asked = batch(model)
    with torch.no_grad():
        before = model(**asked)["loss"].item()
        assert before == pytest.approx(plain(**asked)["loss"].item(), rel=0.1)
    how = dataclasses.replace(SETTINGS, learning_rate=1e-2, gradient_checkpointing=True)
    fit(model, rows, how, tmp_path / "checkpoints", SEED, show_progress=False)
    with torch.no_grad():
        after = model(**asked)["loss"].item()
    assert after < 0.5 * before
    save_aligned(model, NF4, "hybrid", tmp_path, with_users=True)
    assert read_tensors(tmp_path / "weights.safetensors").keys() == trainable(model).keys()
    again, _, _ = load_aligned(tmp_path)
    with torch.no_grad():
        assert again(**asked)["loss"].item() == after


@needs_bitsandbytes
def test_gradients_pass_a_quantised_base_that_was_evaluated():
    def gradients(model):
        model.train()
        with autocast("bfloat16", model.device.type):
            model(**asked)["loss"].backward()
        found = {n: p.grad.clone() for n, p in trainable(model).items() if p.grad is not None}
        model.zero_grad()
        return found

    model = built(dataclasses.replace(NF4, dtype="bfloat16"))
    asked = batch(model)
    before = gradients(model)
    with torch.no_grad(), autocast("bfloat16", model.device.type):
        model.eval()(**asked)
    assert any("item_projector" in n for n in before)
    torch.testing.assert_close(gradients(model), before, rtol=0.05, atol=1e-4)


@needs_bitsandbytes
def test_a_training_with_the_eight_bit_optimizer_resumes_bit_for_bit(tmp_path):
    settings = BackboneSettings(lora_rank=32, dtype="float32")  # states of fewer than 4,096 weights stay in 32 bits
    how = dataclasses.replace(SETTINGS, optimizer="paged_adamw_8bit")
    straight, stopped, resumed = (built(settings) for _ in range(3))
    rows = rows_of(straight)
    curve = fit(straight, rows, how, tmp_path / "a", SEED, show_progress=False)
    assert curve[-1]["loss"] < 0.8 * curve[0]["loss"]
    fit(stopped, rows, how, tmp_path / "b", SEED, stop_after=11, show_progress=False)
    state = read_tensors(tmp_path / "b" / "checkpoint-11" / "training_state.safetensors")
    assert sum(t.dtype == torch.uint8 and name.endswith("state1") for name, t in state.items()) > 20
    fit(resumed, rows, how, tmp_path / "b", SEED, show_progress=False)
    tolerance = 0.02 if torch.cuda.is_available() else 0  # a GPU adds in another order each time
    torch.testing.assert_close(trainable(resumed), trainable(straight), rtol=tolerance, atol=tolerance)
    assert {p.suffix for p in tmp_path.rglob("*") if p.is_file()} == {".json", ".safetensors"}
