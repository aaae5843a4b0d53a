"""Estimates from a configuration alone agree with the real sizes of a model."""

import dataclasses

import psutil
import pytest
import torch
from small_training import small_rows
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig

from recx.alignment import memory_estimate
from recx.alignment.memory_estimate import estimate_memory, require_memory, settle_passes
from recx.errors import CheckpointError, SettingsError
from recx.models.backbones import load_backbone
from recx.models.saved_models import build_aligned
from recx.prompts.tokens import EncodedRows
from recx.settings import BackboneSettings, FitSettings
from recx.storage.tensors import trainable

ROWS = small_rows()
LLAMA = LlamaConfig(
    vocab_size=64,
    hidden_size=32,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    intermediate_size=48,
)


@pytest.fixture
def folder(tmp_path):
    LLAMA.save_pretrained(tmp_path)
    memory_estimate._size.cache_clear()
    memory_estimate._kept.cache_clear()
    return str(tmp_path)


@pytest.mark.parametrize("rank", [0, 4])
def test_weights_are_counted_as_they_are_built(rank):
    settings = BackboneSettings(lora_rank=rank)
    model, _ = build_aligned(settings, torch.randn(6, 5), torch.randn(4, 5))
    found = estimate_memory(settings, FitSettings(), ROWS, width=5)
    assert found.tuned == sum(p.numel() for p in trainable(model).values())
    assert found.parameters == sum(p.numel() for p in load_backbone("recx-tiny")[0].parameters())
    assert found.weights == sum(p.numel() * p.itemsize for p in model.parameters())
    assert found.optimizer == 12 * found.tuned


@pytest.mark.parametrize("adapted", [False, True])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_layers_keep_is_counted_without_computing_it(folder, adapted, precision):
    model = AutoModelForCausalLM.from_config(LLAMA, attn_implementation="eager").train()
    if adapted:
        model.requires_grad_(False)
        for layer in model.model.layers:
            for linear in (m for m in layer.modules() if isinstance(m, torch.nn.Linear)):
                linear.weight.requires_grad_()
    held = {}

    def keep(tensor):
        held[tensor.untyped_storage()._cdata] = tensor
        return tensor

    enabled = precision == "bfloat16"
    with (
        torch.autocast("cpu", torch.bfloat16, enabled=enabled),
        torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t),
    ):
        model.model(inputs_embeds=torch.randn(1, 40, 32, requires_grad=True), use_cache=False)
    own = {p.untyped_storage()._cdata for p in model.parameters()}
    really = sum(t.untyped_storage().nbytes() for key, t in held.items() if key not in own)
    assert memory_estimate._kept(folder, "", adapted, torch.float32, precision, 40) == pytest.approx(really, rel=0.01)


def test_each_way_to_save_memory_saves_some(folder):
    backbone, fit = BackboneSettings(folder, lora_rank=4), FitSettings(batch_size=8)
    whole = estimate_memory(backbone, fit, ROWS, 5)
    cut = estimate_memory(backbone, dataclasses.replace(fit, accumulate=4), ROWS, 5)
    shared = estimate_memory(backbone, fit, ROWS, 5, processes=2)
    again = estimate_memory(backbone, dataclasses.replace(fit, gradient_checkpointing=True), ROWS, 5)
    four_bits = estimate_memory(dataclasses.replace(backbone, quantize="nf4"), fit, ROWS, 5)
    eight_bits = estimate_memory(backbone, dataclasses.replace(fit, optimizer="paged_adamw_8bit"), ROWS, 5)
    assert cut.activations == whole.activations / 4 and shared.activations == whole.activations / 2
    assert again.activations < 0.6 * whole.activations
    assert four_bits.weights < whole.weights and four_bits.dtype == "nf4"
    assert eight_bits.optimizer == whole.optimizer / 2
    assert 0 < whole.free < psutil.virtual_memory().total


def test_too_little_memory_names_settings_that_fit(folder, monkeypatch):
    backbone, fit = BackboneSettings(folder, lora_rank=4), FitSettings(batch_size=8)
    whole = estimate_memory(backbone, fit, ROWS, 5)
    assert str(require_memory(backbone, fit, ROWS, 5)).count("\n") == 1
    monkeypatch.setattr(memory_estimate, "_free", lambda: whole.needed - whole.activations / 2)
    with pytest.raises(
        SettingsError, match=r"fit: align\.fit\.accumulate=2; or align\.fit\.gradient_checkpointing=true"
    ):
        require_memory(backbone, fit, ROWS, 5)
    monkeypatch.setattr(memory_estimate, "_free", lambda: 1000.0)
    with pytest.raises(SettingsError, match=r"No smaller batch fits either; choose a smaller align\.backbone\.name"):
        require_memory(backbone, fit, ROWS, 5)


def test_a_step_is_split_into_as_few_passes_as_fit(folder, monkeypatch):
    backbone, fit = BackboneSettings(folder, lora_rank=4), FitSettings(batch_size=8, accumulate=0)
    assert settle_passes(backbone, fit, ROWS, 5).accumulate == 1
    whole = estimate_memory(backbone, dataclasses.replace(fit, accumulate=1), ROWS, 5)
    for times, share, passes, processes in (
        (2, 0.6, 2, 1), (2, 0.3, 4, 1), (2, 0.3, 2, 2), (2, -1, 8, 1), (1, 0.2501, 4, 1),
    ):  # twice as much, since half of it stays free where that is possible  # fmt: skip
        free = times * (whole.needed - (1 - share) * whole.activations)
        monkeypatch.setattr(memory_estimate, "_free", lambda free=free: free)
        assert settle_passes(backbone, fit, ROWS, 5, processes) == dataclasses.replace(fit, accumulate=passes)
    assert settle_passes(backbone, dataclasses.replace(fit, accumulate=2), ROWS, 5).accumulate == 2, "as it was told"
    with pytest.raises(SettingsError, match="multiple of 3"):
        settle_passes(backbone, fit, ROWS, 5, processes=3)


def test_other_architectures_are_read_too(tmp_path):
    GPT2Config(vocab_size=64, n_embd=32, n_layer=2, n_head=2).save_pretrained(tmp_path)
    found = estimate_memory(BackboneSettings(str(tmp_path), lora_rank=2), FitSettings(batch_size=4), ROWS, 0)
    # In each layer: to queries, keys and values; out of attention; up; down.
    assert found.tuned == 2 * 2 * ((32 + 96) + (32 + 32) + (32 + 128) + (128 + 32))
    assert found.activations > 0


def test_a_backbone_without_configuration_is_a_clear_error(tmp_path):
    with pytest.raises(CheckpointError, match="configuration"):
        estimate_memory(BackboneSettings(str(tmp_path), lora_rank=2), FitSettings(), ROWS, 0)


def test_long_rows_need_more(folder):
    longer = EncodedRows(ROWS.ids, ROWS.offsets[::4], ROWS.answer_mask, ROWS.tasks[::4])
    backbone, fit = BackboneSettings(folder, lora_rank=4), FitSettings(batch_size=8)
    short, long = (estimate_memory(backbone, fit, rows, 5).activations for rows in (ROWS, longer))
    assert long > 2 * short
