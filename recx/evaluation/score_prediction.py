"""Predicting the target's score from an explanation (paper Table 3), with and without the decision word."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline

from recx.errors import DataError
from recx.evaluation.bootstrap import Estimate, bootstrap
from recx.evaluation.decision_masking import verdict_of, without_verdict
from recx.evaluation.discrimination import split_users

VIEWS = ("text", "masked", "verdict", "mean")


def predict_scores(
    texts: Sequence[str], scores: Sequence[float], users: Sequence[int], seed: int = 0
) -> dict[str, dict[str, Estimate | float]]:
    """Predict the target's score from a text, from the text with its decision masked, and from the decision alone.

    Args:
        texts: N explanations; missing (empty) ones are ignored.
        scores: (N,) the target's score of each pair.
        users: N users; no user is in both the training and the test set.
        seed: random seed of the split.

    Returns:
        view -> `mse` (mean squared error on the test users' texts, with its interval over users) and `r2` (1 - mse /
        variance of the test scores about the training mean). The view `verdict` sees only the decision word, and
        `mean` sees nothing: what `text` achieves beyond `verdict` is not leakage.

    Raises:
        DataError: there are too few texts to train and test on.
    """
    known = np.array([bool(t.strip()) for t in texts])
    tested, truth = split_users(users, seed=seed)[known], np.asarray(scores, dtype=float)[known]
    if tested.all() or not tested.any():
        raise DataError(
            f"{known.sum()} explanations cannot be split: predicting scores needs some about training users and some "
            "about test users."
        )
    texts, owners = list(itertools.compress(texts, known)), np.asarray(users)[known][tested]
    mean = truth[~tested].mean()
    spread = float(((truth[tested] - mean) ** 2).mean())
    measures: dict[str, dict[str, Estimate | float]] = {}
    for view in VIEWS:
        said = np.full(int(tested.sum()), mean) if view == "mean" else _fitted(_seen(texts, view), truth, tested)
        errors = (said - truth[tested]) ** 2
        r2 = 1 - float(errors.mean()) / max(spread, 1e-12)
        measures[view] = {"mse": bootstrap(errors, owners, seed=seed), "r2": r2}
    return measures


def score_table(
    texts: Mapping[str, Sequence[str]], scores: np.ndarray, users: Sequence[int], seed: int = 0
) -> pd.DataFrame:
    """Apply `predict_scores` to every method's N texts, with `scores` (N,), N users and the seed of the split.

    Columns: `method, view, metric, value, low, high, n`.

    A method with too few texts is omitted, and a message says so.
    """
    rows = []
    for method, given in texts.items():
        try:
            views = predict_scores(given, scores, users, seed)
        except DataError as error:
            print(f"{method}: {error}")
            continue
        for view, measures in views.items():
            error = measures["mse"]
            rows.append((method, view, "mse", error.value, error.low, error.high, error.n))
            rows.append((method, view, "r2", measures["r2"], np.nan, np.nan, error.n))
    return pd.DataFrame(rows, columns=["method", "view", "metric", "value", "low", "high", "n"])


def _seen(texts: Sequence[str], view: str) -> list[str]:
    change = {"text": str, "masked": without_verdict, "verdict": verdict_of}[view]
    return [change(t) for t in texts]


def _fitted(texts: Sequence[str], truth: np.ndarray, tested: np.ndarray) -> np.ndarray:
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b", min_df=1, sublinear_tf=True),
        RidgeCV(alphas=(0.1, 1.0, 10.0)),
    )
    train = [t for t, out in zip(texts, tested, strict=True) if not out]
    if not any(letter.isalnum() for text in train for letter in text):  # nothing is left beside the verdict
        return np.full(int(tested.sum()), truth[~tested].mean())
    return model.fit(train, truth[~tested]).predict([t for t, out in zip(texts, tested, strict=True) if out])
