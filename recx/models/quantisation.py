"""Number format of the frozen weights beside adapters, including 4-bit quantisation (QLoRA)."""

import importlib.util

import torch
from torch import nn
from transformers import BitsAndBytesConfig

from recx.errors import SettingsError
from recx.models.backbones import compute_dtype
from recx.settings import BackboneSettings


def frozen_dtype(settings: BackboneSettings) -> torch.dtype:
    """Number format in which a backbone is loaded: float32 if all its weights are tuned."""
    return torch.float32 if settings.tunes_all else compute_dtype(settings.dtype)


def quantization_of(settings: BackboneSettings) -> BitsAndBytesConfig | None:
    """Quantisation of a backbone, or None.

    As in QLoRA (Dettmers et al. 2023, arXiv 2305.14314, section 3): four-bit NormalFloat in blocks of 64 with double
    quantisation of the scales; products use the format that the weights would otherwise have. Embeddings, norms and
    output layer are not quantised.

    Raises:
        SettingsError: the package bitsandbytes is not installed.
    """
    if not settings.quantize:
        return None
    require_bitsandbytes("align.backbone.quantize", settings.quantize)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=settings.quantize,
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=frozen_dtype(settings),
    )


def keep_layout(backbone: nn.Module) -> None:
    """Keep the layout of quantised matrices when a model is evaluated on a CPU.

    bitsandbytes would repack them there in eval mode for bfloat16 products, and no gradient passes repacked matrices.
    """
    for module in backbone.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def require_bitsandbytes(key: str, value: str) -> None:
    """Raise `SettingsError` if the package that a setting requires is not installed."""
    if importlib.util.find_spec("bitsandbytes") is None:
        raise SettingsError(
            f"Setting {key!r} is {value!r}, which requires the package bitsandbytes: run python3 tools/bootstrap.py "
            "gpu in the kit's folder, or pip install bitsandbytes."
        )
