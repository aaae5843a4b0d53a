"""Tuning on rewards: texts that a model writes itself become more probable where they earn more than others (GRPO).

Source: Shao et al., 2024 (arXiv 2402.03300), "Group Relative Policy Optimization". Every optimizer step draws a new
group of texts for each of its prompts and learns from it once. The texts then come from the model that is tuned, so
that the probability ratio is 1 and its clipping has no effect. The mean over all tokens of a pass is that of DAPO (Yu
et al. 2025, arXiv 2503.14476), where a text counts in proportion to its length; with several passes per step
(`accumulate`), their means are averaged.
"""

import copy
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from recx.alignment.answer_rows import answer_batch
from recx.alignment.measuring_trainer import MeasuringTrainer
from recx.alignment.trainer import fit
from recx.decoding.sampling import sampled_texts
from recx.models.aligned_model import AlignedModel
from recx.models.backbones import autocast
from recx.prompts.tokens import IGNORED, Prompt
from recx.settings import FitSettings

Reward = Callable[[Sequence[int], Sequence[np.ndarray]], np.ndarray]
"""Maps M prompt numbers and the token ids of one text for each to (M,) rewards."""


def group_advantages(rewards: Tensor) -> Tensor:
    """Each reward minus the mean of its group, divided by its standard deviation: (R, G) -> (R, G).

    0 where all texts of a group have the same reward; they teach nothing.
    """
    centred = rewards - rewards.mean(1, keepdim=True)
    return centred / (rewards.std(1, keepdim=True) + 1e-4)


def grpo_loss(
    log_probs: Tensor, advantages: Tensor, written: Tensor, start: Tensor | None = None, beta: float = 0.0
) -> Tensor:
    """Mean over the tokens of B texts of the negative advantage, plus `beta` times the distance from the start.

    Its value says nothing, as the ratio of probabilities is 1; its gradient is that of the policy.

    Args:
        log_probs: (B, T) of each token.
        advantages: (B,) of each text.
        written: (B, T) whether a token belongs to a text.
        start: (B, T) log-probabilities before any tuning; only needed if `beta` is not 0.
        beta: weight of the estimate of the KL divergence (Schulman's k3) from the model before any tuning.
    """
    loss = -(log_probs - log_probs.detach()).exp() * advantages[:, None]
    if start is not None:
        ahead = start - log_probs
        loss = loss + beta * (ahead.exp() - ahead - 1)
    return (loss * written).sum() / written.sum()


class _Numbers:
    """The numbers of prompts, with their lengths."""

    def __init__(self, prompts: Sequence[Prompt]) -> None:
        self.lengths = np.array([len(p.ids) for p in prompts])

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> int:
        return row


def _collate(rows: Sequence[int]) -> dict[str, Tensor]:
    return {"rows": torch.tensor(list(rows))}


class RewardTrainer(MeasuringTrainer):
    """The trainer that draws its texts itself; it also logs the mean reward, length and distance."""

    measures = ("reward", "tokens", "kl")

    def __init__(
        self,
        *args: Any,
        prompts: Sequence[Prompt],
        reward: Reward,
        ends: Collection[int],
        group: int,
        max_tokens: int,
        beta: float,
        start: AlignedModel,
        precision: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.prompts, self.reward, self.ends, self.group = prompts, reward, ends, group
        self.max_tokens, self.beta, self.start, self.precision = max_tokens, beta, start, precision

    def batch_loss(self, model: nn.Module, inputs: dict[str, Tensor]) -> Tensor:
        """Draw texts, have them rewarded, and return their mean loss."""
        rows = inputs["rows"].tolist()
        own = self.accelerator.unwrap_model(model)
        own.eval()
        drawn = sampled_texts(
            own, [self.prompts[r] for r in rows], self.ends, self.group, self.max_tokens, precision=self.precision
        )
        own.train()
        repeated = [r for r in rows for _ in range(self.group)]
        texts = [text for group in drawn for text in group]
        rewards = torch.from_numpy(np.asarray(self.reward(repeated, texts), dtype=np.float32))
        advantages = group_advantages(rewards.reshape(len(rows), self.group)).flatten().to(own.device)
        batch = self._prepare_inputs(answer_batch([self.prompts[r] for r in repeated], texts))
        written = batch["labels"] != IGNORED
        with torch.no_grad(), autocast(self.precision, own.device.type):
            start = self.start(**batch, token_wise=True)["log_probs"]
        log_probs = model(**batch, token_wise=True)["log_probs"]
        ahead = (start - log_probs.detach())[written]
        self.measured["reward"].append(float(rewards.mean()))
        self.measured["tokens"].append(float(written.sum() / len(written)))
        self.measured["kl"].append(float((ahead.exp() - ahead - 1).mean()))
        return grpo_loss(log_probs, advantages, written, start if self.beta else None, self.beta)


def fit_rewards(
    model: AlignedModel,
    prompts: Sequence[Prompt],
    reward: Reward,
    ends: Collection[int],
    settings: FitSettings,
    folder: Path,
    group: int = 8,
    max_tokens: int = 160,
    beta: float = 0.0,
    seed: int = 0,
    stop_after: int | None = None,
    show_progress: bool = False,
) -> list[dict[str, float]]:
    """Tune a model on the rewards of its own texts, resuming from the last checkpoint in `folder`.

    Args:
        model: the untuned model, also when a training is resumed; tuned in place and left in eval mode.
        prompts: R prompts.
        reward: of texts, see `Reward`; only differences between texts of one prompt matter, up to a common factor.
        ends: ids of end tokens, in addition to the backbone's own.
        settings: how to train; a row is a prompt.
        folder: for checkpoints.
        group: texts drawn for each prompt, at least 2.
        max_tokens: longest text.
        beta: weight of the distance from the model as it is given.
        seed: random seed of the order and of the texts.
        stop_after: stop with a checkpoint after this many steps.
        show_progress: show a bar.

    Returns:
        Rows of `step, loss, seconds, reward, tokens, kl`; the last is the distance in nats per token.
    """
    start = copy.deepcopy(model, {id(p): p for p in model.parameters() if not p.requires_grad})
    how = {"reward": reward, "ends": ends, "group": group, "max_tokens": max_tokens, "beta": beta}
    trainer = partial(
        RewardTrainer,
        prompts=prompts,
        start=start.eval().requires_grad_(False),
        precision=settings.precision,
        **how,
    )
    rows = _Numbers(prompts)
    told = {"trainer_of": trainer, "collator": _collate}
    return fit(model, rows, settings, folder, seed, stop_after, show_progress, **told)
