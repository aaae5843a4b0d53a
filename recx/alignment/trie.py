"""Title graphs: which token may follow, so that decoding can only write titles of the catalogue."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class TokenGraph:
    """A directed graph whose edges are tokens, stored as one list of edges sorted by their start.

    Node 0 is the start; a node without edges is an end.

    Attributes:
        first: (nodes + 1,) where each node's edges begin.
        tokens: (edges,) token of each edge.
        nodes: (edges,) node each edge leads to.
        item: (nodes,) item whose title was just completed on entering the node, else 0.
        certain: (nodes,) the only item that can still come from a node on, else 0; all 0 where paths have no end.
        prefix: tokens every path begins with; they are left out of the graph and put before decoding starts.
    """

    first: Tensor
    tokens: Tensor
    nodes: Tensor
    item: Tensor
    certain: Tensor
    prefix: np.ndarray

    def children(self, nodes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Edges of nodes (B,), padded: tokens (B, M), targets (B, M) and which of them are real (B, M)."""
        start, count = self.first[nodes], self.first[nodes + 1] - self.first[nodes]
        offsets = torch.arange(max(1, int(count.max())))
        real = offsets < count[:, None]
        edges = (start[:, None] + offsets).clamp(max=len(self.tokens) - 1)
        return self.tokens[edges], self.nodes[edges], real

    def is_end(self, nodes: Tensor) -> Tensor:
        """Whether nodes (...) have no edges."""
        return self.first[nodes + 1] == self.first[nodes]


def single_title(titles: Sequence[np.ndarray], end: np.ndarray) -> TokenGraph:
    """Paths that spell one title and then the end token.

    Args:
        titles: tokens of items 0..N (row 0, padding, is left out).
        end: tokens that close the answer.
    """
    sequences = [np.concatenate([t, end]).tolist() for t in titles[1:]]
    prefix = _common_prefix(sequences)
    builder = _Builder()
    for item, sequence in enumerate(sequences, 1):
        builder.add(0, sequence[len(prefix) :], item)
    return builder.freeze(prefix, builder.only_items())


def title_list(titles: Sequence[np.ndarray], separator: np.ndarray, end: np.ndarray) -> TokenGraph:
    """Paths that spell any number of titles with a separator between them, and then the end token."""
    builder = _Builder()
    stop = builder.new()
    for item, sequence in enumerate(titles[1:], 1):
        last = builder.add(0, sequence.tolist(), item)
        builder.edges[last].setdefault(int(end[0]), stop)
        node = last
        for token in separator[:-1].tolist():
            node = builder.step(node, token)
        builder.edges[node].setdefault(int(separator[-1]), 0)
    return builder.freeze([], [0] * len(builder.edges))


class _Builder:
    def __init__(self) -> None:
        self.edges: list[dict[int, int]] = [{}]
        self.item: list[int] = [0]

    def new(self) -> int:
        self.edges.append({})
        self.item.append(0)
        return len(self.edges) - 1

    def step(self, node: int, token: int) -> int:
        if token not in self.edges[node]:
            self.edges[node][token] = self.new()
        return self.edges[node][token]

    def add(self, node: int, sequence: Sequence[int], item: int) -> int:
        for token in sequence:
            node = self.step(node, token)
        self.item[node] = item
        return node

    def only_items(self) -> list[int]:
        """For each node of a tree the only item below it, 0 where there are several."""
        only = [0] * len(self.edges)
        for node in range(len(self.edges) - 1, -1, -1):  # children are younger than their parents
            below = list(self.edges[node].values())
            only[node] = self.item[node] if not below else only[below[0]] if len(below) == 1 else 0
        return only

    def freeze(self, prefix: Sequence[int], certain: Sequence[int]) -> TokenGraph:
        counts = [len(e) for e in self.edges]
        return TokenGraph(
            first=torch.tensor([0, *np.cumsum(counts).tolist()]),
            tokens=torch.tensor([t for e in self.edges for t in e]),
            nodes=torch.tensor([n for e in self.edges for n in e.values()]),
            item=torch.tensor(self.item),
            certain=torch.tensor(certain),
            prefix=np.array(prefix, dtype=np.int32),
        )


def _common_prefix(sequences: Sequence[Sequence[int]]) -> list[int]:
    low, high = min(sequences), max(sequences)
    shared = 0
    # The last token of a title must stay in the graph: it is where the item is known.
    while shared < min(len(low), len(high)) - 1 and low[shared] == high[shared]:
        shared += 1
    return list(low[:shared])
