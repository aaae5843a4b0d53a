"""Streaming explanations token by token, for several people at once on one model."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch

from recx.data.item_lookup import Item
from recx.decoding.generation import best_tokens, without
from recx.decoding.state import DecodingState
from recx.explaining.aligned import AlignedExplainer
from recx.explaining.records import Explanation
from recx.explaining.revision import Reviser
from recx.models.backbones import autocast
from recx.prompts.controls import Control


def stream_explanation(
    explainer: AlignedExplainer,
    history: Sequence[Item],
    item: Item,
    instruction: str | Control = "",
    max_tokens: int = 0,
    should_stop: Callable[[], bool] = lambda: False,
    lock: "threading.Lock | AbstractContextManager[object]" = nullcontext(),  # noqa: B008
) -> Iterator[str | Explanation]:
    """Yield the text so far after every token and finally the explanation that `Explainer.explain` would give.

    A text that is held to its evidence is written in full before sentences of it are written again; it is yielded after
    each round of these.

    Args:
        explainer: the explainer to ask.
        history: history of one person, in any form.
        item: the item in question.
        instruction: free text, or a `Control`.
        max_tokens: greatest length of an answer; by default, what the titles of the catalogue need.
        should_stop: called before every token; if it returns True, the answer ends there.
        lock: held for every step, so that streams sharing it take turns token by token.
    """
    with lock:
        (request,) = explainer.explanation_requests([history], [item], instruction)
    ends, written = explainer.encoder.ends | explainer.model.ends, []
    device, max_tokens = explainer.model.device.type, max_tokens or explainer.encoder.text_tokens
    with lock, torch.inference_mode():
        # The target encodes in its own precision, outside of autocast.
        prompts = explainer.prompts([request])
        with autocast(explainer.precision, device):
            state = DecodingState(explainer.model, prompts)
    quotes = [explainer.quotes(request)] if explainer.holds_quotes else []
    text = ""
    while len(written) < max_tokens and not should_stop():
        early = len(written) < explainer.min_tokens
        logits = without(state.logits, torch.tensor(sorted(ends))) if early else state.logits
        with lock, torch.inference_mode(), autocast(explainer.precision, device):  # titles may have to be compared
            token = int(best_tokens(logits, quotes, state.log_probs)[0])
        if token in ends:
            break
        written.append(token)
        # An incomplete character is decoded as a replacement character until its remaining tokens follow.
        text = explainer.encoder.tokenizer.decode(written).strip()
        yield text.rstrip("\ufffd")
        with lock, torch.inference_mode(), autocast(explainer.precision, device):
            state.step(torch.tensor([token]))
    changed = 0
    if explainer.measure is not None and explainer.holds_evidence and not should_stop():
        with lock:
            evidence = explainer.measure(request.whole, request.items[0])
            revision = Reviser(explainer, max_tokens).revise([request], [evidence], [text])
        while not should_stop():
            with lock:
                drafts = next(revision, None)
            if drafts is None:
                break
            text, changed = drafts[0].text, drafts[0].changed
            yield text
    yield explainer.read(text, request, changed)
