"""Texts drawn at random from a model's own distribution, several for each prompt."""

import copy
from collections.abc import Collection, Sequence

import numpy as np
import torch
from torch import Tensor

from recx.decoding.quote_constraint import QuoteConstraint
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
    quotes: Sequence[QuoteConstraint] | None = None,
    pauses: Collection[int] = (),
    seeds: Sequence[int] | None = None,
) -> list[list[np.ndarray]]:
    """Draw `count` continuations of each prompt, token by token.

    What is drawn depends on `seeds`, or else on PyTorch's global random state, which training checkpoints keep.

    Args:
        model: in eval mode.
        prompts: R prompts.
        ends: ids of end tokens, in addition to the backbone's own.
        count: texts for each prompt.
        max_tokens: longest text, its end token included.
        temperature: logits are divided by it; 1 is the model's own distribution.
        precision: of matrix products.
        show_progress: show a bar.
        quotes: constraints on the quotations of each prompt's texts; none by default.
        pauses: ids of further tokens after which a text ends, unless within a quotation that is constrained.
        seeds: a seed for each prompt, whose texts then do not depend on the other prompts.

    Returns:
        R lists of `count` texts as token ids; the end token is part of a text, unless `max_tokens` were reached.
    """
    ends, pauses = torch.tensor(sorted(model.ends | set(ends))), frozenset(pauses)

    def decode(rows: list[int]) -> list[list[np.ndarray]]:
        written = np.full((len(rows) * count, max_tokens), -1, dtype=np.int64)
        left = np.arange(len(written))
        held = [copy.copy(quotes[r]) for r in rows for _ in range(count)] if quotes else []
        draws = [np.random.default_rng([seeds[r], n]) for r in rows for n in range(count)] if seeds else []
        with autocast(precision, model.device.type):
            state = DecodingState(model, [prompts[r] for r in rows])
            state.select(torch.arange(len(rows)).repeat_interleave(count))
            logits = state.logits.repeat_interleave(count, 0)
            for n in range(max_tokens):
                token = drawn_tokens(
                    (logits / temperature).softmax(-1),
                    [held[n] for n in left] if held else [],
                    [draws[n] for n in left] if draws else [],
                )
                written[left, n] = token.numpy()
                over = torch.isin(token, ends) | torch.tensor(
                    [int(t) in pauses and (not held or held[k].complete) for t, k in zip(token, left, strict=True)]
                )
                still = (~over).nonzero()[:, 0]
                if not len(still) or n == max_tokens - 1:
                    break
                if len(still) < len(left):  # finished texts need no further steps
                    state.select(still)
                left = left[still.numpy()]
                state.step(token[still])
                logits = state.logits
        texts = [row[row >= 0] for row in written]
        return [texts[n * count : (n + 1) * count] for n in range(len(rows))]

    return in_batches(model, prompts, max(1, BATCH // count), "samples", show_progress, decode, count)


def drawn_tokens(
    probabilities: Tensor, quotes: Sequence[QuoteConstraint] = (), draws: Sequence[np.random.Generator] = ()
) -> Tensor:
    """One token (B,) of each row of probabilities (B, V), of those that its quote constraint allows; on the host.

    Args:
        probabilities: need not sum to one.
        quotes: a constraint for each row; none by default.
        draws: a random state for each row; by default, the global one of PyTorch.
    """
    token = _drawn(probabilities, draws)
    for row, held in enumerate(quotes):
        state = draws[row : row + 1]
        allowed = held.allowed()
        if allowed is not None:
            own = probabilities[row, allowed]
            token[row] = allowed[int(_drawn((own if own.sum() else torch.ones_like(own))[None], state))]
        left = probabilities[row] if not held.accepts(int(token[row])) else None
        while left is not None and not held.accepts(int(token[row])):
            left = left.index_fill(0, token[row : row + 1].to(left.device), 0.0)
            token[row] = int(_drawn(left[None], state)) if left.sum() else _first_allowed(held, len(left))
        held.advance(int(token[row]))
    return token


def _drawn(probabilities: Tensor, draws: Sequence[np.random.Generator]) -> Tensor:
    """One index (B,) of each row of probabilities (B, V), on the host."""
    if not draws:
        return torch.multinomial(probabilities, 1)[:, 0].cpu()
    edges = probabilities.cumsum(-1)
    places = torch.tensor([draw.random() for draw in draws]).to(edges) * edges[:, -1]
    index = torch.searchsorted(edges, places[:, None], right=True)[:, 0]
    # A draw may be rounded to the upper end, behind which there is nothing.
    return torch.where(index < edges.shape[1], index, probabilities.argmax(-1)).cpu()


def _first_allowed(held: QuoteConstraint, vocabulary: int) -> int:
    return next(token for token in range(vocabulary) if held.accepts(token))
