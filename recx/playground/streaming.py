"""An explanation as it is written, token by token, for many people at once on one model."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch

from recx.data.item_lookup import Item
from recx.decoding.free import best_tokens
from recx.decoding.state import Stream
from recx.explaining.aligned import Explainer, wish
from recx.explaining.records import Explanation
from recx.models.backbones import autocast
from recx.prompts.controls import Control


def stream_explanation(
    explainer: Explainer,
    history: Sequence[Item],
    item: Item,
    instruction: str | Control = "",
    max_tokens: int = 160,
    stopped: Callable[[], bool] = lambda: False,
    turn: "threading.Lock | AbstractContextManager[object]" = nullcontext(),  # noqa: B008
) -> Iterator[str | Explanation]:
    """Yield the text so far after every token and, last, the explanation that `Explainer.explain` would give.

    Args:
        explainer: asked.
        history: of one person, in any form.
        item: asked about.
        instruction: free text, or a `Control`.
        max_tokens: longest answer.
        stopped: asked before every token; what was written until then is the answer.
        turn: held for every step, so that several streams share one model, a token each in turn.
    """
    asked, found, end = wish(instruction), explainer.find(item), int(explainer.encoder.end[0])
    written: list[int] = []
    with turn, torch.inference_mode():
        # The target encodes in its own precision, as everywhere else.
        data, encoded = explainer.ask("explanation", [history], [[found]], instruction=asked)
        with autocast(explainer.precision):
            stream = Stream(explainer.model, encoded)
    quotes = [explainer.quotes(data.recent(0), found)] if explainer.held else []
    text = ""
    while len(written) < max_tokens and not stopped():
        token = int(best_tokens(stream.logits, quotes)[0])
        if token == end:
            break
        written.append(token)
        # Half of a letter shows as a replacement mark until its other half is there.
        text = explainer.encoder.tokenizer.decode(written).strip()
        yield text.rstrip("\ufffd")
        with turn, torch.inference_mode(), autocast(explainer.precision):
            stream.step(torch.tensor([token]))
    yield explainer.read(text, data.recent(0), found, asked)
