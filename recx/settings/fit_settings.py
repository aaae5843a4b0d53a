"""Settings of a training of a language model: `align.fit`, and those of single studies."""

import math
from dataclasses import dataclass

from recx.settings.accepted_values import NUMBER_FORMATS, require


@dataclass(frozen=True)
class FitSettings:
    """How a language model is trained.

    Attributes:
        batch_size: rows per optimizer step.
        accumulate: number of forward and backward passes per optimizer step; a divisor of `batch_size`, or 0 for the
            fewest that the memory is estimated to allow.
        processes: number of processes that share the rows of a step, one GPU each (0: one per visible GPU). Trainings
            outside `align.fit` use one process, and one pass if `accumulate` is 0.
        gradient_checkpointing: recompute activations in the backward pass, which saves memory and costs time.
        epochs: passes over the rows.
        learning_rate: peak learning rate.
        schedule: decay of the learning rate to zero after the warm-up, `cosine` or `linear`.
        warmup: fraction of the steps during which the learning rate rises linearly.
        projector_rate: learning rate of the projectors, which are trained from scratch, as a multiple of
            `learning_rate`.
        weight_decay: weight decay of AdamW.
        clip: largest gradient norm.
        precision: of matrix products: bfloat16, float16 (on GPUs only; with loss scaling), float32, or auto, which
            chooses as `align.backbone.dtype` does.
        optimizer: `adamw`, or `paged_adamw_8bit`, whose state takes a quarter of the memory and is paged out when the
            GPU is full (requires the package bitsandbytes).
        save_steps: steps between checkpoints.
    """

    batch_size: int = 32
    accumulate: int = 1
    processes: int = 1
    gradient_checkpointing: bool = False
    epochs: float = 1.0
    learning_rate: float = 2e-3
    schedule: str = "cosine"
    warmup: float = 0.03
    projector_rate: float = 2.5
    weight_decay: float = 0.01
    clip: float = 1.0
    precision: str = "auto"
    optimizer: str = "adamw"
    save_steps: int = 1000

    def __post_init__(self) -> None:
        for name in ("batch_size", "epochs", "save_steps", "learning_rate", "clip"):
            require(0 < getattr(self, name) < math.inf, f"align.fit.{name}", "above 0", getattr(self, name))
        for name in ("projector_rate", "weight_decay"):
            require(0 <= getattr(self, name) < math.inf, f"align.fit.{name}", "0 or more", getattr(self, name))
        require(0 <= self.warmup <= 1, "align.fit.warmup", "between 0 and 1", self.warmup)
        accepted = f"one of {', '.join(NUMBER_FORMATS)}"
        require(self.precision in NUMBER_FORMATS, "align.fit.precision", accepted, self.precision)
        optimizers = ("adamw", "paged_adamw_8bit")
        require(self.optimizer in optimizers, "align.fit.optimizer", " or ".join(optimizers), self.optimizer)
        divides = self.accumulate >= 0 and self.batch_size % (self.accumulate or 1) == 0
        divisor = f"0 or a divisor of align.fit.batch_size ({self.batch_size})"
        require(divides, "align.fit.accumulate", divisor, self.accumulate)
        require(self.processes >= 0, "align.fit.processes", "0 or more", self.processes)
        require(self.schedule in ("cosine", "linear"), "align.fit.schedule", "'cosine' or 'linear'", self.schedule)
