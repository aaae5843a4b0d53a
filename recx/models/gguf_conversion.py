"""Weights kept in GGUF, the file form of llama.cpp, become a folder that transformers loads."""

from pathlib import Path

import torch
from gguf import GGUFReader
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer

from recx.errors import CheckpointError
from recx.models.backbones import without_bars

# How text is cut before its pieces are merged, by the name that GGUF has for it; transformers cuts as GPT-2 does.
_CUTS = {
    "smollm": lambda: pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
}


def convert_gguf(file: Path, folder: Path) -> None:
    """Write the model of a GGUF file as safetensors in bfloat16, with its tokenizer and chat template.

    Raises:
        CheckpointError: the file is damaged, or of a tokenizer that is not known here.
    """
    source = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    try:
        cut = GGUFReader(file).fields["tokenizer.ggml.pre"].contents()
        tokenizer = AutoTokenizer.from_pretrained(**source)
        with without_bars():
            read = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
    except Exception as error:  # a damaged file raises whatever its parser raises
        raise CheckpointError(f"{file}: no GGUF file that can be converted ({error}).") from error
    if cut not in _CUTS:
        raise CheckpointError(f"{file}: the tokenizer {cut!r} cannot be converted; known: {', '.join(_CUTS)}.")
    tokenizer.backend_tokenizer.pre_tokenizer = _CUTS[cut]()
    # The model read holds that it is quantised, which it no longer is; transformers would not save it.
    config = read.config.to_dict()
    config.pop("quantization_config", None)
    model = type(read)(type(read.config)(**config)).to(torch.bfloat16)
    model.load_state_dict(read.state_dict())
    with without_bars():
        model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
