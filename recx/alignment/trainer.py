"""Training on encoded rows with transformers' `Trainer`, in one process or several.

The loss itself, cross-entropy over answer tokens, is computed by the model: `recx.models.aligned_model`.
"""

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import Subset
from transformers import PrinterCallback, Trainer, TrainerCallback, set_seed

from recx.alignment.checkpoints import (
    RestoreRandomState,
    last_checkpoint,
    load_checkpoint,
    save_checkpoint,
    updates_done,
)
from recx.alignment.length_grouping import length_grouped_order
from recx.alignment.one_device import OneDeviceArguments
from recx.alignment.optimizers import build_optimizer
from recx.alignment.steps import Rows, device_batch_size, steps_of
from recx.alignment.training_mode import as_trained
from recx.errors import DataError, SettingsError, TrainingError
from recx.models.aligned_model import AlignedModel
from recx.models.backbones import compute_dtype
from recx.prompts.tokens import IGNORED, collate
from recx.settings import FitSettings


class AlignmentTrainer(Trainer):
    """`Trainer` without pickle in its checkpoints, and with the loss averaged over all answer tokens of a step.

    The original would pickle its arguments and optimizer state, save frozen weights too, and fail on tied ones.
    """

    loss_is_scaled_for_ga = True
    measures: tuple[str, ...] = ()
    """Names of what a subclass logs beside the loss."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.model_accepts_loss_kwargs = (
            True  # required for `Trainer` to count a step's answer tokens for `compute_loss`
        )

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | None = None,
    ) -> Any:
        """This batch's share of the step's mean, so that a step does not depend on how it is split.

        The parts are summed over accumulated batches and averaged over processes.
        """
        outputs = model(**inputs)
        learnt = (inputs["labels"] != IGNORED).sum()
        loss = outputs["loss"] * (learnt / num_items_in_batch * self.args.world_size)
        return (loss, outputs) if return_outputs else loss

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write the checkpoint except `trainer_state.json`, which `Trainer` writes afterwards."""
        folder = Path(output_dir or self.args.output_dir)
        save_checkpoint(folder, self.model, self.optimizer, self.args.should_save, self.accelerator.scaler)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        """The only overridden private method: the original rejects a folder without the frozen weights."""
        state = load_checkpoint(
            Path(resume_from_checkpoint),
            model or self.model,
            self.optimizer,
            self.args.process_index,
            self.accelerator.scaler,
        )
        self.add_callback(RestoreRandomState(state))


class StopAfter(TrainerCallback):
    """Stops after a number of steps and leaves a checkpoint, like an interruption."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Save and stop after the last step."""
        if state.global_step >= self.steps:
            control.should_save = control.should_training_stop = True


class RefusesDivergence(TrainerCallback):
    """Ends a training whose weights are no longer numbers, instead of letting it go on and saving them."""

    def on_log(
        self, args: Any, state: Any, control: Any, model: nn.Module, logs: dict[str, Any], **kwargs: Any
    ) -> None:
        """Look at the weights once a loss is not finite; in float16, a single loss may overflow by itself."""
        if not math.isfinite(logs.get("loss", 0.0)):
            _require_finite(model, state.global_step)


def _require_finite(model: nn.Module, step: int) -> None:
    if not all(bool(p.isfinite().all()) for p in model.parameters() if p.requires_grad):
        raise TrainingError(
            f"The training diverged: by step {step:,}, weights are no longer numbers. Nothing was saved. Lower the "
            "learning rate (align.fit.learning_rate, or the setting of this stage), or train in float32 "
            "(align.fit.precision=float32)."
        )


