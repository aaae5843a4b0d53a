"""Language models to align: the bundled teaching backbone, or any causal model from the hub or a folder."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from recx.errors import CheckpointError
from recx.models.families import causal_class
from recx.models.loading_errors import explain
from recx.models.pretrained import backbone_folder, require_here
from recx.prompts.tokenizer_checks import check_tokenizer
from recx.recommenders.devices import preferred_device

# Otherwise transformers would ask a service for converted weights, offered in a pull request that the repository's
# owner has not reviewed.
os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")


def load_backbone(
    name: str,
    revision: str = "",
    dtype: torch.dtype = torch.float32,
    quantization: BitsAndBytesConfig | None = None,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a causal language model with its tokenizer, from safetensors only.

    Args:
        name: short name, hub id or folder.
        revision: branch, tag or commit of a hub id; empty for the main branch.
        dtype: number format of the weights.
        quantization: how to quantise the matrices while they are read, directly onto their device.

    Raises:
        CheckpointError: there is no usable model of that name, or the kit does not support its family.
    """
    folder = backbone_folder(name)
    require_here(name)
    if revision and Path(folder).is_dir():
        raise CheckpointError(
            f"align.backbone.revision ({revision!r}) applies to hub ids only, but {name!r} is a folder."
        )
    if (Path(folder) / "adapter_config.json").is_file():
        raise CheckpointError(
            f"{folder} holds adapters (adapter_config.json). Merge them into the weights first (with peft, by "
            "merge_and_unload) and save the merged model: otherwise, models with and without adapters of their own "
            "would start from different weights."
        )
    source = {"pretrained_model_name_or_path": folder, "revision": revision or "main", "trust_remote_code": False}
    try:
        config = AutoConfig.from_pretrained(**source)
        family = causal_class(config)  # before any weights are downloaded
        tokenizer = AutoTokenizer.from_pretrained(**source)
        tokenizer.clean_up_tokenization_spaces = False  # "Portal : Prelude" keeps its space
        check_tokenizer(tokenizer)
        with without_bars():
            model = AutoModelForCausalLM.from_pretrained(
                **source,
                use_safetensors=True,
                dtype=dtype,
                quantization_config=quantization,
                device_map=None if quantization is None else {"": preferred_device()},
                attn_implementation=fastest_attention(family),
            )
    except Exception as error:  # damaged files raise arbitrary parser errors
        raise CheckpointError(f"Cannot load the backbone {name!r}: {explain(error, folder, revision)}") from error
    return model, tokenizer


@contextlib.contextmanager
def without_bars() -> Iterator[None]:
    """Hide the progress bar of transformers for loading weights, which would appear in every executed notebook."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def fastest_attention(family: type[PreTrainedModel]) -> str:
    """Choose an attention implementation for short rows: on a CPU, plain matrix products are a fifth faster.

    Measured in docs/decisions/058. Some families have no fused kernel in transformers.
    """
    return "sdpa" if torch.cuda.is_available() and family._supports_sdpa else "eager"


def cpu_bfloat16() -> bool:
    """Whether this processor has hardware bfloat16 matrix products; otherwise they would be slower than float32."""
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def autocast(precision: str, device: str) -> torch.autocast:
    """Autocast context for a precision setting; it has no effect if that resolves to float32."""
    dtype = compute_dtype(precision)
    if dtype == torch.float32:
        return torch.autocast(device, enabled=False)
    return torch.autocast(device, dtype)


def compute_dtype(precision: str) -> torch.dtype:
    """Resolve a number format setting on this machine.

    "auto" is bfloat16 if the hardware supports it, float16 on a GPU that only emulates bfloat16 (before compute
    capability 8), which is slow, and otherwise float32.
    """
    if precision != "auto":
        return getattr(torch, precision)
    if not torch.cuda.is_available():
        return torch.bfloat16 if cpu_bfloat16() else torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
