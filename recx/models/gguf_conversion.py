"""Conversion of weights from GGUF, the file format of llama.cpp, to a folder that transformers can load."""

from pathlib import Path

import torch
from gguf import GGUFReader
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer

from recx.errors import CheckpointError
from recx.models.backbones import without_bars

# Pre-tokenisation rules by their name in GGUF; transformers would always use that of GPT-2.
_CUTS = {
    "smollm": lambda: pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
}


def convert_gguf(file: Path, folder: Path) -> None:
    """Convert a GGUF model to safetensors in bfloat16, with its tokenizer and chat template.

    Raises:
        CheckpointError: the file is damaged, or its tokenizer is not supported.
    """
    source = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    try:
        cut = GGUFReader(file).fields["tokenizer.ggml.pre"].contents()
        tokenizer = AutoTokenizer.from_pretrained(**source)
        with without_bars():
            read = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
    except Exception as error:  # damaged files raise arbitrary parser errors
        raise CheckpointError(f"{file}: cannot be converted from GGUF ({error}).") from error
    if cut not in _CUTS:
        raise CheckpointError(f"{file}: the tokenizer {cut!r} cannot be converted; known: {', '.join(_CUTS)}.")
    tokenizer.backend_tokenizer.pre_tokenizer = _CUTS[cut]()
    # The loaded model is marked as quantised, which it no longer is; transformers would refuse to save it.
    config = read.config.to_dict()
    config.pop("quantization_config", None)
    model = type(read)(type(read.config)(**config)).to(torch.bfloat16)
    model.load_state_dict(read.state_dict())
    with without_bars():
        model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
