"""Build `recx-tiny`, the teaching backbone: a small Llama and its tokenizer, from text this project writes.

    python -m recx.teaching.pretraining

It reads the demo catalogue's facts, made-up titles, general conversations, and answers argued from content
alone: the labels come from `ContentRecommender`, which compares attributes. No interaction and no target is read.
"""

import itertools
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed

from recx import paths
from recx.alignment.trainer import FitSettings, estimate_minutes, fit
from recx.data.catalogue import Catalogue
from recx.data.demo import demo_catalogue
from recx.models.aligned_model import AlignedModel
from recx.models.backbones import fastest_attention
from recx.prompts import wordings as prompts
from recx.prompts.controls import random_control
from recx.prompts.conversations import Conversation, read_conversations
from recx.prompts.templates import argue
from recx.prompts.tokens import EncodedRows, Encoder
from recx.prompts.training_tasks import Example, TaskData, as_text, build_examples, question
from recx.recommenders.labels import label
from recx.teaching.content_rule import ContentRecommender
from recx.teaching.synthetic_titles import synthetic_catalogue

CHAT_TEMPLATE = (
    "{% for m in messages %}{% if m['role'] == 'user' %}<|user|>{{ m['content'] }}"
    "{% elif m['role'] == 'assistant' %}<|assistant|>{{ m['content'] }}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = ("<|pad|>", "<|end|>", "<|user|>", "<|assistant|>")


@dataclass(frozen=True)
class PretrainingSettings:
    """Size of the teaching backbone and of its training.

    Attributes:
        rows: how many rows of text to write.
        vocabulary: tokens.
        hidden: width.
        layers: number of layers.
        heads: attention heads.
        intermediate: width of the feed-forward part.
        known_share: share of rows about the demo catalogue; the others have made-up titles.
        seed: of text, weights and order.
        batch_size: rows a step.
        learning_rate: peak.
        out: folder to write; the shipped one unless told.
        work: folder for checkpoints, so that a stopped build resumes; a temporary one unless told.
    """

    rows: int = 250_000
    vocabulary: int = 4096
    hidden: int = 192
    layers: int = 3
    heads: int = 4
    intermediate: int = 512
    known_share: float = 0.7
    seed: int = 7
    batch_size: int = 64
    learning_rate: float = 2e-3
    out: Path | None = None
    work: Path | None = None


def random_histories(
    catalogue: Catalogue, content: ContentRecommender, count: int, rng: np.random.Generator
) -> list[np.ndarray]:
    """Histories of 2 to 10 items that hang together: each grows from two random items by likeness and chance."""
    seeds = rng.integers(1, len(catalogue) + 1, size=(count, 2))
    lengths = rng.integers(2, 11, size=count)
    sharpness = rng.uniform(1.0, 4.0, size=(count, 1))
    histories = []
    for start in range(0, count, 1024):
        part = slice(start, start + 1024)
        scores = content.score(torch.from_numpy(seeds[part])).numpy() * sharpness[part]
        keys = scores + rng.gumbel(size=scores.shape)
        keys[:, 0] = -np.inf
        order = np.argpartition(-keys, 12, axis=1)[:, :12]
        histories += [rng.permutation(row)[:n] for row, n in zip(order, lengths[part], strict=True)]
    return histories


def write_rows(
    catalogue: Catalogue, count: int, rng: np.random.Generator, conversations: list[Conversation], known: bool
) -> Iterator[Example]:
    """Rows about one catalogue. `known` says that its facts are to be learnt by heart."""
    content = ContentRecommender(catalogue)
    histories = random_histories(catalogue, content, count // 2, rng)
    labels = label(content, histories, content.length, rng)
    data = TaskData(catalogue, histories, labels, conversations=conversations, longest=12)
    if known:
        shares = {"retrieval": 0.06, "ranking": 0.04, "preference": 0.09, "item": 0.14, "conversation": 0.05}
        yield from build_examples(data, "behavior", {t: int(count * s) for t, s in shares.items()}, rng)
        yield from build_examples(data, "behavior", {"reconstruction": int(count * 0.05)}, rng)
    explained = int(count * (0.45 if known else 0.6))
    for n in range(explained):
        yield explanation(data, n % len(histories), rng, views=list(catalogue.attributes))
    for _ in range(int(count * (0.12 if known else 0.4))):
        row = int(rng.integers(len(histories)))
        asked = question(data, "behavior", row, int(rng.integers(4)), str(rng.choice(prompts.HISTORY)))
        yield Example("reconstruction", asked, prompts.titles(data.recent(row)))


def explanation(data: TaskData, row: int, rng: np.random.Generator, views: list[str]) -> Example:
    """An explanation whose decision follows the content rule, but for one in four that argues against it."""
    rule = rng.random() < 0.5
    item = int((data.labels.liked if rule else data.labels.disliked)[row, 0])
    yes = rule != (rng.random() < 1 / 4)
    control = random_control(rng, views)
    asked = question(data, "behavior", row, int(rng.integers(4)), str(rng.choice(prompts.EXPLANATION)), [item])
    wording = control.wording(int(rng.integers(8)))
    return Example(
        "explanation",
        asked + ([f" {wording}"] if wording else []),
        argue(rng, data.catalogue, data.recent(row), item, yes, control),
    )


def build_tokenizer(texts: Iterator[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer. Punctuation and digits stand alone, so quoted titles keep their tokens anywhere."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"[\p{P}\p{S}]|\d{1,4}"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=SPECIAL[0],
        eos_token=SPECIAL[1],
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def build(settings: PretrainingSettings) -> Path:
    """Write the text, train tokenizer and model, and save both as safetensors (half precision) and JSON."""
    set_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    conversations, _ = read_conversations(paths.shipped_data() / "instructions" / "general.json")
    n_known = int(settings.rows * settings.known_share)
    sources = [
        (demo_catalogue(), n_known, True),
        (synthetic_catalogue(rng, 12_000), settings.rows - n_known, False),
    ]
    tokenizer = None
    encoded = []
    for catalogue, count, known in sources:
        if tokenizer is None:
            tokenizer = build_tokenizer(_tokenizer_texts(sources, conversations, settings.seed), settings.vocabulary)
        encoder = Encoder(tokenizer, catalogue.labels, settings.vocabulary)
        rows = write_rows(catalogue, count, rng, conversations, known)
        encoded.append(encoder.encode(rows, max_tokens=320, total=count)[0])
    rows = _join(encoded)
    config = LlamaConfig(
        vocab_size=settings.vocabulary,
        hidden_size=settings.hidden,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        num_key_value_heads=settings.heads,
        intermediate_size=settings.intermediate,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        attn_implementation=fastest_attention(),
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=0,
        architectures=["LlamaForCausalLM"],  # servers look here for the class to load
    )
    model = AlignedModel(LlamaForCausalLM(config))
    fit_settings = FitSettings(
        batch_size=settings.batch_size, learning_rate=settings.learning_rate, weight_decay=0.05, save_steps=1000
    )
    parameters = sum(p.numel() for p in model.parameters())
    minutes = estimate_minutes(model, rows, fit_settings)
    print(
        f"{parameters / 1e6:.2f} M parameters, {len(rows):,} rows, {len(rows.ids) / 1e6:.1f} M tokens; "
        f"about {minutes:.0f} minutes here"
    )
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        losses = fit(model, rows, fit_settings, settings.work or Path(temporary), settings.seed)
    out = settings.out or paths.shipped_data() / "backbones" / "recx-tiny"
    _save(model.backbone, tokenizer, out)
    record = asdict(settings) | {"out": None, "work": None}
    record |= {
        "parameters": parameters,
        "tokens": len(rows.ids),
        "minutes": round((time.monotonic() - started) / 60, 1),
    }
    record |= {"torch": torch.__version__, "threads": torch.get_num_threads(), "losses": losses}
    (out / "pretraining.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
    return out


def _tokenizer_texts(sources: list, conversations: list[Conversation], seed: int) -> Iterator[str]:
    rng = np.random.default_rng(seed)
    for catalogue, _, known in sources:
        for example in write_rows(catalogue, 12_000 if known else 3_000, rng, conversations, known):
            yield as_text([*example.prompt, "\n", *example.response], catalogue)
        yield from itertools.chain.from_iterable([catalogue.labels] * (3 if known else 1))
    for conversation in conversations:
        yield from conversation.turns


def _join(parts: list[EncodedRows]) -> EncodedRows:
    starts = np.cumsum([0] + [len(p.ids) for p in parts])
    offsets = [p.offsets[:-1] + s for p, s in zip(parts, starts, strict=False)]
    return EncodedRows(
        np.concatenate([p.ids for p in parts]),
        np.concatenate([*offsets, starts[-1:]]),
        np.concatenate([p.learnt for p in parts]),
        np.concatenate([p.tasks for p in parts]),
    )


def _save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, out: Path) -> None:
    """Write beside the final folder, then put it in place, so that a stopped build leaves the old one whole."""
    beside = out.with_name(out.name + ".part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    tokenizer.save_pretrained(beside)
    model.config.save_pretrained(beside)
    weights = {n: p.detach().to(torch.float16).contiguous() for n, p in model.named_parameters()}
    save_file(weights, beside / "model.safetensors", metadata={"format": "pt"})
    shutil.rmtree(out, ignore_errors=True)
    beside.rename(out)


if __name__ == "__main__":
    print(f"Saved {build(tyro.cli(PretrainingSettings, description=__doc__))}")