class Elapsed(TrainerCallback):
    """Adds to each log entry for how many seconds the model has been trained, earlier runs included."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Continue from the last entry of a resumed training."""
        self.started = time.monotonic() - max((entry.get("seconds", 0.0) for entry in state.log_history), default=0.0)

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Add to the entry that was just appended."""
        state.log_history[-1]["seconds"] = time.monotonic() - self.started


def _arguments(
    settings: FitSettings, folder: Path, seed: int, steps: int, updates: int, show_progress: bool
) -> OneDeviceArguments:
    """The trainer's arguments for this process; those that `fit` does not name keep the trainer's defaults."""
    dtype = compute_dtype(settings.precision)
    if dtype == torch.float16 and not torch.cuda.is_available():
        raise SettingsError(
            "Setting 'align.fit.precision' is 'float16', which requires a GPU for training; there is none here."
        )
    arguments = OneDeviceArguments(
        output_dir=str(folder),
        max_steps=steps,
        gradient_accumulation_steps=settings.accumulate or 1,
        learning_rate=settings.learning_rate,
        warmup_steps=int(steps * settings.warmup),  # with one more, a training of a single step would have rate 0
        lr_scheduler_type=settings.schedule,
        lr_scheduler_kwargs={"last_epoch": updates - 1},
        max_grad_norm=settings.clip,
        bf16=dtype == torch.bfloat16,
        fp16=dtype == torch.float16,
        use_cpu=not torch.cuda.is_available(),
        ddp_broadcast_buffers=False,  # the target's vectors, which never change
        train_sampling_strategy="sequential",
        remove_unused_columns=False,
        dataloader_pin_memory=torch.cuda.is_available(),
        save_steps=settings.save_steps,
        save_total_limit=1,
        save_only_model=True,  # `save_model` writes the rest
        logging_steps=max(1, min(50, steps // 10)),
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=not show_progress,
        seed=seed,
    )
    arguments.per_device_train_batch_size = device_batch_size(settings, arguments.world_size)
    return arguments


def fit(
    model: AlignedModel,
    rows: Rows,
    settings: FitSettings,
    folder: Path,
    seed: int,
    stop_after: int | None = None,
    show_progress: bool = True,
    callbacks: Sequence[TrainerCallback] = (),
    trainer_of: Callable[..., AlignmentTrainer] = AlignmentTrainer,
    collator: Callable[..., dict[str, torch.Tensor]] = collate,
) -> list[dict[str, float]]:
    """Train a model on rows, resuming from the last checkpoint in `folder` if there is one.

    Batches are grouped by length, so they contain little padding. On the same machine, a resumed training ends with
    bit-identical weights.

    Each process trains on one device. If `torchrun` started several, as in `recx.alignment.several_processes`, each
    gets its part of every step's rows, so that number of steps, order of rows and loss are those of a single process
    except for rounding and for what is random in a layer (dropout, the gate of the projector `moe`); the first process
    writes checkpoints and shows the progress bar.

    Args:
        model: trained in place and left in eval mode.
        rows: training rows.
        settings: training settings.
        folder: folder for checkpoints; the same for all processes.
        seed: random seed of the order of rows.
        stop_after: stop with a checkpoint after this many steps (to test resuming).
        show_progress: show a bar.
        callbacks: further trainer callbacks.
        trainer_of: builds the trainer, whose class determines the loss.
        collator: makes a batch of rows, which may be of any kind then.

    Returns:
        The loss every few steps: rows of `step`, `loss`, `seconds`, and the trainer's `measures`.

    Raises:
        CheckpointError: the last checkpoint is damaged, or belongs to another model.
        DataError: there are no rows.
        SettingsError: a step's rows cannot be divided evenly, or the machine does not support the settings.
        TrainingError: the training diverged.
    """
    if not len(rows):
        raise DataError("There are no rows to train on. For alignment, a higher align.max_tokens keeps longer rows.")
    set_seed(seed)
    steps = steps_of(rows, settings)
    steps_done, checkpoint = last_checkpoint(folder)
    arguments = _arguments(settings, folder, seed, steps, updates_done(checkpoint, steps_done), show_progress)
    order = length_grouped_order(rows.lengths, settings.batch_size, steps, seed)
    trainer = trainer_of(
        model,
        arguments,
        data_collator=collator,
        train_dataset=Subset(rows, order.tolist()),
        callbacks=[
            Elapsed(),
            RefusesDivergence(),
            *callbacks,
            *([] if stop_after is None else [StopAfter(stop_after)]),
        ],
        optimizers=(build_optimizer(model, settings), None),
    )
    trainer.remove_callback(PrinterCallback)
    with as_trained(model, settings):
        trainer.train(resume_from_checkpoint=checkpoint and str(checkpoint))
    trainer.accelerator.wait_for_everyone()  # the first process may still be writing the last checkpoint
    _require_finite(model, trainer.state.global_step)
    model.eval()
    history = [h for h in trainer.state.log_history if "loss" in h]
    return [
        {"step": h["step"], "loss": h["loss"], "seconds": h.get("seconds", 0.0)}
        | {name: h[name] for name in trainer.measures}
        for h in history
    ]
