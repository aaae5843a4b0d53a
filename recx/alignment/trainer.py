"""Training on encoded rows: the stock `Trainer`, with checkpoints in safetensors and JSON."""

import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset
from transformers import Trainer, TrainerCallback, TrainingArguments, set_seed
from transformers.trainer_utils import get_last_checkpoint

from recx.alignment.training_state import load_training_state, save_training_state
from recx.models.backbones import use_bfloat16
from recx.prompts.tokens import EncodedRows, collate
from recx.settings import FitSettings
from recx.speed.allocator import keep_freed_memory
from recx.storage.tensors import trainable


class _Rows(Dataset):
    """Rows in the order they are learnt in, which is fixed beforehand so that a resumed training sees the same."""

    def __init__(self, rows: EncodedRows, order: np.ndarray) -> None:
        self.rows, self.order = rows, order

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, n: int) -> dict[str, np.ndarray]:
        return self.rows[int(self.order[n])]


def grouped_order(lengths: np.ndarray, batch: int, steps: int, seed: int, group: int = 50) -> np.ndarray:
    """An order of rows whose batches hold rows of like length.

    Every pass over the rows is a new permutation; within `group` batches of it rows are sorted by length, and the
    batches are then shuffled. The last, smaller batch of a pass is left out.

    Args:
        lengths: (R,) tokens of each row.
        batch: rows a step.
        steps: number of steps.
        seed: of the permutations.
        group: batches sorted together.

    Returns:
        (steps * batch,) row numbers; fewer rows than one batch are repeated.
    """
    rng = np.random.default_rng(seed)
    batches: list[np.ndarray] = []
    while len(batches) < steps:
        order = rng.permutation(len(lengths))
        if len(order) < batch:
            order = np.resize(order, batch)
        for start in range(0, len(order), group * batch):
            part = order[start : start + group * batch]
            part = part[np.argsort(lengths[part], kind="stable")]
            cut = [part[n : n + batch] for n in range(0, len(part) - batch + 1, batch)]
            batches += [cut[n] for n in rng.permutation(len(cut))]
    return np.concatenate(batches[:steps])


class PlainTrainer(Trainer):
    """`Trainer` whose checkpoints hold no pickle: weights and states as safetensors and JSON."""

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        save_training_state(Path(output_dir or self.args.output_dir), model=self.model)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        load_training_state(Path(resume_from_checkpoint), model=model or self.model)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        save_training_state(Path(output_dir), optimizer=self.optimizer, scheduler=self.lr_scheduler)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            load_training_state(Path(checkpoint), optimizer=self.optimizer, scheduler=self.lr_scheduler)

    def _save_rng_state(self, output_dir: str) -> None:
        save_training_state(Path(output_dir), random=True)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            load_training_state(Path(checkpoint), random=True)


def _optimizer(model: nn.Module, settings: FitSettings) -> torch.optim.AdamW:
    """AdamW with a learning rate of their own for the projectors."""
    groups: dict[float, list[nn.Parameter]] = {1.0: [], settings.projector_rate: []}
    for name, parameter in trainable(model).items():
        groups[settings.projector_rate if "_projector." in name else 1.0].append(parameter)
    return torch.optim.AdamW(
        [{"params": p, "lr": settings.learning_rate * rate} for rate, p in groups.items() if p],
        betas=(0.9, 0.98),
        weight_decay=settings.weight_decay,
        fused=True,
    )


class _Deadline(TrainerCallback):
    """Stops after a number of steps, leaving a checkpoint: what an interruption looks like."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step >= self.steps:
            control.should_save = control.should_training_stop = True


def fit(
    model: nn.Module,
    rows: EncodedRows,
    settings: FitSettings,
    folder: Path,
    seed: int,
    stop_after: int | None = None,
    quiet: bool = False,
) -> list[dict[str, float]]:
    """Train a model on rows, resuming from the last checkpoint in `folder` where there is one.

    Batches are grouped by length, so little of them is padding. On one machine a resumed training ends with
    the same weights, bit for bit, as an undisturbed one.

    Args:
        model: takes `input_ids` and `labels`, returns a dict with `loss`.
        rows: what to learn.
        settings: how.
        folder: for checkpoints.
        seed: of the order of rows.
        stop_after: stop with a checkpoint after that many steps (to try resuming).
        quiet: no progress bar.

    Returns:
        The loss every few steps: rows of `step`, `loss`, `seconds`.
    """
    keep_freed_memory()
    set_seed(seed)
    steps = max(1, int(len(rows) / settings.batch_size * settings.epochs))
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        warmup_steps=max(1, int(steps * settings.warmup)),
        lr_scheduler_type="cosine",
        max_grad_norm=settings.clip,
        bf16=use_bfloat16(settings.precision),
        use_cpu=not torch.cuda.is_available(),
        train_sampling_strategy="sequential",
        remove_unused_columns=False,
        dataloader_pin_memory=torch.cuda.is_available(),
        save_steps=settings.save_steps,
        save_total_limit=1,
        logging_steps=max(1, min(50, steps // 10)),
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=quiet,
        seed=seed,
    )
    trainer = PlainTrainer(
        optimizers=(_optimizer(model, settings), None),
        model=model,
        args=arguments,
        train_dataset=_Rows(rows, grouped_order(rows.lengths, settings.batch_size, steps, seed)),
        data_collator=collate,
    )
    if stop_after is not None:
        trainer.add_callback(_Deadline(stop_after))
    started = time.monotonic()
    trainer.train(resume_from_checkpoint=_last_whole(folder))
    model.eval()
    seconds = time.monotonic() - started
    history = [h for h in trainer.state.log_history if "loss" in h]
    return [{"step": h["step"], "loss": h["loss"], "seconds": seconds * h["step"] / steps} for h in history]


def _last_whole(folder: Path) -> str | None:
    """The latest checkpoint that was written to its end, which is `trainer_state.json`; others are removed."""
    for started in folder.glob("checkpoint-*"):
        if not (started / "trainer_state.json").is_file():
            shutil.rmtree(started)
    return get_last_checkpoint(str(folder)) if folder.is_dir() else None


def estimate_minutes(model: nn.Module, rows: EncodedRows, settings: FitSettings) -> float:
    """Minutes that `fit` will take here, from timing three typical batches; the model is left as it was."""
    keep_freed_memory()
    order = np.argsort(rows.lengths, kind="stable")
    marks = [int(q * (len(rows) - 1)) for q in (0.2, 0.5, 0.8)]
    spent = []
    for n, mark in enumerate([marks[1], *marks]):
        chosen = order[mark : mark + settings.batch_size]
        batch = {k: v.to(next(model.parameters()).device) for k, v in collate([rows[int(r)] for r in chosen]).items()}
        started = time.monotonic()
        with torch.autocast(batch["input_ids"].device.type, torch.bfloat16, use_bfloat16(settings.precision)):
            model(**batch)["loss"].backward()
        if n:  # the first batch warms caches up
            spent.append((time.monotonic() - started) * settings.batch_size / len(chosen))
    model.zero_grad(set_to_none=True)
    return float(np.mean(spent)) * 1.1 * len(rows) / settings.batch_size * settings.epochs / 60
