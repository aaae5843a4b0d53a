"""Metrics of LLMXRec (Luo et al., arXiv 2312.15661): win rates by a trained discriminator, and the accuracy of
predicting an item's attribute from its explanation."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import vstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from recx.data.catalogue import Catalogue
from recx.errors import DataError
from recx.evaluation.bootstrap import Estimate, bootstrap
from recx.evaluation.discrimination import split_users
from recx.evaluation.test_set import Pairs
from recx.evaluation.word_vectors import word_vectors
from recx.prompts.templates import columns_by_strength, standard_name


@dataclass(frozen=True)
class WinRates:
    """Preferences of a trained discriminator between two explanations of the same pair.

    Attributes:
        rates: method x method, how often the row's text is preferred to the column's; ties count one half.
        means: method -> how often its text is preferred to other methods', with its interval over users.
        accuracy: accuracy of the discriminator on unseen users, where the judge rated the two texts differently.
        pairs: number of test pairs; rates that involve missing texts are based on fewer.
    """

    rates: pd.DataFrame
    means: dict[str, Estimate]
    accuracy: Estimate
    pairs: int

    @property
    def frame(self) -> pd.DataFrame:
        """The rates of different methods as `method, against, rate`."""
        names = list(self.rates.index)
        rows = [(own, other, self.rates.loc[own, other]) for own in names for other in names if own != other]
        return pd.DataFrame(rows, columns=["method", "against", "rate"])


def win_rates(
    texts: Mapping[str, Sequence[str]], scores: Mapping[str, Sequence[float]], users: Sequence[int], seed: int = 0
) -> WinRates:
    """Train a discriminator on the ratings for four fifths of the users and apply it to the rest.

    The discriminator is a logistic regression on the difference of two texts' TF-IDF vectors, trained on all texts of
    the same pair that the judge rated differently.

    Args:
        texts: method -> P explanations of the same pairs in the same order; missing (empty) ones are not compared.
        scores: method -> P ratings; NaN where there is none.
        users: (P,) user of each pair.
        seed: random seed of the split.

    Raises:
        DataError: no two training texts of a pair were rated differently, or none share a word: there is nothing to
            learn from.
    """
    methods = list(texts)
    tested = split_users(users, seed=seed)
    vectors = word_vectors()
    try:
        vectors.fit([t for m in methods for t, out in zip(texts[m], tested, strict=True) if not out])
    except ValueError as error:  # "no terms remain"
        raise DataError("No word occurs in two explanations, so a discriminator has nothing to learn from.") from error
    seen = {m: vectors.transform(texts[m]) for m in methods}
    rated = {m: np.asarray(scores[m], dtype=float) for m in methods}
    rows, better = [], []
    for a in methods:
        for b in methods:
            differ = np.flatnonzero(~tested & (rated[a] != rated[b]) & ~np.isnan(rated[a] + rated[b]))
            if a != b and len(differ):
                rows.append(seen[a][differ] - seen[b][differ])
                better.append(rated[a][differ] > rated[b][differ])
    if not rows:
        raise DataError("No two explanations of a pair were rated differently, so a discriminator cannot be trained.")
    # Without an intercept the choice does not depend on which of the two texts comes first.
    model = LogisticRegression(max_iter=1000, fit_intercept=False).fit(vstack(rows), np.concatenate(better))
    known = {m: np.array([bool(t.strip()) for t in texts[m]]) for m in methods}
    worth = {m: np.where(known[m], seen[m] @ model.coef_[0], np.nan)[tested] for m in methods}
    # (sign + 1) / 2: one for the better text, one half for a tie, NaN where a text is missing.
    wins = {a: pd.DataFrame({b: (np.sign(worth[a] - worth[b]) + 1) / 2 for b in methods}) for a in methods}
    rates = pd.DataFrame([wins[a].mean() for a in methods], index=methods, columns=methods)
    owners = np.asarray(users)[tested]
    means = {a: bootstrap(wins[a].drop(columns=a).mean(axis=1), owners, seed=seed) for a in methods}
    right, judged = [], []
    for a, b in itertools.combinations(methods, 2):
        gap = (rated[a] - rated[b])[tested]
        differ = ~np.isnan(gap + worth[a] + worth[b]) & (gap != 0)
        right.append(((1 + np.sign(worth[a] - worth[b]) * np.sign(gap)) / 2)[differ])  # one half for a tie
        judged.append(owners[differ])
    accuracy = bootstrap(np.concatenate(right), np.concatenate(judged), seed=seed)
    return WinRates(rates, means, accuracy, int(tested.sum()))


def predicted_attribute(catalogue: Catalogue) -> str | None:
    """The attribute that is predicted from texts: the strongest reason among them, but not the series, which the titles
    tell; None if there is none."""
    return next((c for c in columns_by_strength(list(catalogue.attributes)) if standard_name(c) != "series"), None)


def attribute_accuracy(
    texts: Sequence[str], pairs: Pairs, catalogue: Catalogue, attribute: str, seed: int = 0
) -> tuple[Estimate, Estimate]:
    """Measure how well an item's attribute can be predicted from its explanation.

    No item is in both the training and the test set, so that memorised titles do not reveal the attribute.

    Args:
        texts: P explanations; missing (empty) ones are ignored.
        pairs: the pairs explained.
        catalogue: the items with their attributes.
        attribute: name of the attribute; an item's first value is predicted.
        seed: random seed of the split.

    Returns:
        Accuracy on the test items, and the accuracy of always predicting the most common training value, both with
        intervals over items, since the texts about one item are right or wrong together.

    Raises:
        DataError: there are fewer than two different values of the attribute, or no words.
    """
    column = catalogue.attributes[attribute]
    known = np.array([n for n, item in enumerate(pairs.items) if column[int(item)] and texts[n].strip()], dtype=int)
    items = pairs.items[known]
    values = np.array([column[int(item)][0] for item in items])
    if len(set(values)) < 2:
        raise DataError(f"The attribute {attribute!r} has {len(set(values))} value(s); at least two are needed.")
    tested = split_users(items, seed=seed)
    shown = np.array([texts[n] for n in known], dtype=object)
    if len(set(values[~tested])) < 2:
        raise DataError(f"The training items share one value of {attribute!r}; more explanations are needed.")
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b", sublinear_tf=True),
        LogisticRegression(max_iter=1000, C=10.0),
    )
    try:
        model.fit(shown[~tested], values[~tested])
    except ValueError as error:  # an empty vocabulary
        raise DataError(f"The training texts contain no words ({error}).") from error
    kinds, counts = np.unique(values[~tested], return_counts=True)
    said = model.predict(shown[tested])
    return (
        bootstrap(said == values[tested], items[tested], seed=seed),
        bootstrap(kinds[counts.argmax()] == values[tested], items[tested], seed=seed),
    )
