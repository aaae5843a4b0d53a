"""Build `recx-tiny`, the teaching backbone: a small Llama and its tokenizer, from text this project writes.

    python -m recx.teaching.pretraining

It uses the demo catalogue's facts, synthetic titles, general conversations, and answers argued from content alone.
"""

import json
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed

from recx import paths
from recx.alignment.trainer import fit
from recx.alignment.training_cost import estimate_minutes
from recx.data.demo import demo_catalogue
from recx.models.aligned_model import AlignedModel
from recx.models.backbones import fastest_attention
from recx.models.pretrained import TEACHING, backbone_folder
from recx.prompts.conversations import read_conversations
from recx.prompts.tokens import EncodedRows, PromptEncoder
from recx.settings import FitSettings
from recx.storage.atomic_files import replacing_folder
from recx.teaching.synthetic_titles import synthetic_catalogue
from recx.teaching.teaching_text import tokenizer_texts, write_rows

CHAT_TEMPLATE = (
    "{% for m in messages %}{% if m['role'] == 'user' %}<|user|>{{ m['content'] }}"
    "{% elif m['role'] == 'assistant' %}<|assistant|>{{ m['content'] }}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL_TOKENS = ("<|pad|>", "<|end|>", "<|user|>", "<|assistant|>")


@dataclass(frozen=True)
class PretrainingSettings:
    """Size of the teaching backbone and of its training.

    Attributes:
        rows: number of text rows to write.
        vocabulary: size of the vocabulary.
        hidden: hidden width.
        layers: number of layers.
        heads: attention heads.
        intermediate: width of the feed-forward layers.
        known_share: fraction of rows about the demo catalogue; the others have synthetic titles.
        seed: random seed of text, weights and order.
        batch_size: rows per step.
        learning_rate: peak learning rate.
        out: output folder; by default that of the shipped backbone.
        work: folder for checkpoints, so that an interrupted build resumes; by default a temporary one.
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


def build_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE tokenizer. Punctuation and digits are separate, so titles get the same tokens."""
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
        vocab_size=vocabulary, special_tokens=list(SPECIAL_TOKENS), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=SPECIAL_TOKENS[0],
        eos_token=SPECIAL_TOKENS[1],
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def tokenizer_and_rows(settings: PretrainingSettings) -> tuple[PreTrainedTokenizerFast, EncodedRows]:
    """Write the text, train the tokenizer on a part of it, and encode all of it."""
    rng = np.random.default_rng(settings.seed)
    conversations = read_conversations(paths.shipped_data() / "instructions" / "general.json")
    known_rows = int(settings.rows * settings.known_share)
    sources = [
        (demo_catalogue(), known_rows, True),
        (synthetic_catalogue(rng, 12_000), settings.rows - known_rows, False),
    ]
    tokenizer = build_tokenizer(tokenizer_texts(sources, conversations, settings.seed), settings.vocabulary)
    parts = []
    for catalogue, count, known in sources:
        encoder = PromptEncoder(tokenizer, catalogue.labels, settings.vocabulary)
        examples = write_rows(catalogue, count, rng, conversations, known)
        parts.append(encoder.encode(examples, max_tokens=320, total=count)[0])
    return tokenizer, _concatenated(parts)


def build_model(settings: PretrainingSettings) -> LlamaForCausalLM:
    """A Llama with random weights."""
    config = LlamaConfig(
        vocab_size=settings.vocabulary,
        hidden_size=settings.hidden,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        num_key_value_heads=settings.heads,
        intermediate_size=settings.intermediate,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        attn_implementation=fastest_attention(LlamaForCausalLM),
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=0,
        architectures=["LlamaForCausalLM"],  # inference servers read the class to load from here
    )
    return LlamaForCausalLM(config)


def build(settings: PretrainingSettings) -> Path:
    """Build tokenizer and model, and save them with a training record, as safetensors (half precision) and JSON.

    Returns:
        The output folder.
    """
    set_seed(settings.seed)
    tokenizer, rows = tokenizer_and_rows(settings)
    model = AlignedModel(build_model(settings))
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
    record = asdict(settings) | {
        "out": None,
        "work": None,
        "parameters": parameters,
        "tokens": len(rows.ids),
        "minutes": round((time.monotonic() - started) / 60, 1),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "losses": losses,
    }
    out = settings.out or Path(backbone_folder(TEACHING))
    _save(model.backbone, tokenizer, record, out)
    return out


def _concatenated(parts: list[EncodedRows]) -> EncodedRows:
    starts = np.cumsum([0] + [len(p.ids) for p in parts])
    offsets = [p.offsets[:-1] + s for p, s in zip(parts, starts, strict=False)]
    return EncodedRows(
        np.concatenate([p.ids for p in parts]),
        np.concatenate([*offsets, starts[-1:]]),
        np.concatenate([p.answer_mask for p in parts]),
        np.concatenate([p.tasks for p in parts]),
    )


def _save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, record: dict, out: Path) -> None:
    with replacing_folder(out) as beside:
        tokenizer.save_pretrained(beside)
        model.config.save_pretrained(beside)
        weights = {n: p.detach().to(torch.float16).contiguous() for n, p in model.named_parameters()}
        save_file(weights, beside / "model.safetensors", metadata={"format": "pt"})
        (beside / "pretraining.json").write_text(json.dumps(record, indent=1), encoding="utf-8")


if __name__ == "__main__":
    print(f"Saved {build(tyro.cli(PretrainingSettings, description=__doc__))}")
