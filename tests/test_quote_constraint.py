"""Quotations are constrained to titles during generation, for any kind of tokenizer."""

import re

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from real_tokenizers import load_tokenizer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from recx.data.demo import demo_catalogue
from recx.decoding.generation import best_tokens
from recx.decoding.quote_constraint import QuoteConstraint
from recx.decoding.token_texts import TokenTexts
from recx.evaluation.faithfulness_consistency import repeated_cause
from recx.explaining.records import explanation_of
from recx.models.backbones import backbone_folder
from recx.parsing.explanation_parser import ExplanationParser
from recx.parsing.quotation_marks import straight_quotes
from recx.prompts.controls import Control
from recx.prompts.evidence import evidence_of, explain_evidence
from recx.prompts.pieces import as_text
from recx.prompts.requests import Request

A, AB, SUBJECT = "Red Fox", "Red Fox 2: Blue", "Grey Cat™"
TEXTS = [f'They liked "{A}" and “Blue Owl”, so "{SUBJECT}" fits. ("{A}"; "{AB}") It\'s \'odd\' — "日本", 😀.'] * 50


def byte_level():
    """Like the tokenizers of GPT-2 and SmolLM2: a space and a quotation mark form one token."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer, bpe.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=420, special_tokens=["<end>"], initial_alphabet=alphabet)
    )
    return PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<end>")


def metaspace():
    """Like SentencePiece without byte tokens: it cannot write characters outside its vocabulary."""
    unigram = Tokenizer(models.Unigram())
    unigram.pre_tokenizer, unigram.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=120, special_tokens=["<unk>", "<end>"], unk_token="<unk>")
    unigram.train_from_iterator(TEXTS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=unigram, eos_token="<end>", unk_token="<unk>")


def falling_back():
    """Like Llama 2: tokens for whole words, and byte tokens for everything else."""
    pieces = [
        "<unk>",
        "<end>",
        *(f"<0x{n:02X}>" for n in range(256)),
        "▁",
        '"',
        '▁"',
        '",',
        '."',
        '▁("',
        "▁Red",
        "▁and",
        "Fox",
    ]
    bpe = Tokenizer(models.BPE({p: n for n, p in enumerate(pieces)}, [], byte_fallback=True, unk_token="<unk>"))
    bpe.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<end>", unk_token="<unk>")


def smollm2():
    try:
        return AutoTokenizer.from_pretrained(backbone_folder("smollm2-135m"), local_files_only=True)
    except Exception:
        pytest.skip("no SmolLM2 at hand (recx backbone get smollm2-135m)")


TOKENIZERS = {
    "byte level": byte_level,
    "metaspace": metaspace,
    "falling back": falling_back,
    "recx-tiny": lambda: AutoTokenizer.from_pretrained(backbone_folder("recx-tiny")),
    "smollm2-135m": smollm2,
    "llama-2": lambda: load_tokenizer("llama-2"),
}


@pytest.fixture(scope="module", params=TOKENIZERS)
def tokenizer(request):
    return TOKENIZERS[request.param]()


def ids(tokenizer, text):
    return tokenizer.encode(text, add_special_tokens=False)


def constraint(tokenizer, cited=(A, AB), subject=SUBJECT):
    return QuoteConstraint(TokenTexts.of(tokenizer), cited, subject)


def may_be_written(tokenizer, text, **kw):
    """Whether each token of a text is allowed at its position."""
    held = constraint(tokenizer, **kw)
    for token in ids(tokenizer, text):
        allowed = held.allowed()
        if not (held.accepts(token) if allowed is None else token in allowed):
            return False
        held.advance(token)
    return True


@pytest.mark.parametrize(
    "text, held",
    [
        (f'They liked "{A}" and more', True),
        ('They liked "Made Up" and more', False),
        ('They liked "Red" and more', False),
        (f'liked ("{A}"; "{AB}"), "{A}".', True),  # all cited: again
        (f'liked "{A}" and "{A}"', False),
        (f'"{SUBJECT}" is like "{A}". "{SUBJECT}" fits.', True),
        (f'liked "{A}" and "{SUBJECT}"', False),
        (f'"{SUBJECT}" and "{SUBJECT}"', True),
        (f'the history "{SUBJECT}"', False),
        (f'the history. "{SUBJECT}"', True),
        (f'"{A}" counts most. "{A}" pulls', False),  # where another would be cited
        (f'"{A}" counts most. "{AB}" pulls', True),
        (f'"{A}" counts most. On the other hand, "{A}"', False),
        (f'"{A}" counts most. "{SUBJECT}" is a cat, and so is "{A}".', True),  # compared
        (f'"{A}" counts most. "{SUBJECT}" is like "{A}", and so is "{A}".', False),
        (f'"{SUBJECT}" is a cat. So is "{A}". So is "{A}".', False),
        (f'"{A}" counts most. It is above 9; without "{A}" it would be above 4.', True),  # supposed to be absent
        (f'"{A}" counts most. It is above 9, and above 4 if "{A}" is taken out.', True),
        (f'Without a doubt "{A}" counts most, and then "{A}"', False),
        (f'On the other hand, "{SUBJECT}" pulls', False),
        (f'the series Red"{A}"', False),  # a mark that closes what was never opened
        (f'liked "{A}""{AB}"', False),
        (f'liked ("{A}" "{AB}")', True),
        (f'liked "{A}"Red', True),  # after the mark that closes, anything may come
        ("It's odd", True),
        ("liked “Blue Owl”", False),
        ("liked 'odd'", False),
    ],
)
def test_what_stands_in_quotation_marks_may_be_cited(tokenizer, text, held):
    if tokenizer.decode(ids(tokenizer, text)).strip() != text:
        pytest.skip("this tokenizer cannot write the text")
    assert may_be_written(tokenizer, text) is held


def test_without_anything_to_cite_there_is_the_subject(tokenizer):
    assert may_be_written(tokenizer, f'"{A}" and "{A}"', cited=(), subject=A)
    assert not may_be_written(tokenizer, f'"{A}" in history "{A}"', cited=(), subject=A)
    assert constraint(tokenizer, (), A).fingerprint() != constraint(tokenizer, (AB,), A).fingerprint()


def test_no_quotation_ends_the_text(tokenizer):
    held = constraint(tokenizer)
    assert held.accepts(tokenizer.eos_token_id)
    for token in ids(tokenizer, 'liked "'):
        held.advance(token)
    assert held.allowed() and tokenizer.eos_token_id not in held.allowed()
    with pytest.raises(ValueError, match="is not allowed"):
        held.advance(tokenizer.eos_token_id)


def test_a_title_that_the_tokens_cannot_write_is_never_begun():
    tokenizer = metaspace()
    held, without = constraint(tokenizer, ["RΩ"], A), constraint(tokenizer, [], A)
    for token in ids(tokenizer, 'liked "'):
        held.advance(token)
        without.advance(token)
    assert held.allowed() == without.allowed() and held.allowed()


def test_no_token_opens_a_title_that_cannot_be_ended():
    words = Tokenizer(models.WordLevel({"<unk>": 0, "<end>": 1, '"R': 2, "Rex": 3, '"': 4, "a": 5}, unk_token="<unk>"))
    words.decoder = decoders.Fuse()
    held = constraint(PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<end>", unk_token="<unk>"), ["Rex"])
    assert not held.accepts(2) and held.accepts(4)
    held.advance(4)
    assert held.allowed() == [3]


def continued(tokenizer, text, wanted, scores):
    """What a model that wants to quote one title writes behind a text, and which titles were compared for it."""
    texts, compared = TokenTexts.of(tokenizer), []
    held = constraint(tokenizer, list(scores))
    for token in ids(tokenizer, text):
        held.advance(token)

    def log_probs(row, runs):
        compared.append([b"".join(map(texts.__getitem__, run)).decode() for run in runs])
        return torch.tensor([scores.get(title.rstrip('"'), -9.0) for title in compared[-1]])

    written = b""
    while b'"' not in written:
        logits = torch.zeros(1, len(tokenizer))
        logits[0, [t for t in range(len(tokenizer)) if texts[t] and wanted.encode().startswith(texts[t])]] = 9.0
        written += texts[int(best_tokens(logits, [held], log_probs)[0])]
    return written.decode(), compared


def test_a_title_that_begins_like_a_barred_one_is_chosen_as_a_whole():
    tokenizer = TOKENIZERS["falling back"]()
    scores = {"Fox Den": -1.0, "Fox Hill": -4.0, "Owl": -2.0, "Fox Cub": -3.0}
    # The model wants to write "Fox Den" again, so its first token says nothing for the other foxes.
    title, compared = continued(tokenizer, 'liked "Fox Den" and "', "Fox", scores)
    assert title == 'Owl"' and compared == [['Fox Hill"', 'Owl"', 'Fox Cub"']]
    title, compared = continued(tokenizer, 'liked "Owl" and "', "Fox", scores)  # no barred title begins with it
    assert title.startswith("Fox ") and not compared


LABELS = st.text(st.sampled_from("abRF \t12'’“”—:.!?é日本ก😀™\u0301\u200d"), min_size=1, max_size=12).map(
    lambda s: " ".join(s.split())
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    cited=st.lists(LABELS.filter(bool), max_size=4), subject=LABELS.filter(bool), seed=st.integers(0, 2**32 - 1),
    likes_marks=st.booleans(),
)  # fmt: skip
def test_whatever_a_model_prefers_every_quotation_is_a_title(tokenizer, cited, subject, seed, likes_marks):
    held, rng = constraint(tokenizer, cited, subject), np.random.default_rng(seed)
    texts, size = TokenTexts.of(tokenizer), len(tokenizer)
    # Marks, and pieces of marks, are rare; a model that writes nothing else finds every hole.
    marks = [t for t in range(size) if any(m in texts[t] for m in (b'"', b"'", b"\x80"))] if likes_marks else []
    written = []
    for _ in range(40):
        logits = torch.from_numpy(rng.normal(size=(1, size)))
        logits[0, marks] += 3
        token = int(best_tokens(logits, [held], lambda row, runs: torch.from_numpy(rng.normal(size=len(runs))))[0])
        if token == tokenizer.eos_token_id:
            break
        written.append(token)
    while not held.accepts(tokenizer.eos_token_id):  # up to the mark that closes, or the end of a letter
        written.append((held.allowed() or [t for t in range(size) if held.accepts(t)])[0])
        held.advance(written[-1])
    straight = straight_quotes(tokenizer.decode(written))
    quoted = re.findall(r'"([^"]*)"', straight)
    assert straight.count('"') == 2 * len(quoted)
    spaced = {" ".join(label.split()) for label in (*cited, subject)}
    assert {" ".join(q.split()) for q in quoted} <= spaced, (straight, written)


CATALOGUE = demo_catalogue()
PARSER = ExplanationParser(CATALOGUE)
ITEM, HISTORY = 9, (11, 70, 71, 140, 200, 201, 320, 400, 430)
CAUSES = (
    "{} counts most for it, and after that {}. ",
    "{} lifts it; {} does, too. ",
    "From the history, {} is a Shooter title, and {} is one as well! ",
)
TAKEN_UP = (
    "{item} is for Wii, and so is {}. ",
    "{item} is for Wii, while {} and {} are for Xbox 360. ",
    "It ranks above 93 of 100 titles; without {} it would rank above 41. ",
    "It stands above 93 of 100 titles, and above 41 if {} is taken out. ",
)
OTHER_WAY = ("{} pulls the other way. ", "Pulling the other way is {}. ", "On the other hand, {} pulls the other way. ")


def label(n):
    return f'"{CATALOGUE.labels[n]}"'


def may_explain(tokenizer, text):
    return may_be_written(tokenizer, text, cited=[CATALOGUE.labels[n] for n in HISTORY], subject=CATALOGUE.labels[ITEM])


def roles_repeat(text):
    read = explanation_of(text, Request("explanation", np.array(HISTORY), (ITEM,)), CATALOGUE, PARSER)
    return repeated_cause(read) == 1


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    sentences=st.tuples(*map(st.sampled_from, (CAUSES, CAUSES + TAKEN_UP, TAKEN_UP, OTHER_WAY))),
    named=st.lists(st.sampled_from(HISTORY), min_size=8, max_size=8),
)
def test_whatever_titles_are_named_no_title_has_two_roles(tokenizer, sentences, named):
    text = "Yes. " + "".join(sentences).strip().format(*map(label, named), item=label(ITEM))
    if roles_repeat(text):
        assert not may_explain(tokenizer, text)


@pytest.mark.parametrize("liked", [True, False])
def test_the_template_may_be_written_but_not_with_its_first_cause_in_another_role(tokenizer, liked):
    rng = np.random.default_rng(int(liked))
    if tokenizer.unk_token_id in ids(tokenizer, 'Mario: Kart "7" & more'):
        pytest.skip("this tokenizer cannot write the titles")
    for control in (Control(), Control(length="detailed"), Control(length="one sentence")) * 4:
        causes = rng.permutation(HISTORY)
        sizes = np.array([3.0, 2.0, 1.5, 1.0, 0.1, 0.1, 0.1, -0.2, -1.5])
        measured = evidence_of(causes, sizes if liked else -sizes, ITEM, liked, 0.93, np.full(9, 0.41))
        text = as_text(explain_evidence(rng, CATALOGUE, measured, control, numbers=True), CATALOGUE)
        assert may_explain(tokenizer, text), text
        first, second, *_, last = map(label, causes)
        for other in (second, last):
            start, _, end = text.rpartition(other)
            if other in text:
                assert not may_explain(tokenizer, start + first + end), text
