"""XRec, its ablation, and language models with ids, trained on the same explained pairs.

A run has three parts: encoding pairs (`encode`), training a variant and writing its texts (`train`, `write`), and the
evaluation (`recx.evaluation.reference_table`).
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase, TrainerCallback

from recx.alignment.mean_loss import mean_loss
from recx.alignment.steps import steps_of
from recx.alignment.trainer import fit
from recx.data.xrec_files import ExplainedPairs
from recx.decoding.generation import greedy_text
from recx.models.aligned_model import AlignedModel
from recx.models.backbones import load_backbone
from recx.models.id_embedding import pepler, peter
from recx.models.saved_models import SharedBackbone, build_aligned
from recx.prompts.entity_ids import EntityIds
from recx.prompts.profile_prompts import encode_pairs, select_rows, without_entities
from recx.prompts.tokens import EncodedRows, Prompt, PromptEncoder
from recx.recommenders.devices import preferred_device
from recx.settings import BackboneSettings, FitSettings
from recx.storage.atomic_files import replacing
from recx.storage.run_folder import read_json, write_json
from recx.storage.tensors import load_weights, save_weights, trainable


@dataclass(frozen=True)
class Variant:
    """How the texts of a variant are produced.

    Attributes:
        form: what a prompt shows, a key of `recx.prompts.profile_prompts.FORMS`; `text` is `profiles` without vectors.
        inject: whether vectors also enter every layer.
        tuned: what is trained: `adapter` beside a frozen backbone, `lora` adapters as well, `ids` (PEPLER),
            `scratch` (PETER), or `nothing`.
        seen: whether the explained pairs stay in the graph of the vectors.
        rate: learning rate of all weights but the projectors', as a multiple of the settings'.
    """

    form: str = "profiles"
    inject: bool = True
    tuned: str = "adapter"
    seen: bool = False
    rate: float = 1.0


VARIANTS = {
    "XRec": Variant(),
    "XRec without profiles": Variant(form="bare"),
    "XRec without injection": Variant(inject=False),
    "XRec without both": Variant(form="bare", inject=False),
    "XRec with LoRA": Variant(tuned="lora", rate=2.5),
    "LoRA without vectors": Variant(form="text", tuned="lora", rate=2.5),
    "untrained backbone": Variant(form="text", tuned="nothing"),
    "PEPLER": Variant(form="ids", tuned="ids", rate=0.25),
    "PETER": Variant(form="ids", tuned="scratch", rate=2.5),
    "XRec, pairs left in": Variant(seen=True),
}
LORA_RANK = 8


@dataclass(frozen=True)
class PairRows:
    """Explained pairs as token rows.

    Attributes:
        forms: form -> rows of all P pairs.
        parts: (P,) `train`, `validation` or `test`.
        users: (U',) users of the graph that the pairs are about, in the order of their vectors.
        items: (N',) their items; row 0 of the item vectors is padding.
        vocabulary: where ids of entities begin.
        ends: tokens that end a text.
    """

    forms: dict[str, EncodedRows]
    parts: np.ndarray
    users: np.ndarray
    items: np.ndarray
    vocabulary: int
    ends: tuple[int, ...]

    def rows(self, form: str, part: str) -> EncodedRows:
        """Rows of one part in one form, or in the form `text`."""
        rows = select_rows(self.forms["profiles" if form == "text" else form], np.flatnonzero(self.parts == part))
        return without_entities(rows, self.vocabulary) if form == "text" else rows

    def vectors(self, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """Item vectors (N' + 1, d) and user vectors (U', d) among those of the graph, (U, d) and (N + 1, d)."""
        return torch.cat([items[:1], items[torch.from_numpy(self.items)]]), users[torch.from_numpy(self.users)]


def encode(pairs: ExplainedPairs, parts: np.ndarray, tokenizer: PreTrainedTokenizerBase, vocabulary: int) -> PairRows:
    """Encode pairs for one backbone.

    Args:
        pairs: P explained pairs.
        parts: (P,) as from `recx.data.split.split_by_user`.
        tokenizer: tokenizer of the backbone.
        vocabulary: rows of the backbone's input embedding.
    """
    users, own_users = np.unique(pairs.users, return_inverse=True)
    items, own_items = np.unique(pairs.items, return_inverse=True)
    encoder = PromptEncoder(tokenizer, [""] * (len(items) + 1), vocabulary)
    forms = encode_pairs(pairs, own_users, own_items + 1, encoder)
    return PairRows(forms, parts, users, items, vocabulary, tuple(sorted(encoder.ends)))


def build(
    variant: Variant,
    rows: PairRows,
    vectors: tuple[Tensor, Tensor],
    settings: BackboneSettings,
    projector: str = "moe",
    seed: int = 0,
    shared: SharedBackbone | None = None,
) -> AlignedModel:
    """The model of a variant, before its training.

    Args:
        variant: the variant.
        rows: encoded pairs.
        vectors: item vectors (N' + 1, d) and user vectors (U', d).
        settings: the backbone; what is tuned depends on the variant.
        projector: kind of the projectors of items and users.
        seed: random seed of new weights.
        shared: the backbone, if already in memory.
    """
    if variant.tuned in ("ids", "scratch"):
        trained = rows.rows("ids", "train").ids
        known = torch.zeros(EntityIds(0, len(rows.items) + 1).first("user") + len(rows.users), dtype=torch.bool)
        known[torch.from_numpy(np.unique(trained[trained >= rows.vocabulary])).long() - rows.vocabulary] = True
        backbone, _ = load_backbone(settings.name, settings.revision)
        torch.manual_seed(seed)
        model = pepler(backbone, known) if variant.tuned == "ids" else peter(backbone, known, seed)
        return model.to(preferred_device())
    lora = LORA_RANK if variant.tuned == "lora" else 0
    settings = replace(settings, lora_rank=lora, lora_alpha=2 * LORA_RANK, frozen=not lora)
    items, users = (None, None) if variant.form == "text" else vectors
    how = {"shared": shared, "projector": projector, "inject": variant.inject}
    return build_aligned(settings, items, users, seed, **how)[0]


def train(
    model: AlignedModel,
    variant: Variant,
    rows: PairRows,
    settings: FitSettings,
    folder: Path,
    seed: int = 0,
    show_progress: bool = True,
) -> list[dict[str, float]]:
    """Train a model and keep the weights of the epoch with the least loss on the validation users.

    An interrupted training resumes from the last checkpoint in `folder`.

    PEPLER's ids are first trained alone for a fifth of the epochs, then with all weights. Nothing happens for a
    variant of which nothing is tuned.

    Args:
        model: as from `build`; left in eval mode.
        variant: the variant.
        rows: encoded pairs.
        settings: how to train.
        folder: folder for checkpoints.
        seed: random seed of the order of rows.
        show_progress: show a bar.

    Returns:
        The validation loss after each epoch: rows of `epoch, loss, seconds`.
    """
    if variant.tuned == "nothing":
        model.eval()
        return []
    rates = {"learning_rate": settings.learning_rate * variant.rate}
    settings = replace(settings, **rates, projector_rate=settings.projector_rate / variant.rate)
    learnt, checked = (rows.rows(variant.form, part) for part in ("train", "validation"))
    if variant.tuned == "ids":
        alone = replace(settings, epochs=settings.epochs / 5, learning_rate=10 * settings.learning_rate)
        settings = replace(settings, epochs=settings.epochs - alone.epochs)
        model.requires_grad_(False)
        model.entities.vectors.requires_grad_(True)
        fit(model, learnt, alone, folder / "ids", seed, show_progress=show_progress)
        model.requires_grad_(True)
        folder = folder / "all"
    keeper = _KeepBest(model, checked, settings, steps_of(learnt, replace(settings, epochs=1)), folder)
    fit(model, learnt, settings, folder, seed, show_progress=show_progress, callbacks=[keeper])
    keeper.restore()
    model.eval()
    return keeper.curve


def write(
    model: AlignedModel, rows: EncodedRows, ends: Sequence[int], max_tokens: int = 100, precision: str = "auto"
) -> list[np.ndarray]:
    """Token ids of the greedy text of each row's prompt."""
    prompts = [
        Prompt(rows.ids[start : start + int(np.argmax(rows.answer_mask[start:end]))])
        for start, end in zip(rows.offsets[:-1], rows.offsets[1:], strict=True)
    ]
    return greedy_text(model, prompts, ends, max_tokens, precision)


class _KeepBest(TrainerCallback):
    """Measures the validation loss after each epoch and keeps the best weights, in files for a resumed training."""

    def __init__(self, model: AlignedModel, rows: EncodedRows, settings: FitSettings, steps: int, folder: Path) -> None:
        self.model, self.rows, self.settings, self.every = model, rows, settings, max(1, steps)
        self.best, self.losses = folder / "best.safetensors", folder / "validation.json"
        self.before, self.started = 0.0, time.monotonic()
        self.curve: list[dict[str, float]] = []

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Read what was measured before the checkpoint; later epochs are trained and measured again."""
        if state.global_step and self.losses.exists():
            kept = [row for row in read_json(self.losses) if row["epoch"] <= state.global_step / self.every]
            self.curve = [row | {"loss": float("nan") if row["loss"] is None else row["loss"]} for row in kept]
            self.before = self.curve[-1]["seconds"] if self.curve else 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Measure after every epoch and at the end."""
        if state.global_step % self.every and state.global_step < state.max_steps:
            return
        loss = mean_loss(self.model, self.rows, self.settings) if len(self.rows) else float("nan")
        earlier = [row["loss"] for row in self.curve if math.isfinite(row["loss"])]
        if not len(self.rows) or not self.curve or loss < min(earlier, default=float("inf")):
            with replacing(self.best) as beside:
                save_weights(beside, trainable(self.model))
        seconds = self.before + time.monotonic() - self.started
        self.curve.append({"epoch": state.global_step / self.every, "loss": loss, "seconds": seconds})
        write_json(self.losses, self.curve)

    def restore(self) -> None:
        """Put the best weights back."""
        load_weights(self.best, trainable(self.model))
