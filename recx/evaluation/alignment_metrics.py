"""Metrics of agreement with the target (paper Table 1): one value per user, to be averaged."""

from collections.abc import Sequence

import numpy as np

STANDARD_GAINS = (15.0, 7.0, 3.0, 1.0, 0.0)
"""2^relevance - 1 for relevances 4, 3, 2, 1, 0 of the target's five candidates (Burges et al., ICML 2005)."""
REFERENCE_GAINS = (1000.0, 100.0, 10.0, 1.0, 0.0)
"""Gains of the paper's public code for the five positions."""


def retrieval(predicted: np.ndarray, wanted: np.ndarray) -> dict[str, np.ndarray]:
    """Compute the metrics of task 1 from five predicted items (U, 5) and the correct one (U,)."""
    return {"hr@5": hit_rate(predicted, wanted), "ndcg@5": retrieval_ndcg(predicted, wanted)}


def ranking(predicted: np.ndarray, ideal: np.ndarray) -> dict[str, np.ndarray]:
    """Compute the metrics of task 2 from five items in the method's order (U, 5) and in the target's (U, 5)."""
    return {
        "ranking_ndcg@5": ranking_ndcg(predicted, ideal),
        "ranking_ndcg@5_reference": ranking_ndcg(predicted, ideal, REFERENCE_GAINS),
    }


def hit_rate(predicted: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """HR@K: 1 if the correct item (U,) is among the predicted ones (U, K), otherwise 0."""
    return (predicted == wanted[:, None]).any(1).astype(float)


def retrieval_ndcg(predicted: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(U,) NDCG@K of lists (U, K) with one relevant item each (U,): 1 / log2(position from 1, plus 1); 0 if missing."""
    hits = predicted == wanted[:, None]
    return np.where(hits.any(1), 1.0 / np.log2(hits.argmax(1) + 2.0), 0.0)


def ranking_ndcg(predicted: np.ndarray, ideal: np.ndarray, gains: Sequence[float] = STANDARD_GAINS) -> np.ndarray:
    """Compute the NDCG of a ranking with respect to the target's ranking.

    Args:
        predicted: (U, C) items in the model's order; items that are not candidates have no gain.
        ideal: (U, C) the same items in the target's order.
        gains: gains of the target's first, second, ... item.

    Returns:
        (U,) sum of gain / log2(position + 1), divided by that of the ideal order.
    """
    worth = np.asarray(gains, dtype=float)
    discounts = 1.0 / np.log2(np.arange(2, predicted.shape[1] + 2))
    places = predicted[:, :, None] == ideal[:, None, :]
    earned = (places * worth).sum(2)
    return (earned * discounts).sum(1) / (worth * discounts).sum()


def history_coverage(reconstructed: Sequence[Sequence[int]], histories: Sequence[Sequence[int]]) -> np.ndarray:
    """Compute the share of each of U histories' distinct items that were reconstructed: (U,)."""
    return np.array(
        [len(set(r) & set(map(int, h))) / len(set(map(int, h))) for r, h in zip(reconstructed, histories, strict=True)]
    )
