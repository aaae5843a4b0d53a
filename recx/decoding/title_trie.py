"""Trie of a catalogue's titles, and graph of title lists: which token may follow, so that no title is invented."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class TokenGraph:
    """A directed graph whose edges are tokens, stored as one list of edges sorted by source node.

    Node 0 is the root; a node without edges is final.

    Attributes:
        first: (nodes + 1,) index of each node's first edge.
        tokens: (edges,) token of each edge.
        nodes: (edges,) target node of each edge.
        item: (nodes,) item whose title is completed at the node, else 0.
        only_item: (nodes,) the only item still reachable from the node, else 0; all 0 if paths are endless.
        parent: (nodes,) the parent node; all 0 if paths are endless.
        below: (nodes,) number of reachable items; all 0 if paths are endless.
        prefix: tokens that all paths start with; they are not in the graph but appended before decoding starts.
    """

    first: Tensor
    tokens: Tensor
    nodes: Tensor
    item: Tensor
    only_item: Tensor
    parent: np.ndarray
    below: np.ndarray
    prefix: np.ndarray

    def to(self, device: torch.device) -> "TokenGraph":
        """The same graph with its edges on another device."""
        tensors = {name: getattr(self, name).to(device) for name in ("first", "tokens", "nodes", "item", "only_item")}
        return replace(self, **tensors)

    def children(self, nodes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Edges of nodes (B,), padded: tokens (B, M), targets (B, M) and which of them are real (B, M)."""
        start, count = self.first[nodes], self.first[nodes + 1] - self.first[nodes]
        offsets = torch.arange(max(1, int(count.max())), device=nodes.device)
        real = offsets < count[:, None]
        edges = (start[:, None] + offsets).clamp(max=len(self.tokens) - 1)
        return self.tokens[edges], self.nodes[edges], real

    def is_end(self, node: int) -> bool:
        """Whether a node has no edges."""
        return bool(self.first[node + 1] == self.first[node])

    def forced_tokens(self, node: int) -> tuple[list[int], list[int]]:
        """The tokens that must follow a node, up to a choice or an end, and the nodes along the way.

        Only for graphs whose cycles all contain a choice.
        """
        tokens, entered = [], [node]
        while self.first[entered[-1] + 1] - self.first[entered[-1]] == 1:
            edge = self.first[entered[-1]]
            tokens.append(int(self.tokens[edge]))
            entered.append(int(self.nodes[edge]))
        return tokens, entered

    def nodes_leading_only_to(self, items: Sequence[int]) -> list[int]:
        """Nodes from which only these items can be reached, in a graph of single titles.

        Args:
            items: item indices, each at most once.
        """
        reached: Counter[int] = Counter()
        for item in items:
            node = int(self._end_of[item])
            while node:
                reached[node] += 1
                node = int(self.parent[node])
        return [node for node, count in reached.items() if count == self.below[node]]

    @cached_property
    def _end_of(self) -> np.ndarray:
        """The node that completes each item's title."""
        item = self.item.cpu()
        nodes = item.nonzero()[:, 0].numpy()
        ends = np.zeros(int(item.max()) + 1, dtype=np.int64)
        ends[item[nodes].numpy()] = nodes
        return ends


def build_title_trie(titles: Sequence[np.ndarray], end: np.ndarray) -> TokenGraph:
    """Paths that spell one title, followed by the end token.

    Args:
        titles: tokens of items 0..N (row 0, padding, is ignored).
        end: tokens that end the answer.
    """
    sequences = [np.concatenate([t, end]).tolist() for t in titles[1:]]
    prefix = _common_prefix(sequences)
    builder = _Builder()
    for item, sequence in enumerate(sequences, 1):
        builder.add(0, sequence[len(prefix) :], item)
    return builder.freeze(prefix, tree=True)


def build_list_graph(titles: Sequence[np.ndarray], separator: np.ndarray, end: np.ndarray) -> TokenGraph:
    """Paths that spell any number of titles with separators, followed by the end token."""
    builder = _Builder()
    stop = builder.new()
    for item, sequence in enumerate(titles[1:], 1):
        last = builder.add(0, sequence.tolist(), item)
        builder.edges[last].setdefault(int(end[0]), stop)
        node = last
        for token in separator[:-1].tolist():
            node = builder.step(node, token)
        builder.edges[node].setdefault(int(separator[-1]), 0)
    return builder.freeze([], tree=False)


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

    def freeze(self, prefix: Sequence[int], tree: bool) -> TokenGraph:
        certain, parent, below = (np.zeros(len(self.edges), dtype=np.int64) for _ in range(3))
        if tree:
            for node in range(len(self.edges) - 1, -1, -1):  # children are younger than their parents
                after = list(self.edges[node].values())
                parent[after] = node
                below[node] = below[after].sum() if after else 1
                certain[node] = self.item[node] if not after else certain[after[0]] if len(after) == 1 else 0
        counts = [len(e) for e in self.edges]
        return TokenGraph(
            first=torch.tensor([0, *np.cumsum(counts).tolist()]),
            tokens=torch.tensor([t for e in self.edges for t in e]),
            nodes=torch.tensor([n for e in self.edges for n in e.values()]),
            item=torch.tensor(self.item),
            only_item=torch.from_numpy(certain),
            parent=parent,
            below=below,
            prefix=np.array(prefix, dtype=np.int32),
        )


def _common_prefix(sequences: Sequence[Sequence[int]]) -> list[int]:
    low, high = min(sequences), max(sequences)
    shared = 0
    # The last token of a title must stay in the graph: it is where the item is known.
    while shared < min(len(low), len(high)) - 1 and low[shared] == high[shared]:
        shared += 1
    return list(low[:shared])
