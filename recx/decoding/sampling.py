"""Texts drawn at random from a model's own distribution, several for each prompt."""

from collections.abc import Collection, Sequence

import numpy as np
import torch

from recx.decoding.state import BATCH, DecodingState, in_batches
from recx.models.aligned_model import AlignedModel
from recx.models.backbones import autocast
from recx.prompts.tokens import Prompt


@torch.no_grad()
def sampled_texts(
    model: AlignedModel,
    prompts: Sequence[Prompt],
    ends: Collection[int],
    count: int,
    max_tokens: int = 160,
    temperature: float = 1.0,
    precision: str = "auto",
    show_progress: bool = False,
) -> list[list[np.ndarray]]:
    """Draw `count` continuations of each prompt, token by token.

    What is drawn depends on PyTorch's global random state, which training checkpoints keep.

    Args:
        model: in eval mode.
        prompts: R prompts.
        ends: ids of end tokens, in addition to the backbone's own.
        count: texts for each prompt.
        max_tokens: longest text, its end token included.
        temperature: logits are divided by it; 1 is the model's own distribution.
        precision: of matrix products.
        show_progress: show a bar.

    Returns:
        R lists of `count` texts as token ids; the end token is part of a text, unless `max_tokens` were reached.
    """
    ends = torch.tensor(sorted(model.ends | set(ends)))

    def decode(rows: list[int]) -> list[list[np.ndarray]]:
        written = np.full((len(rows) * count, max_tokens), -1, dtype=np.int64)
        left = np.arange(len(written))
        with autocast(precision):
            state = DecodingState(model, [prompts[r] for r in rows])
            state.select(torch.arange(len(rows)).repeat_interleave(count))
            logits = state.logits.repeat_interleave(count, 0)
            for n in range(max_tokens):
                token = torch.multinomial((logits / temperature).softmax(-1), 1)[:, 0].cpu()
                written[left, n] = token.numpy()
                still = (~torch.isin(token, ends)).nonzero()[:, 0]
                if not len(still) or n == max_tokens - 1:
                    break
                if len(still) < len(left):  # finished texts need no further steps
                    state.select(still)
                left = left[still.numpy()]
                state.step(token[still])
                logits = state.logits
        texts = [row[row >= 0] for row in written]
        return [texts[n * count : (n + 1) * count] for n in range(len(rows))]

    return in_batches(model, prompts, max(1, BATCH // count), "samples", show_progress, decode)
