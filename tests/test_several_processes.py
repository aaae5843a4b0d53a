"""A run that trains in two processes (gloo, on the CPU) ends with the same result as in a single process."""

import dataclasses
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest
import torch
from small_training import SEED, SETTINGS, small_rows

from recx.alignment.several_processes import fit_in_processes, process_count
from recx.errors import RecxError, SettingsError
from recx.models.saved_models import build_aligned
from recx.settings import BackboneSettings, FitSettings
from recx.storage.tensors import trainable

BACKBONE = BackboneSettings(lora_rank=4, dtype="float32")
HOW = dataclasses.replace(SETTINGS, epochs=1, learning_rate=1e-2)


def model_and_rows():
    torch.manual_seed(0)
    model, _ = build_aligned(BACKBONE, torch.randn(6, 5), torch.randn(4, 5))
    rows = small_rows()
    return model, dataclasses.replace(rows, ids=rows.ids + (rows.ids >= 64) * (model.entities.vocabulary - 64))


def test_two_processes_end_as_one(tmp_path, monkeypatch, capfd):
    trained, curves = [], []
    for processes in (1, 2):
        model, rows = model_and_rows()
        how = dataclasses.replace(HOW, processes=processes)
        curves.append(fit_in_processes(model, rows, how, tmp_path / str(processes), SEED, BACKBONE, "hybrid"))
        trained.append(trainable(model))
        assert not model.training
    assert "steps in 2 processes: 100%" in capfd.readouterr().err
    torch.testing.assert_close(trained[1], trained[0], rtol=1e-3, atol=1e-4)
    assert [c["step"] for c in curves[1]] == [c["step"] for c in curves[0]]
    assert [c["loss"] for c in curves[1]] == pytest.approx([c["loss"] for c in curves[0]], rel=1e-3)
    # A training that had ended is read back from its checkpoint; one that is damaged says so.
    damaged = tmp_path / "2" / "checkpoint-8" / "model.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:100])
    with pytest.raises(RecxError, match="(?s)2 processes failed.*Delete the folder"):
        fit_in_processes(*model_and_rows(), how, tmp_path / "2", SEED, BACKBONE, "hybrid", show_progress=False)


def test_the_processes_end_with_the_one_that_started_them(tmp_path):
    script = tmp_path / "launcher.py"
    script.write_text(
        textwrap.dedent(f"""
        import dataclasses, sys
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_several_processes import BACKBONE, HOW, SEED, model_and_rows
        from recx.alignment.several_processes import fit_in_processes
        how = dataclasses.replace(HOW, processes=2, epochs=10_000, save_steps=10)
        fit_in_processes(*model_and_rows(), how, Path({str(tmp_path)!r}) / "run", SEED, BACKBONE, "hybrid")
        """)
    )
    launcher = psutil.Popen([sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    until = time.monotonic() + 120
    while not list(tmp_path.glob("run/checkpoint-*")) and time.monotonic() < until:
        time.sleep(0.2)
    started = launcher.children(recursive=True)
    assert len(started) >= 3, "torchrun and its two processes"
    launcher.kill()
    launcher.wait()
    _, left = psutil.wait_procs(started, timeout=60)
    for process in left:
        process.kill()
    assert not left


def test_one_process_for_every_visible_gpu(monkeypatch):
    assert process_count(FitSettings(processes=0)) == 1
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert process_count(FitSettings(processes=0)) == 4 and process_count(FitSettings()) == 1


def test_rows_that_cannot_be_shared_out_are_refused_before_anything_starts(tmp_path):
    how = dataclasses.replace(HOW, processes=3)
    with pytest.raises(SettingsError, match="multiple of 3"):
        fit_in_processes(*model_and_rows(), how, tmp_path, SEED, BACKBONE, "hybrid")
