"""Tokenizers made from SentencePiece models put a space before a text; pieces of a prompt need one that does not."""

import copy
import json
from typing import Any

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerBase

from recx.errors import CheckpointError


def without_prefix_space(tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """A tokenizer for pieces: it puts no space before a text and takes none away when it decodes.

    Prompts, answers and the title graph are put together from pieces that are tokenised each by itself; with a space
    before each they would say something else. The tokenizer itself where it already is like that, else a copy.

    Raises:
        CheckpointError: it cannot be made to.
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
            f"The tokenizer of {tokenizer.name_or_path!r} changes the spaces of a text, so that titles would not be "
            "the same in a prompt and in an answer. Choose a backbone whose tokenizer gives a text back as it was."
        )
    return mended


def _joins(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether pieces that are tokenised each by itself decode to the text they make together."""
    pieces = ([*tokenizer.encode(text, add_special_tokens=False)] for text in (" One", "two ", "three ."))
    return tokenizer.decode([token for piece in pieces for token in piece]) == " Onetwo three ."


def _without_space(part: Any) -> Any:
    """A normalizer, pre-tokenizer or decoder, in the form of `tokenizer.json`, without what adds or strips a space."""
    if part is None or part["type"] in ("Prepend", "Strip"):
        return None
    for name in ("normalizers", "pretokenizers", "decoders"):
        if name in part:
            return part | {name: [p for p in map(_without_space, part[name]) if p is not None]}
    if part["type"] == "Metaspace":
        return part | {"prepend_scheme": "never"}
    return part | {"add_prefix_space": False} if part["type"] == "ByteLevel" else part
