"""Round trip: how much of the target's user vector can be recovered from a text about that user?

A ridge regression on the words is fitted on some users and evaluated on others. The baseline to beat is the list of
titles in the history; texts about other users give the chance level.
"""

import re
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
WORD = r"[^\s\".,;:]+"


def recovered_vectors(texts: Sequence[str], vectors: np.ndarray, users: np.ndarray) -> np.ndarray:
    """Predict vectors (P, d) from P texts by regressions fitted on other users' texts (five-fold).

    The result is NaN where there is no text with a word, or no other user.

    Args:
        texts: P texts.
        vectors: (P, d) the target's user vectors.
        users: (P,) users of the texts; all texts of a user are in the same fold.
    """
    out = np.full_like(vectors, np.nan, dtype=float)
    words = np.array(texts, dtype=object)
    written = np.flatnonzero([bool(re.search(WORD, text)) for text in texts])
    folds = min(FOLDS, len(np.unique(users[written])))
    if folds < 2:
        return out
    for train, test in GroupKFold(folds).split(written, groups=users[written]):
        train, test = written[train], written[test]
        model = make_pipeline(
            TfidfVectorizer(sublinear_tf=True, token_pattern=WORD, ngram_range=(1, 2), min_df=1),
            RidgeCV(np.logspace(-1, 2, 7)),
        )
        out[test] = model.fit(words[train], vectors[train]).predict(words[test])
    return out


@torch.inference_mode()
def round_trip(
    texts: Mapping[str, Sequence[str]], target: Scorer, pairs: Pairs, length: int
) -> dict[str, dict[str, np.ndarray]]:
    """Compute `roundtrip_fve` and `roundtrip_top10` for each method, one value per pair (P,).

    The mean of the first is the fraction of the variance of the vectors of those who have a text that is explained (1:
    all, 0: none, negative: worse than the mean vector); the second is the overlap of the ten items that score highest
    with the recovered and with the true vector.

    Args:
        texts: method -> P texts.
        target: recommender whose vectors are recovered; the result is empty for one without vectors.
        pairs: P pairs, which give the histories and users.
        length: how many of the latest items the target reads.
    """
    if not isinstance(target, TwoTower):
        return {}
    vectors = encode_users(target, pad_histories(pairs.histories, length)).double().numpy()
    items, users = item_vectors(target).double().numpy(), pairs.users
    best = _top(vectors @ items[1:].T)
    out = {}
    for name, own in texts.items():
        recovered = recovered_vectors(own, vectors, users)
        written = ~np.isnan(recovered).any(1)
        spread = np.square(vectors[written] - vectors[written].mean(0)).sum(1) if written.any() else np.array([np.nan])
        fve = 1 - np.square(vectors - recovered).sum(1) / spread.mean()
        found = _top(recovered @ items[1:].T)
        overlap = np.array([len(set(a) & set(b)) / len(a) for a, b in zip(best.tolist(), found.tolist(), strict=True)])
        overlap[np.isnan(fve)] = np.nan
        out[name] = {"roundtrip_fve": fve, "roundtrip_top10": overlap}
    return out


def _top(scores: np.ndarray) -> np.ndarray:
    return np.argpartition(-scores, min(TOP, scores.shape[1] - 1), axis=1)[:, :TOP]
