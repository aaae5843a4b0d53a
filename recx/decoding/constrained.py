"""Constrained decoding along the graph of a catalogue's titles, so that no title is invented."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from recx.decoding.candidate_order import CandidateOrder
from recx.decoding.state import BATCH, DecodingState, in_batches
from recx.decoding.title_trie import TokenGraph
from recx.models.aligned_model import AlignedModel
from recx.models.backbones import autocast
from recx.prompts.tokens import Prompt


@torch.inference_mode()
def beam_titles(
    model: AlignedModel,
    prompts: Sequence[Prompt],
    graph: TokenGraph,
    beams: int = 5,
    precision: str = "auto",
    show_progress: bool = False,
    exclude: Sequence[Sequence[int]] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The most probable titles after each prompt, by beam search restricted to the catalogue's titles.

    Args:
        model: in eval mode.
        prompts: R prompts.
        graph: result of `build_title_trie`.
        beams: number K of titles (at most the size of the catalogue).
        precision: of matrix products.
        show_progress: show a bar.
        exclude: items to exclude for each prompt; at least K others must remain.

    Returns:
        Items (R, K), most probable first, and the log-probabilities (R, K) of their titles among all titles of the
        catalogue: at every token, the probability is normalised over the tokens that continue some title. Once only one
        title is left, its remaining tokens are certain and need no forward pass.
    """

    device = model.device
    graph = graph.to(device)

    def decode(rows: list[int]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        with autocast(precision, model.device.type):
            items = torch.zeros(len(rows), beams, dtype=torch.long, device=device)
            log_probs = torch.full((len(rows), beams), -torch.inf, device=device)
            state = DecodingState(model, [prompts[r].followed_by(graph.prefix) for r in rows])
            # Only rows that still have an open title need further steps.
            left = torch.arange(len(rows), device=device)
            nodes = torch.zeros(len(rows), 1, dtype=torch.long, device=device)
            scores = torch.zeros(len(rows), 1, device=device)
            closed = _closed(graph, [exclude[r] for r in rows]) if exclude is not None else None
            places = left[:, None]  # row of an open title in the state; certain titles have been removed
            while len(left):
                certain, flat = graph.only_item[nodes].flatten() > 0, nodes.flatten()
                wanted = ~certain & (scores.flatten() > -torch.inf)
                tokens, targets, real = graph.children(flat)
                logp = torch.full(tokens.shape, -torch.inf, device=device)
                logits = state.logits[places.flatten()[wanted]].gather(1, tokens[wanted])
                logp[wanted] = logits.masked_fill(~real[wanted], -torch.inf).log_softmax(-1)
                # A completed title stays as it is: a single edge to itself at no cost.
                logp[certain, 0], targets[certain, 0] = 0.0, flat[certain]
                total = (scores.flatten()[:, None] + logp).view(len(left), -1)
                if closed is not None:
                    ways = left[:, None] * len(graph.item) + targets.view(len(left), -1)
                    total = total.masked_fill(torch.isin(ways, closed), -torch.inf)
                width = tokens.shape[1]
                scores, chosen = total.topk(min(beams, total.shape[1]), dim=1)
                parents = chosen // width + torch.arange(len(left), device=device)[:, None] * nodes.shape[1]
                pick = chosen % width
                nodes = targets[parents, pick]
                through = ((graph.only_item[nodes] > 0) | (scores == -torch.inf)).all(1)
                ended, kept = left[through], nodes.shape[1]
                items[ended, :kept] = graph.only_item[nodes[through]].masked_fill(scores[through] == -torch.inf, 0)
                log_probs[ended, :kept] = scores[through]
                left, nodes, scores = left[~through], nodes[~through], scores[~through]
                parents, pick = parents[~through], pick[~through]
                going = (graph.only_item[nodes] == 0) & (scores > -torch.inf)
                if len(left):
                    state.select(places.flatten()[parents[going]])
                    state.step(tokens[parents[going], pick[going]])
                    places = torch.full(nodes.shape, -1, device=device)
                    places[going] = torch.arange(int(going.sum()), device=device)
        return zip(items.cpu().numpy(), log_probs.cpu().numpy(), strict=True)

    results = in_batches(model, prompts, BATCH, "titles", show_progress, decode, beams)
    return np.stack([r[0] for r in results]), np.stack([r[1] for r in results])


def _closed(graph: TokenGraph, exclude: Sequence[Sequence[int]]) -> torch.Tensor:
    """Nodes that a row may not enter, as row * nodes + node; every other node still leads to an allowed title."""
    size = len(graph.item)
    closed = [r * size + n for r, items in enumerate(exclude) for n in graph.nodes_leading_only_to(items)]
    return torch.tensor(closed, dtype=torch.long, device=graph.item.device)


def _best_of(logits: Tensor, tokens: Tensor, real: Tensor) -> Tensor:
    """The most probable of the real tokens (B, M) by logits (B, V) -> (B,) on the host."""
    tokens, real = tokens.to(logits.device), real.to(logits.device)
    return logits.gather(1, tokens).masked_fill(~real, -torch.inf).argmax(1).cpu()


@torch.inference_mode()
def greedy_lists(
    model: AlignedModel,
    prompts: Sequence[Prompt],
    graph: TokenGraph,
    most: int,
    precision: str = "auto",
    show_progress: bool = False,
) -> list[list[int]]:
    """Lists of catalogue titles, generated greedily along the graph of `build_list_graph`.

    Forced tokens, which make up most of a title, are appended together in one pass.

    Args:
        model: in eval mode.
        prompts: R prompts.
        graph: result of `build_list_graph`.
        most: largest number of titles; longer lists are truncated.
        precision: of matrix products.
        show_progress: show a bar.

    Returns:
        The items of each list in generated order.
    """

    def decode(rows: list[int]) -> list[list[int]]:
        written: list[list[int]] = [[] for _ in rows]
        with autocast(precision, model.device.type):
            state = DecodingState(model, [prompts[r] for r in rows])
            left, nodes = list(range(len(rows))), torch.zeros(len(rows), dtype=torch.long)
            while left:
                tokens, targets, real = graph.children(nodes)
                best = _best_of(state.logits, tokens, real)[:, None]
                chosen = zip(tokens.gather(1, best)[:, 0].tolist(), targets.gather(1, best)[:, 0].tolist(), strict=True)
                runs, ends = [], []
                for row, (token, node) in zip(left, chosen, strict=True):
                    more, entered = graph.forced_tokens(node)
                    runs.append([token, *more])
                    ends.append(entered[-1])
                    written[row] += [int(item) for item in graph.item[entered] if item]
                still = [n for n, row in enumerate(left) if not graph.is_end(ends[n]) and len(written[row]) < most]
                if still and len(still) < len(left):
                    state.select(torch.tensor(still))
                left, nodes = [left[n] for n in still], torch.tensor([ends[n] for n in still])
                if left:
                    state.extend([runs[n] for n in still])
        return [items[:most] for items in written]

    return in_batches(model, prompts, BATCH, "lists", show_progress, decode)


@torch.inference_mode()
def greedy_order(
    model: AlignedModel,
    prompts: Sequence[Prompt],
    candidates: np.ndarray,
    titles: Sequence[np.ndarray],
    separator: np.ndarray,
    precision: str = "auto",
    show_progress: bool = False,
) -> np.ndarray:
    """Rank candidates by writing their titles one after another; each token must continue a remaining candidate.

    Forced tokens, which make up most of a title, are appended together in one pass.

    Args:
        model: in eval mode.
        prompts: R prompts.
        candidates: (R, C) items, in any order.
        titles: tokens of items 0..N.
        separator: tokens between two titles.
        precision: of matrix products.
        show_progress: show a bar.

    Returns:
        (R, C) the same items in generated order.
    """

    def decode(rows: list[int]) -> list[np.ndarray]:
        orders = [CandidateOrder([np.concatenate([titles[i], separator]) for i in candidates[r]]) for r in rows]
        left = [n for n, order in enumerate(orders) if not order.complete]
        with autocast(precision, model.device.type):
            state = DecodingState(model, [prompts[rows[n]] for n in left]) if left else None
            while left:
                choices = [torch.tensor(orders[n].choices()) for n in left]
                tokens = pad_sequence(choices, batch_first=True, padding_value=-1)
                best = _best_of(state.logits, tokens.clamp(min=0), tokens >= 0).tolist()
                runs = [orders[n].take(int(own[b])) for n, own, b in zip(left, choices, best, strict=True)]
                still = [k for k, n in enumerate(left) if not orders[n].complete]
                if still and len(still) < len(left):
                    state.select(torch.tensor(still))
                left = [left[k] for k in still]
                if left:
                    state.extend([runs[k] for k in still])
        return [candidates[r][order.places] for r, order in zip(rows, orders, strict=True)]

    return np.stack(in_batches(model, prompts, BATCH, "rankings", show_progress, decode))
