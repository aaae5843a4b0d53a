"""Tokenizers that lose parts of prompts are rejected."""

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import AutoConfig, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from recx.data.demo import demo_catalogue
from recx.errors import CheckpointError
from recx.models.backbones import load_backbone
from recx.models.pretrained import backbone_folder
from recx.prompts.tokenizer_checks import check_titles, check_tokenizer
from recx.prompts.tokens import PromptEncoder


def wrapped(tokenizer, **more):
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", **more)


def byte_level(**more):
    """A tokenizer with one token per byte."""
    vocabulary = {c: n for n, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return wrapped(tokenizer, **more)


def unigram(pieces, **more):
    """A SentencePiece unigram tokenizer, with a space before each word."""
    tokenizer = Tokenizer(models.Unigram([("<unk>", 0.0), *((p, -1.0) for p in pieces)], 0))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    return wrapped(tokenizer, **more)


def test_bytes_keep_everything():
    check_tokenizer(byte_level())
    assert check_titles(byte_level(), [*demo_catalogue().labels, "日本 🎮™", "a  b", "tab\there"]) == []


@pytest.mark.parametrize("family", ["llama", "qwen2", "gpt2"])
def test_a_folder_without_a_tokenizer_is_named(tmp_path, family):
    """For some families transformers then returns an empty tokenizer, for others it raises an error."""
    AutoConfig.for_model(family).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=r"tokenizer.save_pretrained\(folder\)") as caught:
        load_backbone(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_spaces_before_marks_are_kept(tmp_path):
    """A tokenizer may be configured to remove such spaces, as BERT's once was."""
    pieces = ["▁", *map(chr, range(33, 127))]
    unigram(pieces, clean_up_tokenization_spaces=True).save_pretrained(tmp_path)
    config = LlamaConfig(
        vocab_size=128, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    LlamaForCausalLM(config).save_pretrained(tmp_path)
    assert check_titles(load_backbone(str(tmp_path))[1], ["", "Portal ? Prelude"]) == []


def test_a_decision_must_be_told_from_its_first_token():
    letters = sorted(set(map(chr, range(33, 127))) - {"Y", "N"})
    with pytest.raises(CheckpointError, match="begins 'Yes' and 'No' with the same tokens"):
        check_tokenizer(unigram(["▁", *letters]))
    check_tokenizer(unigram(["▁", "Y", "N", *letters]))  # with a space as a token of its own


def test_answers_must_end():
    tokenizer = byte_level()
    tokenizer.eos_token = None
    with pytest.raises(CheckpointError, match="no end-of-text token"):
        check_tokenizer(tokenizer)


LOOP = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{% if messages[0].role != 'system' %}{{ raise_exception('No system!') }}{% endif %}" + LOOP, "No system!"),
        ("{{ messages[0].nothing.at_all }}" + LOOP, "does not support a plain conversation"),
        ("<user>{{ messages[-1].content }}", "a turn's text is missing"),
        (LOOP + "{% endfor %}", "does not support a plain conversation"),
    ],
)
def test_a_chat_template_that_takes_no_question_is_explained(template, why):
    with pytest.raises(CheckpointError, match=why):
        check_tokenizer(byte_level(chat_template=template))


@pytest.mark.parametrize(
    "template",
    [LOOP, "{% if messages[0].role == 'system' %}{{ raise_exception('No system here') }}{% endif %}" + LOOP],
)
def test_a_chat_template_without_a_system_message_is_served(template):
    check_tokenizer(byte_level(chat_template=template))


def test_titles_without_their_letters_are_refused():
    letters = [c for c in map(chr, range(33, 127)) if c not in "6K"]
    with pytest.raises(CheckpointError, match='does not preserve 2 of 3 titles.*"Portal 6" becomes'):
        check_titles(unigram(["▁", *letters]), ["", "Portal 6", "Portal", "Katamari"])


def test_capitals_are_part_of_a_title():
    tokenizer = byte_level()
    tokenizer.backend_tokenizer.normalizer = normalizers.Lowercase()
    with pytest.raises(CheckpointError, match='"Portal" becomes "portal"'):
        check_titles(tokenizer, ["", "Portal"])


def test_typography_may_change_and_is_reported():
    tokenizer = byte_level()
    tokenizer.backend_tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace("…", "..."), normalizers.Replace("  ", " ")]
    )
    assert check_titles(tokenizer, ["", "Portal", "Wait…", "Two  Spaces"]) == ["Wait…", "Two  Spaces"]


def test_the_teaching_backbone_passes(backbone):
    tokenizer = AutoTokenizer.from_pretrained(backbone_folder("recx-tiny"))
    check_tokenizer(tokenizer)
    assert check_titles(tokenizer, demo_catalogue().labels) == []


def test_two_titles_of_the_same_tokens_are_refused():
    tokenizer = byte_level()
    tokenizer.backend_tokenizer.normalizer = normalizers.Replace("…", "...")
    with pytest.raises(CheckpointError, match='"Wait..." and "Wait…" with the same tokens'):
        check_titles(tokenizer, ["", "Wait…", "Wait...", "Okami"])


def test_tokens_beyond_the_embedding_are_refused():
    """Otherwise, the ids of turn markers would be those of the first items."""
    tokenizer = AutoTokenizer.from_pretrained(backbone_folder("recx-tiny"))
    rows = len(tokenizer)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|turn|>", "<|over|>"]})
    tokenizer.chat_template = "{% for m in messages %}<|turn|>{{ m.content }}<|over|>{% endfor %}"
    PromptEncoder(tokenizer, ["", "Portal"], rows + 2)
    with pytest.raises(CheckpointError, match=f"beyond the {rows:,} rows.*'<.over.>'"):
        PromptEncoder(tokenizer, ["", "Portal"], rows)


def test_adapters_in_the_folder_of_a_backbone_are_refused(tmp_path):
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="Merge them into the weights first"):
        load_backbone(str(tmp_path))
