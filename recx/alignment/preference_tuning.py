"""Tuning on preferences: of two texts for the same prompt, one is to become more probable than the other (DPO).

Source: Rafailov et al., NeurIPS 2023, "Direct Preference Optimization". The loss is computed on the kit's own trainer,
since the prompts of an aligned model are token ids beyond the vocabulary, with a vector for each person;
docs/decisions/092 says why the library TRL is not used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from recx.alignment.answer_rows import answer_batch, answer_log_probs
from recx.alignment.measuring_trainer import MeasuringTrainer
from recx.alignment.trainer import fit
from recx.models.aligned_model import AlignedModel
from recx.prompts.tokens import Prompt
from recx.settings import FitSettings


@dataclass(frozen=True)
class Preference:
    """Two answers to one prompt, as token ids with their end tokens.

    Attributes:
        prompt: the prompt.
        preferred: the better answer.
        rejected: the worse one.
    """

    prompt: Prompt
    preferred: np.ndarray
    rejected: np.ndarray


def dpo_loss(preferred: Tensor, rejected: Tensor, start: tuple[Tensor, Tensor], beta: float) -> Tensor:
    """Mean over B pairs of -log sigmoid(beta * margin).

    The margin is how much more the model has raised the preferred answer than the rejected one since its start.

    Args:
        preferred: (B,) log-probability of each preferred answer.
        rejected: (B,) log-probability of each rejected answer.
        start: both under the model before it was tuned.
        beta: how strongly the model is held to its start; in 1 / nats.
    """
    margin = (preferred - start[0]) - (rejected - start[1])
    return -functional.logsigmoid(beta * margin).mean()


class _PreferenceRows:
    """Preferences with the log-probabilities (P, 2) that both answers have at the start."""

    def __init__(self, preferences: Sequence[Preference], start: np.ndarray) -> None:
        self.preferences, self.start = preferences, start
        self.lengths = np.array(
            [len(p.prompt.ids) + max(len(p.preferred), len(p.rejected)) for p in preferences], dtype=np.int64
        )

    def __len__(self) -> int:
        return len(self.preferences)

    def __getitem__(self, row: int) -> tuple[Preference, np.ndarray]:
        return self.preferences[row], self.start[row]


def _collate(rows: Sequence[tuple[Preference, np.ndarray]]) -> dict[str, Tensor]:
    """The preferred answers of B pairs, then the rejected ones, (2B, T)."""
    pairs = [pair for pair, _ in rows]
    batch = answer_batch([p.prompt for p in pairs] * 2, [p.preferred for p in pairs] + [p.rejected for p in pairs])
    return batch | {"start": torch.from_numpy(np.stack([start for _, start in rows]))}


class PreferenceTrainer(MeasuringTrainer):
    """The trainer with the loss of DPO; it also logs the share of pairs with a margin above 0."""

    measures = ("margin_positive",)

    def __init__(self, *args: Any, beta: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.beta = beta

    def batch_loss(self, model: nn.Module, inputs: dict[str, Tensor]) -> Tensor:
        """The mean over the batch's pairs."""
        start = inputs.pop("start").T
        own = model(**inputs, token_wise=True)["log_probs"].sum(1).chunk(2)
        self.measured["margin_positive"].append(float(((own[0] - start[0]) > (own[1] - start[1])).float().mean()))
        return dpo_loss(*own, (start[0], start[1]), self.beta)


def fit_preferences(
    model: AlignedModel,
    preferences: Sequence[Preference],
    settings: FitSettings,
    folder: Path,
    beta: float = 0.1,
    seed: int = 0,
    stop_after: int | None = None,
    show_progress: bool = False,
) -> list[dict[str, float]]:
    """Tune a model on preferences, against itself as it is given, resuming from the last checkpoint in `folder`.

    Args:
        model: the untuned model, also when a training is resumed; tuned in place and left in eval mode.
        preferences: P pairs of answers.
        settings: how to train; a row is a pair.
        folder: for checkpoints.
        beta: how strongly the model is held to its start.
        seed: random seed of the order.
        stop_after: stop with a checkpoint after this many steps.
        show_progress: show a bar.

    Returns:
        Rows of `step, loss, seconds, margin_positive`.
    """
    prompts = [p.prompt for p in preferences]
    model.eval()
    sums = [
        [own.sum() for own in answer_log_probs(model, prompts, answers, settings.precision)]
        for answers in ([p.preferred for p in preferences], [p.rejected for p in preferences])
    ]
    rows = _PreferenceRows(preferences, np.array(sums, dtype=np.float32).T)
    trainer = partial(PreferenceTrainer, beta=beta)
    how = {"trainer_of": trainer, "collator": _collate}
    return fit(model, rows, settings, folder, seed, stop_after, show_progress, **how)
