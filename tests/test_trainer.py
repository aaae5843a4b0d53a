"""Resuming from checkpoints, and steps whose result does not depend on how they are split."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from small_training import SEED, SETTINGS, small_model, small_rows
from torch import nn
from transformers import TrainingArguments, modeling_utils

from recx.alignment.checkpoints import updates_done
from recx.alignment.length_grouping import length_grouped_order
from recx.alignment.mean_loss import mean_loss
from recx.alignment.steps import device_batch_size
from recx.alignment.trainer import fit
from recx.alignment.training_cost import estimate_minutes
from recx.alignment.training_mode import as_trained
from recx.errors import CheckpointError, DataError, SettingsError
from recx.prompts.tokens import collate
from recx.settings import FitSettings
from recx.storage.tensors import read_tensors, trainable


def trained(folder, dropout=0.0, **changes):
    model = small_model(dropout)
    curve = fit(model, small_rows(), dataclasses.replace(SETTINGS, **changes), folder, SEED, show_progress=False)
    return model, curve


def assert_same_weights(one, other, exactly=True):
    tolerance = {"rtol": 0, "atol": 0} if exactly else {"rtol": 1e-3, "atol": 1e-4}
    torch.testing.assert_close(dict(one.named_parameters()), dict(other.named_parameters()), **tolerance)


@pytest.mark.parametrize("changes", [{}, {"accumulate": 2, "schedule": "linear"}])
def test_training_learns_and_a_stopped_one_resumes_bit_for_bit(tmp_path, changes):
    """Because of dropout, the weights also depend on the random state."""
    straight, curve = trained(tmp_path / "a", dropout=0.2, epochs=6, **changes)
    assert curve[-1]["loss"] < 0.6 * curve[0]["loss"]
    settings = dataclasses.replace(SETTINGS, epochs=6, **changes)
    fit(small_model(0.2), small_rows(), settings, tmp_path / "b", SEED, stop_after=17, show_progress=False)
    assert (tmp_path / "b" / "checkpoint-17").is_dir()
    resumed, _ = trained(tmp_path / "b", dropout=0.2, epochs=6, **changes)
    assert_same_weights(straight, resumed)
    suffixes = {p.suffix for p in tmp_path.rglob("*") if p.is_file()}
    assert suffixes == {".json", ".safetensors"}, "a checkpoint holds something else than safetensors and JSON"


@pytest.mark.parametrize("state", [None, "", '{"epoch": 1.0, "glob'])
def test_a_checkpoint_cut_short_is_passed_over(tmp_path, state):
    straight, _ = trained(tmp_path / "a")
    fit(small_model(), small_rows(), SETTINGS, tmp_path / "b", SEED, stop_after=5, show_progress=False)
    later = tmp_path / "b" / "checkpoint-6"
    later.mkdir()
    (later / "model.safetensors").write_bytes(b"half")
    if state is not None:
        (later / "trainer_state.json").write_text(state)
    resumed, _ = trained(tmp_path / "b")
    assert_same_weights(straight, resumed)
    assert not later.exists()


@pytest.mark.parametrize("name", ["model.safetensors", "training_state.safetensors"])
def test_damaged_checkpoint_is_a_clear_error(tmp_path, name):
    fit(small_model(), small_rows(), SETTINGS, tmp_path, SEED, stop_after=9, show_progress=False)
    damaged = tmp_path / "checkpoint-9" / name
    damaged.write_bytes(damaged.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="Delete the folder"):
        trained(tmp_path)


def test_frozen_weights_are_in_no_checkpoint(tmp_path):
    def adapted():
        model = small_model()
        model.backbone = get_peft_model(model.backbone, LoraConfig(r=2, target_modules="all-linear"))
        return model

    fit(adapted(), small_rows(), SETTINGS, tmp_path / "a", SEED, stop_after=5, show_progress=False)
    written = read_tensors(tmp_path / "a" / "checkpoint-5" / "model.safetensors")
    assert written.keys() == trainable(adapted()).keys()
    assert not any(name.endswith(("base_layer.weight", "base.weight", "norm.weight")) for name in written)
    straight, resumed = adapted(), adapted()
    fit(resumed, small_rows(), SETTINGS, tmp_path / "a", SEED, show_progress=False)
    fit(straight, small_rows(), SETTINGS, tmp_path / "b", SEED, show_progress=False)
    assert_same_weights(straight, resumed)


def test_one_process_uses_one_device_of_several(tmp_path, monkeypatch):
    class DataParallel(nn.DataParallel):
        def __init__(self, model):
            copies.append(model)
            super().__init__(model)

    copies = []
    alone, _ = trained(tmp_path / "a")
    monkeypatch.setattr(TrainingArguments, "n_gpu", property(lambda self: 2))
    monkeypatch.setattr(nn, "DataParallel", DataParallel)
    beside_another, _ = trained(tmp_path / "b")
    assert not copies
    assert_same_weights(alone, beside_another)


def test_an_accumulated_step_is_the_whole_step(tmp_path):
    """Rows have one or two answer tokens, so a mean of the parts' means would be a different loss."""
    whole, curve = trained(tmp_path / "a")
    cut, curve_of_parts = trained(tmp_path / "b", accumulate=4)
    assert_same_weights(whole, cut, exactly=False)
    assert [c["step"] for c in curve_of_parts] == [c["step"] for c in curve]
    assert [c["loss"] for c in curve_of_parts] == pytest.approx([c["loss"] for c in curve], rel=1e-4)


