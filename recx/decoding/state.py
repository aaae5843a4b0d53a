"""State of batched decoding.

Prompts, and runs of tokens appended to them, are right-padded: the first pass over the prompts needs no mask, later
ones mask the padding. Backbones with sliding windows, or with ALiBi but no position ids, count padding as distance: for
them, the cache is then shifted so that each row's padding is to the left of all its tokens.
"""

import copy
import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm
from transformers import DynamicCache

from recx.errors import SettingsError
from recx.models.aligned_model import AlignedModel
from recx.prompts.tokens import Prompt, user_vectors

BATCH = 128
"""Largest number of prompts per batch; fewer if they are long."""
CPU_TOKENS = 8_192
"""Largest number of prompt tokens per batch, copies included: each step copies the whole cache, slow beyond the CPU
cache's size."""
GPU_SHARE = 0.4
"""Largest share of a GPU's memory for the cache of a batch's prompts and its copies."""


def position_limit(model: AlignedModel) -> int:
    """How many tokens a row may have at most; without a limit, more than any."""
    limit = getattr(model.backbone.config.get_text_config(), "max_position_embeddings", None)
    return limit if isinstance(limit, int) and limit > 0 else sys.maxsize


class DecodingState:
    """The state of decoding for B prompts: cache, mask, positions, the hidden states `last` (B, hidden) of the latest
    tokens and the logits (B, V) of the next ones, all on the model's device.

    Args:
        model: in eval mode.
        prompts: B prompts of any length.

    Raises:
        SettingsError: a row has more tokens than the backbone has positions, now or later.
    """

    def __init__(self, model: AlignedModel, prompts: Sequence[Prompt]) -> None:
        lengths = torch.tensor([len(p.ids) for p in prompts])
        ids = torch.zeros(len(prompts), int(lengths.max()), dtype=torch.long)
        for row, prompt in enumerate(prompts):
            ids[row, : len(prompt.ids)] = torch.from_numpy(prompt.ids.astype(np.int64))
        users = user_vectors(prompts)
        self.model, self.device = model, model.device
        self.mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long().to(self.device)
        self.next_position = lengths.to(self.device)
        self._counts_padding = counts_padding(model)
        self._positions = position_limit(model)
        self._require_positions()
        # Without a config every layer keeps all tokens: a sliding one would keep padding instead of a row's own.
        self.cache = DynamicCache() if self._counts_padding else None
        # Right-padded rows need no mask: a causal model never looks right.
        with model.reading(ids.to(self.device), None if users is None else users.to(self.device)) as embeddings:
            states = self._states(inputs_embeds=embeddings)
        self._finish(states, lengths)

    def step(self, tokens: Tensor) -> None:
        """Append one token to each row (B,) and set `logits` (B, V) for the next token."""
        lengths = torch.ones(len(tokens), dtype=torch.long)
        self._finish(self._append(tokens.to(self.device)[:, None], lengths), lengths)

    def extend(self, runs: Sequence[Sequence[int]]) -> None:
        """Append a run of at least one token to each row in one pass and set `logits` (B, V) for the next token."""
        ids, lengths = self._padded(runs)
        self._finish(self._append(ids, lengths), lengths)

    def log_probs(self, row: int, runs: Sequence[Sequence[int]]) -> Tensor:
        """Log-probabilities (C,) of C runs of at least one token after one row, in one pass; the state stays as it is.

        The memory it takes is that of the row's cache, C times.
        """
        ids, lengths = self._padded(runs)
        branch = copy.copy(self)
        branch.cache = copy.copy(self.cache)
        branch.cache.layers = [copy.copy(layer) for layer in self.cache.layers]
        branch.select(torch.full((len(runs),), row))
        states = branch._append(ids, lengths)[:, :-1]
        real = torch.arange(ids.shape[1], device=self.device) < lengths.to(self.device)[:, None]
        after = real[:, 1:]
        first = self.logits[row].log_softmax(-1)[ids[:, 0]]
        logits = self.model.logits(states[after]).float()
        further = torch.zeros(after.shape, device=self.device)
        further[after] = logits.gather(1, ids[:, 1:][after][:, None])[:, 0] - logits.logsumexp(-1)
        return first + further.sum(1)

    def _padded(self, runs: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Runs as ids (B, T), right-padded, and their lengths (B,)."""
        lengths = torch.tensor([len(run) for run in runs])
        longest = int(lengths.max())
        ids = torch.tensor([[*run, *[0] * (longest - len(run))] for run in runs])
        return ids.to(self.device), lengths

    def _append(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Append tokens (B, T) and return their hidden states (B, T, hidden)."""
        steps = torch.arange(ids.shape[1])
        self.mask = torch.cat([self.mask, (steps < lengths[:, None]).long().to(self.device)], dim=1)
        positions = self.next_position[:, None] + steps.to(self.device)
        self.next_position = self.next_position + lengths.to(self.device)
        self._require_positions()
        return self._states(input_ids=ids, attention_mask=self.mask, position_ids=positions)

    def _require_positions(self) -> None:
        # The width is an upper bound that costs no copy from the device.
        if self.mask.shape[1] > self._positions and (longest := int(self.next_position.max())) > self._positions:
            raise SettingsError(
                f"A prompt with its answer has {longest:,} tokens, but the backbone has only {self._positions:,} "
                "positions. Shorten the histories (target.model.length) or the answers, or take another backbone."
            )

    def _states(self, **inputs: Tensor) -> Tensor:
        out = self.model.decoder_outputs(past_key_values=self.cache, use_cache=True, **inputs)
        self.cache = out.past_key_values
        return out.last_hidden_state

    def _finish(self, states: Tensor, lengths: Tensor) -> None:
        """Set the logits after the last of the tokens appended."""
        self.last = states[torch.arange(len(lengths)), lengths - 1]
        self.logits: Tensor = self.model.logits(self.last).float()
        padding = lengths.max() - lengths
        if self._counts_padding and padding.any():
            self._move_right(padding.to(self.device))

    def _move_right(self, places: Tensor) -> None:
        """Shift each row's cache right by `places` (B,); padding falls off and reappears on the left."""
        slots = (torch.arange(self.mask.shape[1], device=self.device) - places[:, None]) % self.mask.shape[1]
        self.mask = self.mask.gather(1, slots)
        rows = torch.arange(len(slots), device=self.device)[:, None]
        for layer in self.cache.layers:
            if layer.is_initialized:
                # Indexed dimensions come first: (B, T, heads, width).
                layer.keys = layer.keys[rows, :, slots].transpose(1, 2)
                layer.values = layer.values[rows, :, slots].transpose(1, 2)

    def select(self, rows: Tensor) -> None:
        """Select and repeat rows (B',), in that order."""
        rows = rows.to(self.device)
        self.cache.batch_select_indices(rows)
        self.mask, self.next_position = self.mask[rows], self.next_position[rows]


def counts_padding(model: AlignedModel) -> bool:
    """Whether the backbone measures distances between tokens in cache positions, including padding."""
    config = model.backbone.config
    # GPT-Neo has windows that transformers' cache does not know of.
    windows = any(DynamicCache(config=config).is_sliding) or "local" in getattr(config, "attention_layers", ())
    return windows or "position_ids" not in inspect.signature(model.backbone.get_decoder().forward).parameters


def in_batches(
    model: AlignedModel,
    prompts: Sequence[Prompt],
    batch: int,
    description: str,
    show_progress: bool,
    decode: Callable[..., Any],
    copies: int = 1,
) -> list[Any]:
    """Run `decode(rows)` on batches of prompts of similar length; results are returned in the prompts' order.

    Args:
        model: model whose device determines the number of prompt tokens per batch.
        prompts: R prompts.
        batch: largest number of prompts per batch; fewer if they are long.
        description: label of the progress bar.
        show_progress: whether to show the bar.
        decode: takes a list of row numbers and returns one result for each.
        copies: of a prompt's cache that decoding needs, for beams or for several texts.
    """
    tokens = CPU_TOKENS // copies if model.device.type == "cpu" else _tokens_on_gpu(model, copies)
    order = np.argsort([len(p.ids) for p in prompts], kind="stable").tolist()
    results: list[Any] = [None] * len(prompts)
    with tqdm(total=len(prompts), desc=description, disable=not show_progress, leave=False) as bar:
        while order:
            rows = order[:batch]
            while len(rows) > 1 and len(rows) * len(prompts[rows[-1]].ids) > tokens:
                rows.pop()
            order = order[len(rows) :]
            for row, result in zip(rows, decode(rows), strict=True):
                results[row] = result
            bar.update(len(rows))
    return results


def _tokens_on_gpu(model: AlignedModel, copies: int) -> int:
    """Number of prompt tokens whose cache fits, with as many heads for keys and values as for queries, in 16 bits."""
    config = model.backbone.config.get_text_config()
    of_a_token = 4 * config.hidden_size * config.num_hidden_layers * copies
    return int(GPU_SHARE * torch.cuda.get_device_properties(model.device).total_memory / of_a_token)
