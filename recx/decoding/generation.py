"""Decisions, greedy texts (their quotes constrained or not), and titles unconstrained, as the paper decodes them."""

from collections.abc import Collection, Sequence

import numpy as np
import torch
from torch import Tensor

from recx.decoding.quote_constraint import QuoteConstraint
from recx.decoding.state import BATCH, DecodingState, in_batches
from recx.models.aligned_model import AlignedModel
from recx.models.backbones import autocast
from recx.prompts.tokens import Prompt


@torch.inference_mode()
def choice_probability(
    model: AlignedModel,
    prompts: Sequence[Prompt],
    options: tuple[Collection[int], Collection[int]],
    precision: str = "auto",
    show_progress: bool = False,
) -> np.ndarray:
    """Probability (R,) of the first of two sets of tokens against the second as the start of the answer."""
    first, second = map(list, options)

    def decode(rows: list[int]) -> np.ndarray:
        with autocast(precision):
            logits = DecodingState(model, [prompts[r] for r in rows]).logits
        return torch.sigmoid(logits[:, first].logsumexp(1) - logits[:, second].logsumexp(1)).cpu().numpy()

    return np.array(in_batches(model, prompts, BATCH, "decisions", show_progress, decode))


@torch.inference_mode()
def greedy_text(
    model: AlignedModel,
    prompts: Sequence[Prompt],
    ends: Collection[int],
    max_tokens: int = 160,
    precision: str = "auto",
    show_progress: bool = False,
    quotes: Sequence[QuoteConstraint] | None = None,
    min_tokens: int = 0,
) -> list[np.ndarray]:
    """Greedy continuation of each prompt, up to a token that ends it (left out) or `max_tokens`.

    Args:
        model: in eval mode.
        prompts: R prompts.
        ends: ids of tokens that end a text, besides those that the backbone itself names.
        max_tokens: longest answer.
        precision: of the matrix products.
        show_progress: show a bar.
        quotes: what each answer may quote; anything by default.
        min_tokens: shortest answer: before that no token that ends a text is chosen.
    """
    ends = torch.tensor(sorted(model.ends | set(ends)))

    def decode(rows: list[int]) -> list[np.ndarray]:
        written = np.full((len(rows), max_tokens), -1, dtype=np.int64)
        left = np.arange(len(rows))
        with autocast(precision):
            state = DecodingState(model, [prompts[r] for r in rows])
            for n in range(max_tokens):
                logits = without(state.logits, ends) if n < min_tokens else state.logits
                token = best_tokens(logits, [quotes[rows[k]] for k in left] if quotes else [])
                still = (~torch.isin(token, ends)).nonzero()[:, 0]
                if not len(still):
                    break
                if len(still) < len(left):  # rows that have ended need no more steps
                    state.select(still)
                left, token = left[still.numpy()], token[still]
                written[left, n] = token.numpy()
                state.step(token)
        return [row[row >= 0] for row in written]

    return in_batches(model, prompts, BATCH, "texts", show_progress, decode)


def without(logits: Tensor, tokens: Tensor) -> Tensor:
    """Logits (B, V) in which some tokens (M,) are impossible."""
    return logits.index_fill(1, tokens.to(logits.device), -torch.inf)


def best_tokens(logits: Tensor, quotes: Sequence[QuoteConstraint]) -> Tensor:
    """The most probable token of each row (B, V) -> (B,), on the host, that its quotes allow."""
    best = logits.argmax(-1).cpu()
    for row, held in enumerate(quotes):
        allowed = held.allowed()
        if allowed is not None:
            best[row] = allowed[int(logits[row, allowed].argmax())]
        elif not held.accepts(int(best[row])):
            best[row] = next(t for t in logits[row].argsort(descending=True).tolist() if held.accepts(t))
        held.advance(int(best[row]))
    return best


@torch.inference_mode()
def free_answers(
    model: AlignedModel,
    prompts: Sequence[Prompt],
    ends: Collection[int],
    beams: int = 1,
    returned: int = 1,
    max_tokens: int = 48,
    precision: str = "auto",
    show_progress: bool = False,
) -> list[list[np.ndarray]]:
    """Unconstrained answers as the paper decodes them: greedy (`beams=1`) or the best of a free beam search.

    They end with one of `ends` or of the tokens that the backbone itself names.

    Returns:
        For each prompt `returned` answers as token ids, the best first.
    """

    ends = sorted(model.ends | set(ends))

    def decode(rows: list[int]) -> list[list[np.ndarray]]:
        width = max(len(prompts[r].ids) for r in rows)
        ids = np.zeros((len(rows), width), dtype=np.int64)
        mask = np.zeros_like(ids)
        for n, r in enumerate(rows):  # `generate` continues at the right edge, so padding goes to the left
            own = prompts[r].ids
            ids[n, width - len(own) :], mask[n, width - len(own) :] = own, 1
        users = None if prompts[rows[0]].user is None else torch.stack([prompts[r].user for r in rows])
        with autocast(precision):
            # Given embeddings and no ids, `generate` returns what it has written alone.
            answers = model.backbone.generate(
                inputs_embeds=model.embed(torch.from_numpy(ids).to(model.device), users),
                attention_mask=torch.from_numpy(mask).to(model.device),
                num_beams=beams,
                num_return_sequences=returned,
                do_sample=False,
                max_new_tokens=max_tokens,
                eos_token_id=ends,
                pad_token_id=ends[0],
            )
        written = answers.cpu().numpy().reshape(len(rows), returned, -1)
        return [[a[: np.flatnonzero([*np.isin(a, ends), True])[0]] for a in row] for row in written]

    return in_batches(model, prompts, BATCH, "answers", show_progress, decode)