def test_two_processes_train_as_one(tmp_path):
    """They see different rows, end with the same weights and can resume; only one writes files and shows a bar."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    script = Path(__file__).with_name("small_training.py")
    done = subprocess.run([*command, script, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    first, second = (json.loads((tmp_path / f"result-{n}.json").read_text()) for n in range(2))
    weights, same_weights = (read_tensors(tmp_path / f"weights-{n}.safetensors") for n in range(2))
    torch.testing.assert_close(weights, same_weights, rtol=0, atol=0)
    alone, curve = trained(tmp_path / "alone")
    torch.testing.assert_close(weights, trainable(alone), rtol=1e-3, atol=1e-4)
    assert first["losses"] == second["losses"] == pytest.approx([c["loss"] for c in curve], rel=1e-3)
    order = length_grouped_order(small_rows().lengths, SETTINGS.batch_size, 24, SEED).reshape(24, 2, -1)
    for number, result in enumerate((first, second)):
        assert result["rows"][-14 * 4 :] == order[10:, number].ravel().tolist(), "resumed at step 10"
    bars = [(tmp_path / f"errors-{n}.txt").read_text().count("100%") > 0 for n in range(2)]
    assert bars == [True, False]


def test_rows_that_cannot_be_shared_out_evenly_are_refused():
    settings = FitSettings(batch_size=32, accumulate=2)
    assert device_batch_size(settings, processes=4) == 4
    with pytest.raises(SettingsError, match="multiple of 6"):
        device_batch_size(settings, processes=3)


def test_gradient_checkpointing_changes_memory_only(tmp_path, monkeypatch):
    recomputed = []
    checkpoint = modeling_utils.checkpoint
    monkeypatch.setattr(modeling_utils, "checkpoint", lambda *a, **k: recomputed.append(1) or checkpoint(*a, **k))
    plain, _ = trained(tmp_path / "a")
    assert not recomputed
    model, _ = trained(tmp_path / "b", gradient_checkpointing=True)
    assert len(recomputed) == 24 * 2, "once a step and layer"
    assert_same_weights(plain, model)
    model.train()(torch.tensor([[5, 6, 7]]), torch.tensor([[-100, -100, 7]]))
    assert len(recomputed) == 24 * 2, "switched off again after the training"


def test_gradient_checkpointing_stays_on_where_a_training_measures_its_loss():
    model, how = small_model(), dataclasses.replace(SETTINGS, gradient_checkpointing=True)
    with as_trained(model, how):
        mean_loss(model, small_rows(), how)
        assert model.backbone.is_gradient_checkpointing
    assert not model.backbone.is_gradient_checkpointing


@pytest.mark.parametrize("rows, batch, epochs", [(10, 8, 5), (60, 32, 10), (250, 32, 3)])
def test_no_row_is_left_out_because_of_its_length(rows, batch, epochs):
    order = length_grouped_order(np.arange(rows), batch, rows // batch * epochs, seed=0)
    assert np.unique(order).size == rows and len(order) == rows // batch * batch * epochs
    widths = order[: batch * (rows // batch)].reshape(-1, batch)
    assert np.mean(widths.max(1) - widths.min(1)) <= batch + rows % batch, "and batches hold rows of similar length"


def test_a_single_step_learns(tmp_path):
    model = small_model()
    before = [p.clone() for p in trainable(model).values()]
    how = dataclasses.replace(SETTINGS, batch_size=len(small_rows()), epochs=1)
    fit(model, small_rows(), how, tmp_path, SEED, show_progress=False)
    assert any(not torch.equal(a, b) for a, b in zip(before, trainable(model).values(), strict=True))


def test_nothing_to_train_on_is_a_clear_error_and_has_no_loss(tmp_path):
    none = small_rows(0)
    with pytest.raises(DataError, match="no rows to train on"):
        fit(small_model(), none, SETTINGS, tmp_path, SEED, show_progress=False)
    assert np.isnan(mean_loss(small_model(), none, SETTINGS))


def test_the_time_of_a_resumed_training_includes_that_before(tmp_path, monkeypatch):
    fit(small_model(), small_rows(), SETTINGS, tmp_path, SEED, stop_after=12, show_progress=False)
    state = tmp_path / "checkpoint-12" / "trainer_state.json"
    kept = json.loads(state.read_text())
    for entry in kept["log_history"]:
        entry["seconds"] += 1000.0
    state.write_text(json.dumps(kept))
    _, curve = trained(tmp_path)
    seconds = [row["seconds"] for row in curve]
    assert min(seconds) > 1000 and seconds == sorted(seconds)


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_learning_rate_follows_the_schedule(tmp_path, schedule):
    trained(tmp_path, schedule=schedule, warmup=0.25)
    state = json.loads((tmp_path / "checkpoint-24" / "trainer_state.json").read_text())
    rates = {h["step"]: h["learning_rate"] for h in state["log_history"] if "learning_rate" in h}
    done = np.array([(step - 1 - 6) / 18 for step in rates])
    falling = 0.5 * (1 + np.cos(np.pi * done)) if schedule == "cosine" else 1 - done
    expected = 3e-3 * np.where(done < 0, (done * 18 + 6) / 6, falling)
    assert list(rates.values()) == pytest.approx(expected.tolist())


@pytest.mark.parametrize("checkpointing", [False, True])
def test_estimate_leaves_the_model_alone(checkpointing):
    model = small_model()
    model.backbone.eval()
    before = [p.clone() for p in model.parameters()]
    settings = FitSettings(batch_size=8, accumulate=2, gradient_checkpointing=checkpointing)
    assert estimate_minutes(model, small_rows(), settings) > 0
    assert all(torch.equal(a, b) and b.grad is None for a, b in zip(before, model.parameters(), strict=True))
    assert model.training and not model.backbone.training and not model.backbone.is_gradient_checkpointing


def test_the_mean_loss_is_over_tokens_whatever_the_batches_and_leaves_the_model_alone():
    model, rows = small_model(dropout=0.5).train(), small_rows()
    modes = [m.training for m in model.modules()]
    how = [FitSettings(batch_size=size, precision="float32") for size in (1, 7, len(rows))]
    found = [mean_loss(model, rows, each) for each in how]
    assert found == pytest.approx([found[0]] * 3, rel=1e-5) and [m.training for m in model.modules()] == modes
    model.eval()
    parts = [collate([rows[n]]) for n in range(len(rows))]
    learnt = [int((part["labels"] >= 0).sum()) for part in parts]
    with torch.no_grad():
        losses = [float(model(**part)["loss"]) for part in parts]
    assert found[0] == pytest.approx(np.average(losses, weights=learnt), rel=1e-5)
    assert abs(found[0] - np.mean(losses)) > 1e-4, "rows must differ in length for this test to show anything"


def test_a_schedule_goes_on_where_the_weights_were_updated(tmp_path):
    """In float16, the scaler skips steps, in which neither the weights nor the rate change."""
    assert updates_done(None, 0) == 0
    save_file({"optimizer.0.step": torch.tensor(14.0)}, tmp_path / "training_state.safetensors")
    assert updates_done(tmp_path, 20) == 14
    save_file({"optimizer.1.other": torch.tensor(1.0)}, tmp_path / "training_state.safetensors")
    assert updates_done(tmp_path, 20) == 20
    (tmp_path / "training_state.safetensors").write_bytes(b"cut")
    assert updates_done(tmp_path, 20) == 20, "what is damaged is reported when it is loaded"
