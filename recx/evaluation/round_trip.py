"""Round trip: how much of the target's user vector can be read back from a text about that user?

A ridge regression on the words learns the way from texts to vectors on some users and is measured on others. The titles
of the history alone are what a text has to be better than; texts of other users are chance.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline

from recx.evaluation.test_set import Pairs
from recx.recommenders.devices import encode_users, item_vectors
from recx.recommenders.protocol import Scorer, TwoTower, pad_histories

FOLDS = 5
TOP = 10


def recovered_vectors(texts: Sequence[str], vectors: np.ndarray, users: np.ndarray) -> np.ndarray:
    """Vectors (P, d) read out of P texts, each by a regression fitted on other users' texts (five-fold).

    NaN where there is no text, or no other user.

    Args:
        texts: P texts.
        vectors: (P, d) the target's user vectors.
        users: (P,) whose they are; a user's pairs stay on one side.
    """
    out = np.full_like(vectors, np.nan, dtype=float)
    words = np.array(texts, dtype=object)
    written = np.flatnonzero([bool(text.strip()) for text in texts])
    folds = min(FOLDS, len(np.unique(users[written])))
    if folds < 2:
        return out
    for train, test in GroupKFold(folds).split(written, groups=users[written]):
        train, test = written[train], written[test]
        model = make_pipeline(
            TfidfVectorizer(sublinear_tf=True, token_pattern=r"[^\s\".,;:]+", ngram_range=(1, 2), min_df=1),
            RidgeCV(np.logspace(-1, 2, 7)),
        )
        out[test] = model.fit(words[train], vectors[train]).predict(words[test])
    return out


@torch.inference_mode()
def round_trip(
    texts: Mapping[str, Sequence[str]], target: Scorer, pairs: Pairs, length: int
) -> dict[str, dict[str, np.ndarray]]:
    """For each method `roundtrip_fve` and `roundtrip_top10`, one number (P,) a pair.

    The mean of the first is the fraction of the vectors' variance explained (1: all, 0: none, below: worse than the
    mean vector); the second is the overlap of the items with the largest products with the recovered and the true
    vector.

    Args:
        texts: method -> P texts.
        target: its vectors are read back; for one without vectors there is nothing to read, and the result is empty.
        pairs: P pairs, for the histories behind the vectors and whose they are.
        length: how many of the latest items the target reads.
    """
    if not isinstance(target, TwoTower):
        return {}
    vectors = encode_users(target, pad_histories(pairs.histories, length)).double().numpy()
    items, users = item_vectors(target).double().numpy(), pairs.users
    spread = np.square(vectors - vectors.mean(0)).sum(1)
    best = _top(vectors @ items[1:].T)
    out = {}
    for name, own in texts.items():
        recovered = recovered_vectors(own, vectors, users)
        fve = 1 - np.square(vectors - recovered).sum(1) / spread.mean()
        found = _top(recovered @ items[1:].T)
        overlap = np.array([len(set(a) & set(b)) / TOP for a, b in zip(best.tolist(), found.tolist(), strict=True)])
        overlap[np.isnan(fve)] = np.nan
        out[name] = {"roundtrip_fve": fve, "roundtrip_top10": overlap}
    return out


def _top(scores: np.ndarray) -> np.ndarray:
    return np.argpartition(-scores, min(TOP, scores.shape[1] - 1), axis=1)[:, :TOP]
