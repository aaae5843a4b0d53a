"""Training in several processes, one per GPU: `torchrun` runs this module, and a notebook shows its progress.

A kernel that has used CUDA cannot fork, so the processes receive their inputs through files.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import deque
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm
from transformers import TrainerCallback

from recx import paths
from recx.alignment.rows_file import load_rows, save_rows
from recx.alignment.steps import device_batch_size, steps_of
from recx.alignment.trainer import fit
from recx.errors import RecxError
from recx.models.aligned_model import AlignedModel
from recx.models.saved_models import load_aligned, save_aligned
from recx.prompts.modes import Mode
from recx.prompts.tokens import EncodedRows
from recx.recommenders.devices import preferred_device
from recx.settings import BackboneSettings, FitSettings
from recx.storage.tensors import load_weights, read_tensors, save_weights, trainable

_STEP, _ERROR = "recx step ", "recx error "  # prefixes of the lines that report progress and errors to the launcher
_WEIGHTS, _CURVE = "trained.safetensors", "curve.json"


def process_count(settings: FitSettings) -> int:
    """Number of training processes: as set, or one per visible GPU."""
    return settings.processes or max(1, torch.cuda.device_count())


def fit_in_processes(
    model: AlignedModel,
    rows: EncodedRows,
    settings: FitSettings,
    folder: Path,
    seed: int,
    backbone: BackboneSettings,
    mode: Mode,
    show_progress: bool = True,
) -> list[dict[str, float]]:
    """`fit` in the number of processes given by the settings; in this process if that is one.

    The result is that of a single process except for rounding. The processes end when this one does.

    Args:
        model: trained in place and left in eval mode; it is in main memory in the meantime.
        rows: training rows.
        settings: training settings.
        folder: folder for checkpoints; training resumes from the last one.
        seed: random seed of the order of rows.
        backbone: settings that the model was built with.
        mode: mode of the model.
        show_progress: show a bar.

    Raises:
        RecxError: a process failed; the message includes its error.
        SettingsError: a step's rows cannot be divided evenly.
    """
    processes = process_count(settings)
    device_batch_size(settings, processes)
    if processes == 1:
        return fit(model, rows, settings, folder, seed, show_progress=show_progress)
    with tempfile.TemporaryDirectory() as name:
        start = Path(name)
        save_aligned(model, backbone, mode, start, with_users=True)
        save_rows(rows, start / "rows.safetensors")
        task = {"fit": asdict(settings), "folder": str(folder.absolute()), "seed": seed}
        (start / "task.json").write_text(json.dumps(task), encoding="utf-8")
        model.cpu()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        try:
            _run(start, processes, steps_of(rows, settings), show_progress)
        finally:
            model.to(preferred_device())
        load_weights(start / _WEIGHTS, trainable(model))
        model.eval()
        return json.loads((start / _CURVE).read_text(encoding="utf-8"))


def _run(start: Path, processes: int, steps: int, show_progress: bool) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command += ["-m", __name__, str(start)]
    path = os.pathsep.join(filter(None, [str(paths.ROOT), os.environ.get("PYTHONPATH", "")]))
    threads = max(1, (os.cpu_count() or 1) // processes)
    environment = {"OMP_NUM_THREADS": str(threads)} | os.environ | {"PYTHONPATH": path}
    told: deque[str] = deque(maxlen=40)
    errors = []
    with (
        tqdm(total=steps, desc=f"steps in {processes} processes", disable=not show_progress) as bar,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=environment
        ) as launched,
    ):
        try:
            for line in launched.stdout:
                if line.startswith(_STEP):
                    bar.update(int(line.removeprefix(_STEP)) - bar.n)
                elif line.startswith(_ERROR):
                    errors.append(json.loads(line.removeprefix(_ERROR)))
                else:
                    told.append(line)
        except BaseException:  # including interrupts: `torchrun` ends its processes when it is terminated
            launched.terminate()
            raise
    if launched.returncode:
        why = errors[0] if errors else "".join(told)
        raise RecxError(f"Training in {processes} processes failed: {why}")


class _TellSteps(TrainerCallback):
    """Reports each step to the launcher; if the launcher is gone, this fails and ends the training."""

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            _tell(f"{_STEP}{state.global_step}")


def _tell(line: str) -> None:
    """Write a line at once: `torchrun` runs its processes unbuffered, so texts and line ends would otherwise mix."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(start: Path) -> None:
    """Entry point of each process: load the model, run `fit`, and save the result in the first process."""
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    task = json.loads((start / "task.json").read_text(encoding="utf-8"))
    model, _, _ = load_aligned(start, tunable=True)
    tuned = read_tensors(start / "weights.safetensors").keys()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in tuned)
    rows, settings = load_rows(start / "rows.safetensors"), FitSettings(**task["fit"])
    curve = fit(
        model, rows, settings, Path(task["folder"]), task["seed"], show_progress=False, callbacks=[_TellSteps()]
    )
    if os.environ["RANK"] == "0":
        save_weights(start / _WEIGHTS, trainable(model))
        (start / _CURVE).write_text(json.dumps(curve), encoding="utf-8")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except Exception as failure:
        _tell(_ERROR + json.dumps(f"{type(failure).__name__}: {failure}"[:2000]))
        raise
