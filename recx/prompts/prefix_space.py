"""Tokenizers from SentencePiece models add a space before a text; pieces of a prompt need one that does not."""

import copy
import json
from typing import Any

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerBase

from recx.errors import CheckpointError


def without_prefix_space(tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """A tokenizer for pieces: it adds no space before a text and removes none when decoding.

    Prompts, answers and the title graph are concatenated from separately tokenised pieces; a space before each would
    change the text. Returns the tokenizer itself if it already behaves like that, otherwise a modified copy.

    Raises:
        CheckpointError: the tokenizer cannot be modified accordingly.
    """
    if _joins(tokenizer):
        return tokenizer
    mended = copy.copy(tokenizer)
    mended.clean_up_tokenization_spaces = False
    if tokenizer.is_fast:
        parts = json.loads(tokenizer.backend_tokenizer.to_str())
        for name in ("normalizer", "pre_tokenizer", "decoder"):
            parts[name] = _without_space(parts[name])
        mended._tokenizer = Tokenizer.from_str(json.dumps(parts))
    if not _joins(mended):
        raise CheckpointError(
            f"The tokenizer of {tokenizer.name_or_path!r} changes the spaces of a text, so that titles would differ "
            "between prompts and answers. Choose a backbone whose tokenizer reproduces texts exactly."
        )
    return mended


def _joins(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether separately tokenised pieces decode to the concatenated text."""
    pieces = ([*tokenizer.encode(text, add_special_tokens=False)] for text in (" One", "two ", "three ."))
    return tokenizer.decode([token for piece in pieces for token in piece]) == " Onetwo three ."


def _without_space(part: Any) -> Any:
    """Remove whatever adds or strips a space from a normalizer, pre-tokenizer or decoder in `tokenizer.json` form."""
    if part is None or part["type"] in ("Prepend", "Strip"):
        return None
    for name in ("normalizers", "pretokenizers", "decoders"):
        if name in part:
            return part | {name: [p for p in map(_without_space, part[name]) if p is not None]}
    if part["type"] == "Metaspace":
        return part | {"prepend_scheme": "never"}
    return part | {"add_prefix_space": False} if part["type"] == "ByteLevel" else part
