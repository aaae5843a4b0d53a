"""The state of decoding many prompts at once.

Prompts, and runs of tokens appended to them, are padded on the right: the first pass over the prompts needs no mask,
later ones mask the padding.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from recx.models.aligned_model import AlignedModel

CPU_TOKENS = 8_192
"""Tokens of prompts at once: every step copies the whole cache, which is dear once it outgrows the processor's own."""
GPU_TOKENS = 65_536
"""With a backbone of seven billion parameters their cache takes 34 GB."""


class Stream:
    """The state of decoding for B prompts: cache, mask and positions."""

    def __init__(self, model: AlignedModel, prompts: Sequence[np.ndarray]) -> None:
        lengths = torch.tensor([len(p) for p in prompts])
        ids = torch.zeros(len(prompts), int(lengths.max()), dtype=torch.long)
        for row, prompt in enumerate(prompts):
            ids[row, : len(prompt)] = torch.from_numpy(prompt.astype(np.int64))
        positions = torch.arange(ids.shape[1])
        self.model, self.device = model, model.device
        self.mask = (positions < lengths[:, None]).long().to(self.device)
        self.next_position = lengths.to(self.device)
        with model.selecting((positions == lengths[:, None] - 1).to(self.device)):
            out = model.backbone(input_ids=ids.to(self.device), use_cache=True)
        self.cache = out.past_key_values
        self.logits: Tensor = out.logits[0].float().cpu()

    def step(self, tokens: Tensor) -> None:
        """Append one token to each row (B,) and set `logits` (B, V) to what comes after."""
        self.extend([[t] for t in tokens.tolist()])

    def extend(self, runs: Sequence[Sequence[int]]) -> None:
        """Append a run of at least one token to each row in one pass and set `logits` (B, V) to what comes after."""
        lengths = torch.tensor([len(run) for run in runs])
        longest = int(lengths.max())
        ids = torch.tensor([[*run, *[0] * (longest - len(run))] for run in runs]).to(self.device)
        steps = torch.arange(longest)
        self.mask = torch.cat([self.mask, (steps < lengths[:, None]).long().to(self.device)], dim=1)
        with self.model.selecting((steps == lengths[:, None] - 1).to(self.device)):
            out = self.model.backbone(
                input_ids=ids,
                attention_mask=self.mask,
                position_ids=self.next_position[:, None] + steps.to(self.device),
                past_key_values=self.cache,
                use_cache=True,
            )
        self.next_position = self.next_position + lengths.to(self.device)
        self.logits = out.logits[0].float().cpu()

    def select(self, rows: Tensor) -> None:
        """Keep and repeat rows (B',), in that order."""
        rows = rows.to(self.device)
        self.cache.batch_select_indices(rows)
        self.mask, self.next_position = self.mask[rows], self.next_position[rows]


def in_batches(
    model: AlignedModel,
    prompts: Sequence[np.ndarray],
    batch: int,
    describe: str,
    show_progress: bool,
    decode: Callable[..., Any],
) -> list[Any]:
    """Run `decode(rows)` over prompts of like length together; results come back in the prompts' order.

    Args:
        model: whose device says how many tokens of prompts go at once.
        prompts: token ids of each prompt.
        batch: prompts at once, at most; fewer where they are long.
        describe: label of the progress bar.
        show_progress: whether there is a bar.
        decode: takes a list of row numbers, returns one result for each.
    """
    tokens = CPU_TOKENS if model.device.type == "cpu" else GPU_TOKENS
    order = np.argsort([len(p) for p in prompts], kind="stable").tolist()
    results: list[Any] = [None] * len(prompts)
    with tqdm(total=len(prompts), desc=describe, disable=not show_progress, leave=False) as bar:
        while order:
            rows = order[:batch]
            while len(rows) > 1 and len(rows) * len(prompts[rows[-1]]) > tokens:
                rows.pop()
            order = order[len(rows) :]
            for row, result in zip(rows, decode(rows), strict=True):
                results[row] = result
            bar.update(len(rows))
    return results
