"""Training checkpoints without pickle: two safetensors files beside the `trainer_state.json` of `Trainer`."""

import contextlib
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import gather_object
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn
from transformers import TrainerCallback, TrainerState
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from recx.storage.tensors import load_weights, read_tensors, save_weights, trainable

_WEIGHTS, _STATE = "model.safetensors", "training_state.safetensors"
_SCALE = ("scale", "_growth_tracker")  # the state of the loss scaler that changes


def save_checkpoint(
    folder: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    is_writer: bool,
    scaler: torch.amp.GradScaler | None = None,
) -> None:
    """Write trainable weights, optimizer state and every process's random state.

    Args:
        folder: folder of the checkpoint, created if missing.
        model: its frozen weights are not written.
        optimizer: optimizer of its trainable weights.
        is_writer: whether this process writes; all processes must call this, since their states are gathered.
        scaler: loss scaler, for float16.
    """
    states = gather_object([_random_state()])
    if not is_writer:
        return
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(folder / _WEIGHTS, trainable(model))
    tensors = {
        f"random.{n}.{device}": state
        for n, device_states in enumerate(states)
        for device, state in device_states.items()
    }
    for n, values in optimizer.state_dict()["state"].items():
        for name, value in values.items():  # bitsandbytes keeps a dict among them, whose tables parameters share
            held = (
                {k: v.clone() for k, v in value.items()} if isinstance(value, dict) else {name: torch.as_tensor(value)}
            )
            tensors |= {f"optimizer.{n}.{k}": v.detach().contiguous().cpu() for k, v in held.items()}
    if scaler is not None:
        tensors |= {f"scaler.0.{name}": torch.tensor(scaler.state_dict()[name]) for name in _SCALE}
    save_file(tensors, folder / _STATE)


def load_checkpoint(
    folder: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    process: int = 0,
    scaler: torch.amp.GradScaler | None = None,
) -> dict[str, torch.Tensor]:
    """Load weights and optimizer state.

    Args:
        folder: folder of the checkpoint.
        model: its trainable weights are replaced.
        optimizer: a new optimizer for this model with the same settings.
        process: index of this process.
        scaler: loss scaler, for float16.

    Returns:
        This process's random state, for `RestoreRandomState`; empty if it did not take part in the training.

    Raises:
        CheckpointError: a file is missing or damaged, or belongs to another model.
    """
    load_weights(folder / _WEIGHTS, trainable(model))
    parts: dict[str, dict[int, dict[str, Any]]] = {"optimizer": {}, "random": {}, "scaler": {}}
    for key, tensor in read_tensors(folder / _STATE).items():
        part, n, name = key.split(".")
        # PyTorch's AdamW counts its steps in a float32 tensor, that of bitsandbytes in an int.
        parts[part].setdefault(int(n), {})[name] = tensor.item() if tensor.dtype == torch.int64 else tensor
    if scaler is not None and parts["scaler"]:
        saved = parts["scaler"][0]
        scaler.load_state_dict(scaler.state_dict() | {"scale": float(saved["scale"]), _SCALE[1]: saved[_SCALE[1]]})
    optimizer.load_state_dict({"state": parts["optimizer"], "param_groups": optimizer.state_dict()["param_groups"]})
    return parts["random"].get(process, {})


def last_checkpoint(folder: Path) -> tuple[int, Path | None]:
    """The latest complete checkpoint and its number of steps; (0, None) if there is none.

    `Trainer` writes `trainer_state.json` last: a checkpoint without a readable one is incomplete and is skipped.
    """
    checkpoints = {}
    for state in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*/trainer_state.json"):
        with contextlib.suppress(ValueError, TypeError):
            checkpoints[TrainerState.load_from_json(str(state)).global_step] = state.parent
    return max(checkpoints.items(), default=(0, None))


def updates_done(checkpoint: Path | None, steps: int) -> int:
    """How often the weights were updated: fewer times than there were steps if the scaler of float16 skipped some.

    The optimizer counts them; `steps` is the answer if there is no checkpoint, or one without that count.
    """
    if checkpoint is None:
        return steps
    count = "optimizer.0.step"
    with contextlib.suppress(OSError, SafetensorError), safe_open(checkpoint / _STATE, "pt") as file:
        return int(file.get_tensor(count)) if count in file.keys() else steps
    return steps  # a damaged file is reported when it is loaded


class RestoreRandomState(TrainerCallback):
    """Restores the random state before the first step; earlier, the data loader would consume one more number."""

    def __init__(self, state: dict[str, torch.Tensor]) -> None:
        self.state = state

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Restore the state, once."""
        if "cpu" in self.state:
            torch.set_rng_state(self.state["cpu"])
        if "cuda" in self.state and torch.cuda.is_available():
            torch.cuda.set_rng_state(self.state["cuda"])
        self.state = {}


def _random_state() -> dict[str, torch.Tensor]:
    """Random state used by dropout, on the CPU and on this process's GPU."""
    states = {"cpu": torch.get_rng_state()}
    return states | ({"cuda": torch.cuda.get_rng_state()} if torch.cuda.is_available() else {})
