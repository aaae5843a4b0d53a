"""Encoded training rows on disk, as one safetensors file."""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from recx.errors import CheckpointError
from recx.prompts.tokens import EncodedRows
from recx.prompts.training_tasks import TASKS
from recx.storage.atomic_files import replacing
from recx.storage.tensors import read_tensors


def save_rows(rows: EncodedRows, path: Path) -> None:
    """Write encoded rows."""
    tensors = {
        "ids": torch.from_numpy(rows.ids),
        "offsets": torch.from_numpy(rows.offsets),
        "answer_mask": torch.from_numpy(rows.answer_mask),
        "tasks": torch.tensor([TASKS.index(t) for t in rows.tasks], dtype=torch.int8),
    }
    with replacing(path) as beside:
        save_file(tensors, beside)


def load_rows(path: Path) -> EncodedRows:
    """Load encoded rows.

    Raises:
        CheckpointError: the file is missing, damaged or inconsistent.
    """
    saved = read_tensors(path)
    try:
        tasks = np.array(TASKS)[saved["tasks"].numpy()]
        rows = EncodedRows(saved["ids"].numpy(), saved["offsets"].numpy(), saved["answer_mask"].numpy(), tasks)
    except (KeyError, IndexError) as error:
        raise CheckpointError(f"{path}: not a file of training rows ({error}). Delete its folder and rerun.") from error
    if len(rows.offsets) != len(rows) + 1 or not rows.offsets[-1] == len(rows.ids) == len(rows.answer_mask):
        raise CheckpointError(f"{path}: the parts of the file are inconsistent. Delete its folder and rerun.")
    return rows
