"""The steps of a beam search along the catalogue's titles, one prompt at a time, for looking at it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd
import torch

from recx.data.item_lookup import Item
from recx.decoding.state import DecodingState
from recx.explaining.aligned import AlignedExplainer
from recx.models.backbones import autocast

COLUMNS = ["step", "path", "parent", "text", "log_prob", "kept", "title"]


@dataclass(frozen=True)
class _Path:
    """A beginning of a title: its node in the trie, its log-probability, and how it came about."""

    node: int
    log_prob: float
    parent: int = 0
    token: int = -1  # the one it ends with; -1 where it is carried over
    row: int = 0  # of the decoding state that it continues
    number: int = 0


@torch.inference_mode()
def trace_beams(explainer: AlignedExplainer, history: Sequence[Item], beams: int = 5) -> pd.DataFrame:
    """Recommend to one person as `AlignedExplainer.recommend` does, and record every step.

    Args:
        explainer: an aligned model.
        history: the person's history; its items are not recommended.
        beams: number of paths kept after each step.

    Returns:
        One row per path considered: `step` from 1, `path` (its number from 1), `parent` (number of the path it
        continues, 0 for the root), `text` of its last token (empty where a finished path is carried over), `log_prob`,
        whether it is `kept`, and `title`: the only title it can still become, otherwise empty.

    Raises:
        DataError: the history is empty or names an unknown item.
    """
    encoder, labels = explainer.encoder, explainer.catalogue.labels
    graph = explainer.title_trie
    closed = set(graph.nodes_leading_only_to(sorted(set(explainer.history(history).tolist()))))
    (prompt,) = explainer.prompts(explainer.requests("retrieval", [history]))
    rows: list[tuple] = []
    kept = going = [_Path(0, 0.0)]
    step = number = 0
    with autocast(explainer.precision, explainer.model.device.type):
        state = DecodingState(explainer.model, [prompt.followed_by(graph.prefix)])
        while going:
            step, ways = step + 1, [_Path(p.node, p.log_prob, p.number) for p in kept if graph.only_item[p.node]]
            for row, path in enumerate(going):
                tokens, nodes, _ = graph.children(torch.tensor([path.node]))
                added = state.logits[row, tokens[0].to(state.device)].log_softmax(-1).tolist()
                ways += [
                    _Path(node, path.log_prob + more, path.number, token, row)
                    for node, token, more in zip(nodes[0].tolist(), tokens[0].tolist(), added, strict=True)
                    if node not in closed
                ]
            ways.sort(key=lambda way: -way.log_prob)
            ways = [replace(way, number=number + n) for n, way in enumerate(ways, 1)]
            number, kept = number + len(ways), ways[:beams]
            for n, way in enumerate(ways):
                item = int(graph.only_item[way.node])
                text = "" if way.token < 0 else encoder.tokenizer.decode([way.token])
                title = labels[item] if item else ""
                rows.append((step, way.number, way.parent, text, way.log_prob, n < beams, title))
            going = [path for path in kept if not graph.only_item[path.node]]
            if going:
                state.select(torch.tensor([path.row for path in going]))
                state.step(torch.tensor([path.token for path in going]))
    return pd.DataFrame(rows, columns=COLUMNS)
