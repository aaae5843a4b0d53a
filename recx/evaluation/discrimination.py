"""Telling sources apart by their explanations (paper section 5.3.2 and Figure 4)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from recx.errors import DataError
from recx.evaluation.intervals import Estimate, bootstrap


@dataclass(frozen=True)
class Discrimination:
    """How well a classifier tells sources apart.

    Attributes:
        sources: names, in the order of the matrix.
        counts: (S, S) test texts by true source (rows) and predicted source (columns).
        accuracy: on the test users, with its interval over texts.
        shuffled: accuracy where the labels of the training texts were shuffled: what chance gives.
        telling: source -> the words that speak for it most.
    """

    sources: tuple[str, ...]
    counts: np.ndarray
    accuracy: Estimate
    shuffled: Estimate
    telling: dict[str, list[str]]

    @property
    def shares(self) -> np.ndarray:
        """The matrix with rows that add up to one."""
        return self.counts / self.counts.sum(1, keepdims=True).clip(1)


def split_users(users: Sequence[int], share: float = 0.2, seed: int = 0) -> np.ndarray:
    """Which rows (N,) belong to the test users: a `share` of the users, so that no user is on both sides."""
    ids = np.unique(np.asarray(users))
    if len(ids) < 2:
        raise DataError(f"Texts of {len(ids)} users cannot be split by user; at least two are needed.")
    tested = np.random.default_rng(seed).permutation(ids)[: max(1, round(share * len(ids)))]
    return np.isin(users, tested)


def discriminate(
    texts: Sequence[str], labels: Sequence[str], users: Sequence[int], words: int = 8, seed: int = 0
) -> Discrimination:
    """Fit TF-IDF and a logistic regression on four fifths of the users, and test on the rest.

    Args:
        texts: N explanations.
        labels: N sources.
        users: N users, to split by.
        words: telling words a source.
        seed: of the split and of the shuffled control.
    """
    tested, truth = split_users(users, seed=seed), np.array(labels)
    sources = tuple(dict.fromkeys(labels))
    train = [t for t, out in zip(texts, tested, strict=True) if not out]
    test = [t for t, out in zip(texts, tested, strict=True) if out]
    model = _classifier().fit(train, truth[~tested])
    said = model.predict(test)
    counts = np.array([[int(((truth[tested] == a) & (said == b)).sum()) for b in sources] for a in sources])
    shuffled = _classifier().fit(train, np.random.default_rng(seed).permutation(truth[~tested])).predict(test)
    return Discrimination(
        sources,
        counts,
        bootstrap((said == truth[tested]).astype(float), seed=seed),
        bootstrap((shuffled == truth[tested]).astype(float), seed=seed),
        _telling(model, words),
    )


def _classifier() -> Pipeline:
    return make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b|[^\w\s]", min_df=2, sublinear_tf=True),
        LogisticRegression(max_iter=1000, C=10.0),
    )


def _telling(model: Pipeline, words: int) -> dict[str, list[str]]:
    names = model[0].get_feature_names_out()
    weights = model[1].coef_
    # Two sources have one row of weights, for the second of them.
    rows = [-weights[0], weights[0]] if len(weights) == 1 else list(weights)
    return {
        str(source): [str(names[i]) for i in np.argsort(-row)[:words]]
        for source, row in zip(model[1].classes_, rows, strict=True)
    }
