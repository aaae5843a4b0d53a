"""The pieces of a prompt join to the intended text, whatever spaces a tokenizer would insert between them."""

import pytest
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE, WordLevel
from transformers import PreTrainedTokenizerFast

from recx.errors import CheckpointError
from recx.prompts.prefix_space import without_prefix_space

TEXTS = ["Yes", " Yes", '"Halo 3"', "; ", "  two", "ends ", "é, 東", "a . b"]


def sentencepiece_like(normalizer=None, pre_tokenizer=None, strip=True):
    """A tokenizer built like that of Llama, with byte tokens and a few words."""
    bytes_ = [f"<0x{n:02X}>" for n in range(256)]
    words = ["▁", *'Yesaltwohrnd3;.,"H', "Ye", "Yes", "▁Yes", "Ha", "lo", "Halo", "▁Halo"]
    vocabulary = {token: n for n, token in enumerate(["<unk>", "</s>", *bytes_, *dict.fromkeys(words)])}
    merges = [("Y", "e"), ("Ye", "s"), ("▁", "Yes"), ("H", "a"), ("l", "o"), ("Ha", "lo"), ("▁", "Halo")]
    tokenizer = Tokenizer(BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence(steps + [decoders.Strip(" ", 1, 0)] * strip)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", unk_token="<unk>")


def prepending():
    return normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])


@pytest.mark.parametrize(
    "tokenizer",
    [
        sentencepiece_like(prepending()),
        sentencepiece_like(pre_tokenizer=pre_tokenizers.Metaspace(prepend_scheme="first", split=False)),
        sentencepiece_like(pre_tokenizer=pre_tokenizers.Metaspace(prepend_scheme="always", split=True)),
    ],
    ids=["normalizer", "first", "always"],
)
def test_pieces_join_without_added_spaces(tokenizer):
    before = tokenizer.encode("Yes", add_special_tokens=False)
    mended = without_prefix_space(tokenizer)
    pieces = [mended.encode(text, add_special_tokens=False) for text in TEXTS]
    assert mended.decode([token for piece in pieces for token in piece]) == "".join(TEXTS)
    assert [mended.decode(piece) for piece in pieces] == TEXTS
    assert mended.convert_ids_to_tokens(pieces[0]) == ["Yes"] and mended.convert_ids_to_tokens(pieces[1]) == ["▁Yes"]
    assert tokenizer.encode("Yes", add_special_tokens=False) == before, "the backbone's own tokenizer stays as it is"
    assert tokenizer.convert_ids_to_tokens(before) == ["▁Yes"]


def test_a_tokenizer_that_adds_nothing_is_left_alone(backbone):
    _, tokenizer = backbone
    assert without_prefix_space(tokenizer) is tokenizer
    gemma = sentencepiece_like(normalizers.Replace(" ", "▁"), strip=False)
    assert without_prefix_space(gemma) is gemma


def test_a_tokenizer_that_loses_spaces_is_refused():
    words = Tokenizer(WordLevel({"<unk>": 0, "One": 1, "two": 2, "three": 3, ".": 4}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    with pytest.raises(CheckpointError, match="changes the spaces"):
        without_prefix_space(PreTrainedTokenizerFast(tokenizer_object=words, unk_token="<unk>"))
