"""Reading answers out of an aligned model, many prompts at once.

Prompts are padded on the right: the first pass over them needs no mask, later steps mask the padding.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from recx.alignment.backbones import autocast
from recx.alignment.model import AlignedModel
from recx.alignment.trie import TokenGraph


class _Stream:
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


@torch.inference_mode()
def beam_titles(
    model: AlignedModel,
    prompts: Sequence[np.ndarray],
    graph: TokenGraph,
    beams: int = 5,
    batch: int = 64,
    precision: str = "auto",
    show_progress: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """The most probable titles after each prompt, by beam search over the catalogue's titles only.

    Args:
        model: in eval mode.
        prompts: R prompts.
        graph: of `single_title`.
        beams: K titles wanted (at most the size of the catalogue).
        batch: prompts at once.
        precision: of the matrix products.
        show_progress: show a bar.

    Returns:
        Items (R, K), the most probable first, and the log-probabilities (R, K) of their titles, given the tokens
        that all titles begin with.
    """

    def decode(rows: list[int]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        with autocast(precision):
            stream = _Stream(model, [np.concatenate([prompts[r], graph.prefix]) for r in rows])
            size = len(rows)
            nodes, scores = torch.zeros(size, 1, dtype=torch.long), torch.zeros(size, 1)
            while True:
                tokens, targets, real = graph.children(nodes.flatten())
                done = graph.is_end(nodes).flatten()
                logp = stream.logits.log_softmax(-1).gather(1, tokens)
                # A finished title stays as it is: one edge to itself at no cost.
                logp[done, 0], targets[done, 0], real[done, 0] = 0.0, nodes.flatten()[done], True
                total = (scores.flatten()[:, None] + logp).masked_fill(~real, -torch.inf)
                width = total.shape[1]
                total = total.view(size, -1)
                scores, chosen = total.topk(min(beams, total.shape[1]), dim=1)
                parents = chosen // width + torch.arange(size)[:, None] * nodes.shape[1]
                pick = chosen % width
                flat = parents.flatten()
                nodes = targets[flat, pick.flatten()].view(size, -1)
                if graph.is_end(nodes)[scores > -torch.inf].all():
                    break
                stream.select(flat)
                stream.step(tokens[flat, pick.flatten()])
        items = graph.item[nodes].masked_fill(scores == -torch.inf, 0)
        return zip(_padded(items, beams), _padded(scores, beams), strict=True)

    results = in_batches(prompts, batch, "titles", show_progress, decode)
    return np.stack([r[0] for r in results]), np.stack([r[1] for r in results])


@torch.inference_mode()
def greedy_lists(
    model: AlignedModel,
    prompts: Sequence[np.ndarray],
    graph: TokenGraph,
    max_tokens: int = 200,
    batch: int = 128,
    precision: str = "auto",
    show_progress: bool = False,
) -> list[list[int]]:
    """Lists of catalogue titles, written greedily along the graph of `title_list`.

    Returns:
        The items of each list in the order written.
    """

    def decode(rows: list[int]) -> list[list[int]]:
        written: list[list[int]] = [[] for _ in rows]
        with autocast(precision):
            stream = _Stream(model, [prompts[r] for r in rows])
            nodes = torch.zeros(len(rows), dtype=torch.long)
            for _ in range(max_tokens):
                tokens, targets, real = graph.children(nodes)
                best = stream.logits.gather(1, tokens).masked_fill(~real, -torch.inf).argmax(1)
                token = tokens.gather(1, best[:, None])[:, 0]
                done = graph.is_end(nodes)
                nodes = torch.where(done, nodes, targets.gather(1, best[:, None])[:, 0])
                for row in (graph.item[nodes].gt(0) & ~done).nonzero()[:, 0].tolist():
                    written[row].append(int(graph.item[nodes[row]]))
                if graph.is_end(nodes).all():
                    break
                stream.step(token)
        return written

    return in_batches(prompts, batch, "lists", show_progress, decode)


@torch.inference_mode()
def greedy_order(
    model: AlignedModel,
    prompts: Sequence[np.ndarray],
    candidates: np.ndarray,
    titles: Sequence[np.ndarray],
    separator: np.ndarray,
    batch: int = 128,
    precision: str = "auto",
    show_progress: bool = False,
) -> np.ndarray:
    """Order candidates: titles are written one after another, each token one that a remaining candidate allows.

    Args:
        model: in eval mode.
        prompts: R prompts.
        candidates: (R, C) items, in any order.
        titles: tokens of items 0..N.
        separator: tokens between two titles.
        batch: prompts at once.
        precision: of the matrix products.
        show_progress: show a bar.

    Returns:
        (R, C) the same items in the order written.
    """
    count = candidates.shape[1]

    def decode(rows: list[int]) -> np.ndarray:
        own = candidates[rows]
        sequences = [[np.concatenate([titles[i], separator]) for i in row] for row in own]
        lengths = torch.tensor([[len(s) for s in row] for row in sequences])
        table = torch.zeros(len(rows), count, int(lengths.max()) + 1, dtype=torch.long)
        for r, row in enumerate(sequences):
            for c, sequence in enumerate(row):
                table[r, c, : len(sequence)] = torch.from_numpy(sequence.astype(np.int64))
        order = torch.full((len(rows), count), -1)
        placed = torch.zeros(len(rows), dtype=torch.long)
        left = torch.ones(len(rows), count, dtype=torch.bool)
        active, position = left.clone(), torch.zeros(len(rows), dtype=torch.long)
        everyone = torch.arange(len(rows))
        with autocast(precision):
            stream = _Stream(model, [prompts[r] for r in rows])
            while True:
                offered = table[everyone[:, None], torch.arange(count), position[:, None]]
                best = stream.logits.gather(1, offered).masked_fill(~active, -torch.inf).argmax(1)
                token = offered[everyone, best]
                active &= offered == token[:, None]
                position += 1
                finished = position >= lengths[everyone, best]
                open_rows = finished & (placed < count)
                order[everyone[open_rows], placed[open_rows]] = best[open_rows]
                left[everyone[open_rows], best[open_rows]] = False
                placed += open_rows
                # One candidate left needs no decoding: it comes last.
                last = open_rows & (placed == count - 1)
                order[everyone[last], count - 1] = left[last].int().argmax(1)
                placed[last] = count
                if (placed >= count).all():
                    break
                active[finished], position[finished] = left[finished], 0
                active[placed >= count] = True  # rows that are through walk on idly until the batch is
                stream.step(token)
        return np.take_along_axis(own, order.numpy(), axis=1)

    return np.stack(in_batches(prompts, batch, "rankings", show_progress, decode))


@torch.inference_mode()
def choice_probability(
    model: AlignedModel,
    prompts: Sequence[np.ndarray],
    options: tuple[int, int],
    batch: int = 256,
    precision: str = "auto",
    show_progress: bool = False,
) -> np.ndarray:
    """Probability (R,) of the first of two tokens against the second as the start of the answer."""

    def decode(rows: list[int]) -> np.ndarray:
        with autocast(precision):
            logits = _Stream(model, [prompts[r] for r in rows]).logits
        return torch.sigmoid(logits[:, options[0]] - logits[:, options[1]]).numpy()

    return np.array(in_batches(prompts, batch, "decisions", show_progress, decode))


@torch.inference_mode()
def greedy_text(
    model: AlignedModel,
    prompts: Sequence[np.ndarray],
    end: int,
    max_tokens: int = 160,
    batch: int = 128,
    precision: str = "auto",
    show_progress: bool = False,
) -> list[np.ndarray]:
    """Free greedy continuation of each prompt, up to the end token (left out) or `max_tokens`."""

    def decode(rows: list[int]) -> list[np.ndarray]:
        written = np.full((len(rows), max_tokens), end, dtype=np.int64)
        open_rows = torch.ones(len(rows), dtype=torch.bool)
        with autocast(precision):
            stream = _Stream(model, [prompts[r] for r in rows])
            for n in range(max_tokens):
                token = stream.logits.argmax(-1)
                open_rows &= token != end
                if not open_rows.any():
                    break
                written[open_rows.numpy(), n] = token[open_rows].numpy()
                stream.step(token)
        return [row[: int((row == end).argmax()) if (row == end).any() else max_tokens] for row in written]

    return in_batches(prompts, batch, "texts", show_progress, decode)


@torch.inference_mode()
def free_answers(
    model: AlignedModel,
    prompts: Sequence[np.ndarray],
    end: int,
    beams: int = 1,
    returned: int = 1,
    max_tokens: int = 48,
    batch: int = 32,
    precision: str = "auto",
    show_progress: bool = False,
) -> list[list[np.ndarray]]:
    """Unconstrained answers as the paper decodes them: greedy (`beams=1`) or the best of a free beam search.

    Returns:
        For each prompt `returned` answers as token ids, the best first.
    """

    def decode(rows: list[int]) -> list[list[np.ndarray]]:
        width = max(len(prompts[r]) for r in rows)
        ids = np.zeros((len(rows), width), dtype=np.int64)
        mask = np.zeros_like(ids)
        for n, r in enumerate(rows):  # `generate` continues at the right edge, so padding goes to the left
            ids[n, width - len(prompts[r]) :], mask[n, width - len(prompts[r]) :] = prompts[r], 1
        with autocast(precision):
            out = model.backbone.generate(
                input_ids=torch.from_numpy(ids).to(model.device),
                attention_mask=torch.from_numpy(mask).to(model.device),
                num_beams=beams,
                num_return_sequences=returned,
                do_sample=False,
                max_new_tokens=max_tokens,
                eos_token_id=end,
                pad_token_id=end,
            )
        answers = out[:, width:].cpu().numpy().reshape(len(rows), returned, -1)
        return [[a[: int((a == end).argmax()) if (a == end).any() else len(a)] for a in row] for row in answers]

    return in_batches(prompts, batch, "answers", show_progress, decode)


def _padded(values: Tensor, width: int) -> np.ndarray:
    out = np.zeros((len(values), width), dtype=values.numpy().dtype)
    out[:, : values.shape[1]] = values.numpy()
    return out
