"""Decisions, greedy texts (optionally with constrained quotations), and unconstrained titles as in the paper."""

from collections.abc import Callable, Collection, Sequence

import numpy as np
import torch
from torch import Tensor

from recx.decoding.quote_constraint import QuoteConstraint
from recx.decoding.state import BATCH, DecodingState, in_batches
from recx.models.aligned_model import AlignedModel
from recx.models.backbones import autocast
from recx.prompts.tokens import Prompt, user_vectors

# A checkpoint's own defaults would change what is measured; Qwen2.5's, for one, make repeated tokens less probable.
_PLAIN = {"repetition_penalty": 1.0, "no_repeat_ngram_size": 0, "length_penalty": 1.0, "min_new_tokens": 0}


@torch.inference_mode()
def choice_probability(
    model: AlignedModel,
    prompts: Sequence[Prompt],
    options: tuple[Collection[int], Collection[int]],
    precision: str = "auto",
    show_progress: bool = False,
) -> np.ndarray:
    """Probability (R,) that the answer starts with a token of the first set rather than the second.

    In float64, in which the probabilities of very sure decisions still differ.
    """
    first, second = map(list, options)
    tokens = torch.tensor([*first, *second], device=model.device)

    def decode(rows: list[int]) -> np.ndarray:
        with autocast(precision, model.device.type):
            last = DecodingState(model, [prompts[r] for r in rows]).last
        logits = model.precise_logits(last, tokens).cpu().double()
        odds = logits[:, : len(first)].logsumexp(1) - logits[:, len(first) :].logsumexp(1)
        return torch.sigmoid(odds).numpy()

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
    """Greedy continuation of each prompt, up to an end token (excluded) or `max_tokens`.

    Args:
        model: in eval mode.
        prompts: R prompts.
        ends: ids of end tokens, in addition to the backbone's own.
        max_tokens: longest answer.
        precision: of matrix products.
        show_progress: show a bar.
        quotes: constraints on the quotations of each answer; none by default.
        min_tokens: shortest answer: until then, end tokens are suppressed.
    """
    ends = torch.tensor(sorted(model.ends | set(ends)))

    def decode(rows: list[int]) -> list[np.ndarray]:
        written = np.full((len(rows), max_tokens), -1, dtype=np.int64)
        left = np.arange(len(rows))
        with autocast(precision, model.device.type):
            state = DecodingState(model, [prompts[r] for r in rows])
            for n in range(max_tokens):
                logits = without(state.logits, ends) if n < min_tokens else state.logits
                token = best_tokens(logits, [quotes[rows[k]] for k in left] if quotes else [], state.log_probs)
                still = (~torch.isin(token, ends)).nonzero()[:, 0]
                if not len(still):
                    break
                if len(still) < len(left):  # finished rows need no further steps
                    state.select(still)
                left, token = left[still.numpy()], token[still]
                written[left, n] = token.numpy()
                if n + 1 < max_tokens:
                    state.step(token)
        return [row[row >= 0] for row in written]

    return in_batches(model, prompts, BATCH, "texts", show_progress, decode)


def without(logits: Tensor, tokens: Tensor) -> Tensor:
    """Set the logits (B, V) of some tokens (M,) to minus infinity."""
    return logits.index_fill(1, tokens.to(logits.device), -torch.inf)


def best_tokens(
    logits: Tensor,
    quotes: Sequence[QuoteConstraint],
    log_probs: Callable[[int, Sequence[Sequence[int]]], Tensor],
) -> Tensor:
    """The most probable token of each row that its quote constraint allows.

    Within a quotation whose most probable token is that of a title that may not be written, it is the first token of
    the most probable title that may.

    Args:
        logits: (B, V).
        quotes: constraints of the first rows.
        log_probs: of several runs of tokens after a row, see `DecodingState.log_probs`.

    Returns:
        (B,) tokens, on the host.
    """
    best = logits.argmax(-1).cpu()
    for row, held in enumerate(quotes):
        allowed = held.allowed()
        if allowed is not None:
            best[row] = allowed[int(logits[row, allowed].argmax())]
            rivals = held.rivals(int(best[row]))
            if rivals:
                held.choose(list(rivals)[int(log_probs(row, list(rivals.values())).argmax())])
                allowed = held.allowed()
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
    """Unconstrained answers, decoded as in the paper: greedily (`beams=1`) or by beam search.

    They end with one of `ends` or of the backbone's own end tokens.

    Returns:
        For each prompt, `returned` answers as token ids, best first.
    """

    ends = sorted(model.ends | set(ends))

    def decode(rows: list[int]) -> list[list[np.ndarray]]:
        width = max(len(prompts[r].ids) for r in rows)
        ids = np.zeros((len(rows), width), dtype=np.int64)
        mask = np.zeros_like(ids)
        for n, r in enumerate(rows):  # `generate` continues at the right edge, so rows are left-padded
            own = prompts[r].ids
            ids[n, width - len(own) :], mask[n, width - len(own) :] = own, 1
        users = user_vectors([prompts[r] for r in rows])
        with (
            autocast(precision, model.device.type),
            model.reading(torch.from_numpy(ids).to(model.device), users) as embeddings,
        ):
            # Given embeddings without ids, `generate` returns only the new tokens.
            answers = model.backbone.generate(
                inputs_embeds=embeddings,
                attention_mask=torch.from_numpy(mask).to(model.device),
                num_beams=beams,
                num_return_sequences=returned,
                do_sample=False,
                max_new_tokens=max_tokens,
                **_PLAIN,
                eos_token_id=ends,
                pad_token_id=ends[0],
            )
        written = answers.cpu().numpy().reshape(len(rows), returned, -1)
        return [[a[: np.flatnonzero([*np.isin(a, ends), True])[0]] for a in row] for row in written]

    return in_batches(model, prompts, BATCH, "answers", show_progress, decode, max(beams, returned))
