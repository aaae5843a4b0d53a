"""Explanations that no model wrote: what a trained one has to beat on the same pairs."""

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from recx.data.xrec_files import ExplainedPairs

_HOW = {"sublinear_tf": True, "token_pattern": r"\w+"}  # words of one letter count, too


def text_baselines(pairs: ExplainedPairs, parts: np.ndarray) -> dict[str, list[str]]:
    """Texts for the test pairs, by rule from their profiles and the training pairs' explanations.

    - `profile repeated`: the item's profile.
    - `most common text`: for every pair the same training explanation, the one most similar to all
      explanations, so repetitions of a text count.
    - `nearest pair's text`: the explanation of the training pair whose profiles and title are most similar.

    Similarity is the cosine of TF-IDF vectors of words.

    Args:
        pairs: P explained pairs.
        parts: (P,) `train`, `validation` or `test`.
    """
    tested, learnt = np.flatnonzero(parts == "test"), np.flatnonzero(parts == "train")
    told = [pairs.explanations[n] for n in learnt]
    vectors = TfidfVectorizer(**_HOW).fit_transform(told)
    common = told[int((vectors @ np.asarray(vectors.mean(axis=0)).ravel()).argmax())]
    nearest = learnt[nearest_pairs(pairs, tested, learnt)]
    return {
        "profile repeated": [pairs.item_profiles[n] for n in tested],
        "most common text": [common] * len(tested),
        "nearest pair's text": [pairs.explanations[n] for n in nearest],
    }


def nearest_pairs(pairs: ExplainedPairs, asked: np.ndarray, among: np.ndarray) -> np.ndarray:
    """For each of Q pairs, the place (Q,) in `among` of the pair whose title and profiles are most similar."""
    texts = [" ".join(part) for part in zip(pairs.titles, pairs.user_profiles, pairs.item_profiles, strict=True)]
    vectorizer = TfidfVectorizer(**_HOW).fit([texts[n] for n in among])
    ours, theirs = (vectorizer.transform([texts[n] for n in rows]) for rows in (asked, among))
    return np.asarray((ours @ theirs.T).argmax(axis=1)).ravel()
