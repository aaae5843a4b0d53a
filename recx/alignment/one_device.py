"""Training on one device, leaving the machine's other GPUs alone."""

from transformers import TrainingArguments


class OneDeviceArguments(TrainingArguments):
    """Arguments of a process that uses one device, however many GPUs are visible.

    With more than one, `Trainer` would copy the model to all of them (`nn.DataParallel`) and multiply the batch.
    """

    @property
    def n_gpu(self) -> int:
        """Number of GPUs of this process: 0 or 1."""
        return min(1, super().n_gpu)
