"""Models that compute as in training, or keep their mode."""

import contextlib
from collections.abc import Iterator

import torch
from peft.helpers import disable_input_dtype_casting
from torch import nn

from recx.models.aligned_model import AlignedModel
from recx.models.backbones import compute_dtype
from recx.settings import FitSettings


@contextlib.contextmanager
def as_trained(model: AlignedModel, settings: FitSettings) -> Iterator[None]:
    """Context in which the model computes as in training.

    With gradient checkpointing, each layer's activations are recomputed in the backward pass instead of stored. Under
    autocast, adapters use their inputs as they are: peft would make a float32 copy for each, which autocast converts
    back (a sixth of the activations' memory).
    """
    backbone = model.backbone
    # Within another such context, e.g. where a training measures its loss, it stays on.
    enables = settings.gradient_checkpointing and not any(
        getattr(module, "gradient_checkpointing", False) for module in backbone.modules()
    )
    if enables:
        # The name in transformers since 5.18, and the one before.
        getattr(backbone, "activation_checkpointing_enable", backbone.gradient_checkpointing_enable)()
    try:
        with disable_input_dtype_casting(backbone, active=compute_dtype(settings.precision) != torch.float32):
            yield
    finally:
        if enables:
            getattr(backbone, "activation_checkpointing_disable", backbone.gradient_checkpointing_disable)()


@contextlib.contextmanager
def mode_kept(model: nn.Module) -> Iterator[None]:
    """Context after which each part of a model is in training mode or in eval mode as before."""
    modes = {module: module.training for module in model.modules()}
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training
