"""The optimizer of a training."""

import torch
from torch import nn

from recx.models.quantisation import require_bitsandbytes
from recx.settings import FitSettings
from recx.storage.tensors import trainable


def build_optimizer(model: nn.Module, settings: FitSettings) -> torch.optim.Optimizer:
    """AdamW with a separate learning rate for the projectors.

    Raises:
        SettingsError: 8-bit AdamW is requested, but bitsandbytes is not installed.
    """
    groups: dict[float, list[nn.Parameter]] = {1.0: [], settings.projector_rate: []}
    for name, parameter in trainable(model).items():
        groups[settings.projector_rate if "_projector." in name else 1.0].append(parameter)
    rates = {multiple: settings.learning_rate * multiple for multiple in groups}
    # `initial_lr` is the factor of a schedule that starts at a later step.
    parts = [{"params": p, "lr": rates[m], "initial_lr": rates[m]} for m, p in groups.items() if p]
    if settings.optimizer == "paged_adamw_8bit":
        require_bitsandbytes("align.fit.optimizer", settings.optimizer)
        from bitsandbytes.optim import PagedAdamW8bit

        return PagedAdamW8bit(parts, betas=(0.9, 0.98), weight_decay=settings.weight_decay)
    return torch.optim.AdamW(parts, betas=(0.9, 0.98), weight_decay=settings.weight_decay, fused=True)
