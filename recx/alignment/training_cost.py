"""How long a training will take."""

import time

import numpy as np

from recx.alignment.steps import device_batch_size
from recx.alignment.training_mode import as_trained, mode_kept
from recx.models.aligned_model import AlignedModel
from recx.models.backbones import autocast
from recx.prompts.tokens import EncodedRows, collate
from recx.settings import FitSettings


def estimate_minutes(model: AlignedModel, rows: EncodedRows, settings: FitSettings) -> float:
    """Estimate the minutes that `fit` takes in one process by timing three typical batches.

    The model is left unchanged.
    """
    order = np.argsort(rows.lengths, kind="stable")
    starts = [int(q * (len(rows) - 1)) for q in (0.5, 0.2, 0.5, 0.8)]  # the first batch warms up caches
    seconds_per_row = []
    with mode_kept(model):
        model.train()
        for start in starts:
            chosen = order[start : start + device_batch_size(settings)]
            batch = {k: v.to(model.device) for k, v in collate([rows[int(r)] for r in chosen]).items()}
            started = time.monotonic()
            with autocast(settings.precision, model.device.type), as_trained(model, settings):
                loss = model(**batch)["loss"]
                loss.backward()
            loss.item()  # waits for the GPU
            seconds_per_row.append((time.monotonic() - started) / len(chosen))
    model.zero_grad(set_to_none=True)
    return float(np.mean(seconds_per_row[1:])) * 1.1 * len(rows) * settings.epochs / 60
