"""A trainer whose loss is computed by the method `batch_loss`, and which logs what that method measures."""

from collections import defaultdict
from typing import Any

import numpy as np
from torch import Tensor, nn

from recx.alignment.trainer import AlignmentTrainer


class MeasuringTrainer(AlignmentTrainer):
    """The trainer of alignment with the loss `batch_loss`; it also logs means of its `measures`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.measured: dict[str, list[float]] = defaultdict(list)

    def batch_loss(self, model: nn.Module, inputs: dict[str, Tensor]) -> Tensor:
        """The mean loss of a batch; appends to `measured` what else is to be logged of it."""
        raise NotImplementedError

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | None = None,
    ) -> Tensor:
        """This batch's share of the step's mean."""
        return self.batch_loss(model, inputs) / self.args.gradient_accumulation_steps

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log means since the last time along with the loss."""
        if "loss" in logs:
            logs |= {name: float(np.mean(self.measured[name] or [np.nan])) for name in self.measures}
            self.measured.clear()
        super().log(logs, start_time)
