"""Language models to align: the embedded teaching backbone, or any causal model of the hub or a folder."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from recx import paths
from recx.errors import CheckpointError
from recx.recommenders.devices import preferred_device

TEACHING = "recx-tiny"


def backbone_folder(name: str) -> str:
    """Where a backbone's files lie: `recx-tiny` ships with the kit, other names are hub ids or folders."""
    return str(paths.shipped_data() / "backbones" / TEACHING) if name == TEACHING else name


def load_backbone(
    name: str, dtype: torch.dtype = torch.float32, quantization: BitsAndBytesConfig | None = None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a causal language model with its tokenizer, from safetensors only.

    Args:
        name: `recx-tiny`, a hub id or a folder.
        dtype: of the weights.
        quantization: how its matrices are quantised as they are read, straight to where they will lie.

    Raises:
        CheckpointError: nothing usable is found under that name.
    """
    folder = backbone_folder(name)
    if name == TEACHING and not (Path(folder) / "model.safetensors").is_file():
        raise CheckpointError(
            f"The teaching backbone is missing at {folder}. Rebuild it with: python -m recx.teaching.pretraining"
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        with _without_bar():
            model = AutoModelForCausalLM.from_pretrained(
                folder,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=dtype,
                quantization_config=quantization,
                device_map=None if quantization is None else {"": preferred_device()},
                attn_implementation=fastest_attention(),
            )
    except Exception as error:  # a damaged file raises whatever its parser raises
        raise CheckpointError(f"Cannot load the backbone {name!r}: {error}") from error
    if tokenizer.eos_token_id is None:
        raise CheckpointError(f"The tokenizer of {name!r} has no end-of-text token, so answers could not end.")
    return model, tokenizer


@contextlib.contextmanager
def _without_bar() -> Iterator[None]:
    """Within this context transformers shows no bar over the weights, which would stand in every executed notebook."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def fastest_attention() -> str:
    """Attention for short rows: on a CPU plain matrix products beat the fused kernel by a fifth (see LOG.md)."""
    return "sdpa" if torch.cuda.is_available() else "eager"


def cpu_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 matrices in hardware; without that it would be slower."""
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def autocast(precision: str, device: str = "") -> torch.autocast:
    """Autocast context for a precision of the settings; it changes nothing where that comes to float32."""
    dtype, device = compute_dtype(precision), device or ("cuda" if torch.cuda.is_available() else "cpu")
    if dtype == torch.float32:
        return torch.autocast(device, enabled=False)
    return torch.autocast(device, dtype)


def compute_dtype(precision: str) -> torch.dtype:
    """Resolve a number format of the settings on this machine.

    "auto" is bfloat16 where the hardware multiplies it, float16 on a GPU that only imitates bfloat16 (before compute
    capability 8), which is slow, and else float32.
    """
    if precision != "auto":
        return getattr(torch, precision)
    if not torch.cuda.is_available():
        return torch.bfloat16 if cpu_bfloat16() else torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
