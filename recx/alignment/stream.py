"""The state of decoding many prompts at once.

Prompts are padded on the right: the first pass over them needs no mask, later steps mask the padding.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from recx.alignment.model import AlignedModel


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
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(self.mask), 1)], dim=1)
        out = self.model.backbone(
            input_ids=tokens[:, None].to(self.device),
            attention_mask=self.mask,
            position_ids=self.next_position[:, None],
            past_key_values=self.cache,
            use_cache=True,
        )
        self.next_position = self.next_position + 1
        self.logits = out.logits[:, -1].float().cpu()

    def select(self, rows: Tensor) -> None:
        """Keep and repeat rows (B',), in that order."""
        rows = rows.to(self.device)
        self.cache.batch_select_indices(rows)
        self.mask, self.next_position = self.mask[rows], self.next_position[rows]


def in_batches(
    prompts: Sequence[np.ndarray], batch: int, describe: str, show_progress: bool, decode: Callable[..., Any]
) -> list[Any]:
    """Run `decode(rows)` over prompts of like length together; results come back in the prompts' order.

    Args:
        prompts: token ids of each prompt.
        batch: prompts at once.
        describe: label of the progress bar.
        show_progress: whether there is a bar.
        decode: takes a list of row numbers, returns one result for each.
    """
    order = np.argsort([len(p) for p in prompts], kind="stable")
    results: list[Any] = [None] * len(prompts)
    with tqdm(total=len(prompts), desc=describe, disable=not show_progress, leave=False) as bar:
        for start in range(0, len(prompts), batch):
            rows = order[start : start + batch].tolist()
            for row, result in zip(rows, decode(rows), strict=True):
                results[row] = result
            bar.update(len(rows))
    return results
