"""A random model and random rows that train in seconds; under `torchrun`, the training has several processes."""

import contextlib
import json
import os
import sys
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM, LlamaConfig

from recx.alignment import checkpoints
from recx.alignment.trainer import fit
from recx.models.aligned_model import AlignedModel
from recx.prompts.tokens import EncodedRows
from recx.settings import FitSettings
from recx.storage.tensors import save_weights, trainable

SETTINGS = FitSettings(batch_size=8, epochs=3, learning_rate=3e-3, save_steps=5, precision="float32")
SEED = 3


def small_model(dropout=0.0, **more):
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2,
        intermediate_size=48, pad_token_id=0, eos_token_id=1, bos_token_id=None, attention_dropout=dropout,
        tie_word_embeddings=True,
    )  # fmt: skip
    return AlignedModel(AutoModelForCausalLM.from_config(config), torch.randn(6, 5), torch.randn(4, 5), **more)


def small_rows(count=64):
    """Rows whose last token names the item whose vector precedes it; some rows ask for it twice."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(6, 14, count)
    items = rng.integers(6, size=count)
    pairs = zip(lengths, items, strict=True)
    if not count:
        return EncodedRows(np.zeros(0, np.int32), np.zeros(1, int), np.zeros(0, bool), np.zeros(0, str))
    ids = [np.concatenate([rng.integers(2, 64, n - 2), [64 + i, 10 + i]]) for n, i in pairs]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    learnt = np.zeros(offsets[-1], bool)
    learnt[offsets[1:] - 1] = True
    learnt[offsets[1:][::3] - 3] = True
    return EncodedRows(np.concatenate(ids).astype(np.int32), offsets, learnt, np.array(["item"] * count))


class RecordedRows(EncodedRows):
    """Rows that record which of them were read."""

    asked_for: list[int] = []

    def __getitem__(self, row):
        RecordedRows.asked_for.append(row)
        return super().__getitem__(row)


def main(folder: Path) -> None:
    """Train with one interruption, resume, and save the final state of this process."""
    process = os.environ["RANK"]
    if process != "0":
        checkpoints.save_file = checkpoints.save_weights = None  # only the first process may write
    rows = small_rows()
    rows = RecordedRows(rows.ids, rows.offsets, rows.answer_mask, rows.tasks)
    with open(folder / f"errors-{process}.txt", "w") as errors, contextlib.redirect_stderr(errors):
        fit(small_model(), rows, SETTINGS, folder / "checkpoints", SEED, stop_after=10, show_progress=False)
        model = small_model()
        curve = fit(model, rows, SETTINGS, folder / "checkpoints", SEED)
    save_weights(folder / f"weights-{process}.safetensors", trainable(model))
    result = {"rows": RecordedRows.asked_for, "losses": [c["loss"] for c in curve]}
    (folder / f"result-{process}.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
