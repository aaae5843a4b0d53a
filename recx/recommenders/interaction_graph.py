"""XRec's collaborative tokenizer: LightGCN's vectors of users and items, from a graph without the explained pairs.

An explained pair is itself an interaction. If its edge stays in the graph, the two vectors already know that the user
chose the item, which no recommender knows when it has to explain a recommendation.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from recx.data.split import Split
from recx.errors import DataError
from recx.recommenders.training import fit_lightgcn
from recx.settings import TargetSettings

VALIDATED = 2_000


@dataclass(frozen=True)
class GraphVectors:
    """Vectors of the users and items of a graph.

    Attributes:
        users: (U, d); zero for users without an edge.
        items: (N + 1, d); row 0 is zero.
        degrees: (U,) number of edges of each user.
    """

    users: Tensor
    items: Tensor
    degrees: np.ndarray


def without_pairs(edges: np.ndarray, pairs: np.ndarray, users: np.ndarray | None = None) -> np.ndarray:
    """The edges (E, 2) of a graph that are none of the pairs (P, 2) and belong to none of the users."""
    width = int(max(edges[:, 1].max(initial=0), pairs[:, 1].max(initial=0))) + 1
    kept = ~np.isin(edges[:, 0] * width + edges[:, 1], pairs[:, 0] * width + pairs[:, 1])
    return edges[kept if users is None else kept & ~np.isin(edges[:, 0], users)]


def graph_vectors(
    edges: np.ndarray, users: int, items: int, settings: TargetSettings, show_progress: bool = True
) -> GraphVectors:
    """Train LightGCN on edges (E, 2) between U users and N items.

    Epochs are compared by an edge that is held out for each of up to `VALIDATED` users with at least three.

    Raises:
        DataError: there are too few edges.
    """
    rng = np.random.default_rng(settings.seed)
    edges = edges[rng.permutation(len(edges))]
    edges = edges[np.argsort(edges[:, 0], kind="stable")]
    degrees = np.bincount(edges[:, 0], minlength=users)
    sequences = np.split(edges[:, 1], np.cumsum(degrees)[:-1])
    able = np.flatnonzero(degrees >= 3)
    if not len(able):
        raise DataError(
            "No user of the graph has three interactions, so LightGCN cannot be trained and checked. "
            f"The graph has {len(edges):,} interactions, as those of explained pairs are left out. Use a data set with "
            "more interactions."
        )
    drawn = rng.permutation(able)[:VALIDATED]
    held = np.array([sequences[user][-1] for user in drawn])
    for user in drawn:
        sequences[user] = sequences[user][:-1]
    split = Split(sequences, np.zeros(0, np.int64), sequences, np.zeros(0, np.int64))
    seen = [sequences[user] for user in drawn]
    checked = Split(seen, held, seen, held)
    model, _ = fit_lightgcn(split, items, settings, show_progress, checked)
    with torch.no_grad():
        steps, vectors = model.propagate()
    return GraphVectors(vectors.cpu(), steps.mean(0).cpu(), degrees)


def percentiles(vectors: GraphVectors, pairs: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Share (P,) of the items that a user has not chosen and that score below the item of a pair (P, 2).

    A half is chance, one the first place. Which items a user has chosen is given by edges (E, 2).
    """
    shares = np.empty(len(pairs))
    edges = edges[np.argsort(edges[:, 0], kind="stable")]
    starts, ends = (np.searchsorted(edges[:, 0], pairs[:, 0], side) for side in ("left", "right"))
    for row, (user, item) in enumerate(pairs.tolist()):
        scores = (vectors.items @ vectors.users[user]).numpy()
        others = np.ones(len(scores), dtype=bool)
        others[[0, item, *edges[starts[row] : ends[row], 1]]] = False
        below, equal = scores[others] < scores[item], scores[others] == scores[item]
        shares[row] = below.mean() + equal.mean() / 2
    return shares
