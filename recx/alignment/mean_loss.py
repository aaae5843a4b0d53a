"""The loss of a model on rows that it is not trained on."""

import math

import numpy as np
import torch

from recx.alignment.training_mode import as_trained, mode_kept
from recx.models.aligned_model import AlignedModel
from recx.models.backbones import autocast
from recx.prompts.tokens import EncodedRows, collate
from recx.settings import FitSettings


def mean_loss(model: AlignedModel, rows: EncodedRows, settings: FitSettings) -> float:
    """Mean cross-entropy over the answer tokens of rows, in nats; NaN without rows.

    Dropout is off, and the model is left unchanged.
    """
    total = count = 0.0
    order = np.argsort(rows.lengths, kind="stable").tolist()
    precision = autocast(settings.precision, model.device.type)
    with mode_kept(model), torch.no_grad(), precision, as_trained(model, settings):
        model.eval()
        for start in range(0, len(order), settings.batch_size):
            batch = collate([rows[r] for r in order[start : start + settings.batch_size]])
            batch = {name: tensor.to(model.device) for name, tensor in batch.items()}
            tokens = int((batch["labels"] >= 0).sum())
            total, count = total + float(AlignedModel.forward(model, **batch)["loss"]) * tokens, count + tokens
    return total / count if count else math.nan
