"""Answers to prompts as training rows whose tokens count one by one: what preferences and rewards learn from."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from recx.decoding.state import in_batches
from recx.models.aligned_model import AlignedModel
from recx.models.backbones import autocast
from recx.prompts.tokens import IGNORED, Prompt, collate, user_vectors

BATCH = 64


def answer_batch(prompts: Sequence[Prompt], answers: Sequence[np.ndarray]) -> dict[str, Tensor]:
    """`input_ids` and `labels` (B, T) of B prompts, each followed by its answer, and `users` (B, d) if they have any.

    Args:
        prompts: B prompts.
        answers: their answers as token ids, with the end token if there is one.
    """
    rows = [
        {
            "input_ids": np.concatenate([prompt.ids, answer]).astype(np.int64),
            "labels": np.concatenate([np.full(len(prompt.ids), IGNORED), answer]).astype(np.int64),
        }
        for prompt, answer in zip(prompts, answers, strict=True)
    ]
    batch = collate(rows)
    users = user_vectors(prompts)
    return batch if users is None else batch | {"users": users}


@torch.no_grad()
def answer_log_probs(
    model: AlignedModel, prompts: Sequence[Prompt], answers: Sequence[np.ndarray], precision: str = "auto"
) -> list[np.ndarray]:
    """Log-probability of every token of each answer, in nats.

    Args:
        model: in eval mode.
        prompts: R prompts.
        answers: their answers as token ids.
        precision: of matrix products.
    """
    whole = [prompt.followed_by(answer) for prompt, answer in zip(prompts, answers, strict=True)]

    def read(rows: list[int]) -> list[np.ndarray]:
        batch = answer_batch([prompts[r] for r in rows], [answers[r] for r in rows])
        with autocast(precision, model.device.type):
            out = model(**{name: t.to(model.device) for name, t in batch.items()}, token_wise=True)["log_probs"].cpu()
        return [out[n, len(prompts[r].ids) :][: len(answers[r])].float().numpy() for n, r in enumerate(rows)]

    return in_batches(model, whole, BATCH, "log-probabilities", False, read)


def perplexities(
    model: AlignedModel, prompts: Sequence[Prompt], answers: Sequence[np.ndarray], precision: str = "auto"
) -> np.ndarray:
    """Perplexity (R,) of each answer: exp of the mean negative log-probability of its tokens; NaN of an empty one."""
    each = answer_log_probs(model, prompts, answers, precision)
    return np.array([np.exp(-own.mean()) if len(own) else np.nan for own in each])
