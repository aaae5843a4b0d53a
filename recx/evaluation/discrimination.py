"""Classifying explanations by their source (paper section 3.4.2 and Figure 4)."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from recx.errors import DataError
from recx.evaluation.bert_discriminator import Classifier, fit_encoder
from recx.evaluation.bootstrap import Estimate, bootstrap
from recx.evaluation.decision_masking import without_verdict
from recx.evaluation.word_vectors import TOKEN, word_vectors
from recx.settings import EvaluateSettings


@dataclass(frozen=True)
class Discrimination:
    """How well a classifier distinguishes the sources.

    Attributes:
        sources: names of the sources, in the order of the matrix.
        counts: (S, S) confusion matrix of the test texts: true source (rows) by predicted source (columns).
        accuracy: accuracy on the test users' texts, with its interval over users.
        shuffled: accuracy after training on shuffled labels, as a chance level.
        indicative: source -> its most indicative words.
    """

    sources: tuple[str, ...]
    counts: np.ndarray
    accuracy: Estimate
    shuffled: Estimate
    indicative: dict[str, list[str]]

    @property
    def shares(self) -> np.ndarray:
        """The confusion matrix normalised by row."""
        return self.counts / self.counts.sum(1, keepdims=True).clip(1)


TEST_SHARE = 0.2


def split_users(users: Sequence[int], seed: int = 0) -> np.ndarray:
    """Mark the rows (N,) of the test users, a random fifth, so that no user is in both sets."""
    ids = np.unique(np.asarray(users))
    if len(ids) < 2:
        raise DataError(f"Texts about {len(ids)} user(s) cannot be split by user; at least two users are needed.")
    tested = np.random.default_rng(seed).permutation(ids)[: max(1, round(TEST_SHARE * len(ids)))]
    return np.isin(users, tested)


def discriminate(
    texts: Sequence[str],
    labels: Sequence[str],
    users: Sequence[int],
    fit: Classifier | None = None,
    words: int = 8,
    seed: int = 0,
) -> Discrimination:
    """Train a source classifier on four fifths of the users and test it on the rest.

    Args:
        texts: N explanations.
        labels: N sources.
        users: N users, by whom the texts are split.
        fit: the classifier; None for TF-IDF and a logistic regression.
        words: number of indicative words per source (always from the regression).
        seed: random seed of the split and of the shuffled control.
    """
    if len(set(labels)) < 2:
        raise DataError("Sources can be told apart only if at least two of them have texts.")
    tested, truth = split_users(users, seed=seed), np.array(labels)
    if len(set(truth[~tested])) < 2:
        raise DataError("The texts of all but one source are about test users, so there is nothing to learn from.")
    sources = tuple(dict.fromkeys(labels))
    train = [t for t, out in zip(texts, tested, strict=True) if not out]
    test = [t for t, out in zip(texts, tested, strict=True) if out]
    fit = fit or _by_words
    said = fit(train, truth[~tested], test)
    counts = np.array([[int(((truth[tested] == a) & (said == b)).sum()) for b in sources] for a in sources])
    shuffled = fit(train, np.random.default_rng(seed).permutation(truth[~tested]), test)
    return Discrimination(
        sources,
        counts,
        bootstrap(said == truth[tested], np.asarray(users)[tested], seed=seed),
        bootstrap(shuffled == truth[tested], np.asarray(users)[tested], seed=seed),
        _indicative(_fitted(train, truth[~tested]), words),
    )


@dataclass(frozen=True)
class DiscriminationByView:
    """Discrimination by the whole texts and by the texts with the decision masked.

    Attributes:
        frame: both confusion matrices: `view, true, predicted, count, share`.
        table: one row per view, with the accuracy and its interval, chance, and the accuracy of the shuffled control.
        indicative: the most indicative words of each source, one column per view.
        records: the accuracies as records.
    """

    frame: pd.DataFrame
    table: pd.DataFrame
    indicative: pd.DataFrame
    records: list[dict[str, Any]]


def discriminate_views(
    texts: Mapping[str, Sequence[str]], users: Sequence[int], settings: EvaluateSettings
) -> DiscriminationByView:
    """Classify sources by the whole texts and by the texts with the decision masked.

    Args:
        texts: source -> explanations of the same pairs; missing (empty) ones are ignored.
        users: user of each pair.
        settings: classifier and seed.

    Raises:
        SettingsError: the encoder of `bert` cannot be loaded.
        DataError: fewer than two sources have texts.
    """
    fit = _classifier_of(settings)
    rows = [(t, name, int(u)) for name, own in texts.items() for t, u in zip(own, users, strict=True) if t.strip()]
    everything, labels, owners = ([row[n] for row in rows] for n in range(3))
    frames, by_view, indicative, records = [], {}, {}, []
    for view, change in (("whole text", str), ("decision masked", without_verdict)):
        result = discriminate([change(t) for t in everything], labels, owners, fit, seed=settings.seed)
        frames.append(confusion_frame(result).assign(view=view))
        by_view[view] = {"accuracy": result.accuracy.value, "low": result.accuracy.low, "high": result.accuracy.high}
        by_view[view] |= {
            "chance": max(Counter(labels).values()) / len(labels),  # of always naming the most common source
            "shuffled labels": result.shuffled.value,
            "n": result.accuracy.n,
        }
        indicative[view] = {name: " ".join(f"‹{word}›" for word in words) for name, words in result.indicative.items()}
        for control, accuracy in (("", result.accuracy), ("shuffled labels", result.shuffled)):
            records.append({"method": view, "control": control, "metric": "source_accuracy"} | asdict(accuracy))
    table = pd.DataFrame.from_dict(by_view, orient="index").rename_axis("view")
    words = pd.DataFrame(indicative).reindex(list(texts), fill_value="")
    return DiscriminationByView(pd.concat(frames, ignore_index=True), table, words, records)


def _classifier_of(settings: EvaluateSettings) -> Classifier | None:
    if settings.discriminator == "tfidf":
        return None
    return fit_encoder(settings.encoder, seed=settings.seed)


def confusion_frame(result: Discrimination) -> pd.DataFrame:
    """Convert the matrix to rows `true, predicted, count, share`, as it is saved and drawn."""
    rows = [
        (a, b, int(result.counts[n, m]), float(result.shares[n, m]))
        for n, a in enumerate(result.sources)
        for m, b in enumerate(result.sources)
    ]
    return pd.DataFrame(rows, columns=["true", "predicted", "count", "share"])


def _by_words(train: Sequence[str], labels: np.ndarray, test: Sequence[str]) -> np.ndarray:
    return _fitted(train, labels).predict(test)


def _fitted(texts: Sequence[str], labels: np.ndarray) -> Pipeline | DummyClassifier:
    """A regression on words, or what always names the most common source if no two texts share a word."""
    shared = Counter(t for text in texts for t in set(re.findall(TOKEN, text.lower())))
    if max(shared.values(), default=0) < 2:
        return DummyClassifier(strategy="most_frequent").fit(texts, labels)
    return make_pipeline(word_vectors(), LogisticRegression(max_iter=1000, C=10.0)).fit(texts, labels)


def _indicative(model: Pipeline | DummyClassifier, words: int) -> dict[str, list[str]]:
    if isinstance(model, DummyClassifier):
        return {str(source): [] for source in model.classes_}
    names = model[0].get_feature_names_out()
    weights = model[1].coef_
    # With two sources there is a single row of weights, for the second one.
    rows = [-weights[0], weights[0]] if len(weights) == 1 else list(weights)
    return {
        str(source): [str(names[i]) for i in np.argsort(-row)[:words]]
        for source, row in zip(model[1].classes_, rows, strict=True)
    }
