"""Written lists of titles, that is, rankings and summaries of histories: what is rewarded of them, and what is not."""

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np

from recx.evaluation.reward_study import Answers, decoded, language
from recx.evaluation.text_rewards import SUMMARY, listed_items, ranking_reward, summary_rewards, top_unseen
from recx.explaining.aligned import AlignedExplainer
from recx.recommenders.protocol import Scorer


def ranking_rewards(
    explainer: AlignedExplainer, ideal: np.ndarray
) -> Callable[[Sequence[int], Sequence[np.ndarray]], np.ndarray]:
    """NDCG of written rankings against the target's (R, C), as a reward."""

    def reward(rows: Sequence[int], texts: Sequence[np.ndarray]) -> np.ndarray:
        said = [decoded(explainer, t) for t in texts]
        return np.array([ranking_reward(t, ideal[r], explainer.catalogue) for r, t in zip(rows, said, strict=True)])

    return reward


def summary_reward(
    explainer: AlignedExplainer, target: Scorer, histories: Sequence[np.ndarray]
) -> Callable[[Sequence[int], Sequence[np.ndarray]], np.ndarray]:
    """`summary_rewards` of written lists of titles, as a reward."""

    def reward(rows: Sequence[int], texts: Sequence[np.ndarray]) -> np.ndarray:
        named = [listed_items(decoded(explainer, t), explainer.catalogue) for t in texts]
        return summary_rewards(target, named, [histories[r] for r in rows], explainer.max_history)

    return reward


def measure_rankings(untuned: AlignedExplainer, answers: Answers, ideal: np.ndarray) -> dict[str, np.ndarray]:
    """Of written rankings (R,): the reward, the share of distinct candidates named, words and perplexity."""
    named = [listed_items(text, untuned.catalogue) for text in answers.texts]
    return {
        "ranking_ndcg@5": np.array(
            [ranking_reward(t, own, untuned.catalogue) for t, own in zip(answers.texts, ideal, strict=True)]
        ),
        "candidates_named": np.array(
            [len(set(a) & set(b)) / len(b) for a, b in zip(named, ideal.tolist(), strict=True)]
        ),
        "first_right": np.array([float(a[:1] == [b[0]]) for a, b in zip(named, ideal.tolist(), strict=True)]),
        **language(untuned, answers),
    }


def measure_summaries(
    untuned: AlignedExplainer,
    answers: Answers,
    target: Scorer,
    histories: Sequence[np.ndarray],
    next_items: np.ndarray,
) -> dict[str, np.ndarray]:
    """Reward, unrewarded metrics, words and perplexity (R,) of lists of titles about R histories and next items (R,).

    `next_hr@10` is whether the target, reading the summary, has the person's real next item among its first ten;
    `next_below` the share of all other unseen items that it ranks below it.
    """
    named = [listed_items(text, untuned.catalogue) for text in answers.texts]
    return summary_metrics(target, named, histories, next_items, untuned.max_history) | language(untuned, answers)


def summary_metrics(
    target: Scorer,
    summaries: Sequence[Sequence[int]],
    histories: Sequence[np.ndarray],
    next_items: np.ndarray,
    length: int,
) -> dict[str, np.ndarray]:
    """Reward and held-out metrics (R,) of the first titles of R summaries, for the R next items, whoever chose them."""
    read = [np.array([i for i in own[:SUMMARY] if i], dtype=np.int64) for own in summaries]
    ranked = top_unseen(target, read, histories, length)
    hits = ranked == np.asarray(next_items)[:, None]
    places, known = hits.argmax(1), hits.any(1)
    unseen = len(ranked[0]) - 1 - np.array([len(np.unique(h)) for h in histories])
    return {
        "top10_overlap": summary_rewards(target, summaries, histories, length),
        "next_hr@10": (known & (places < 10)).astype(float),
        "next_below": np.where(known, 1 - places / np.maximum(unseen - 1, 1), 0.0),
        "in_history": np.array(
            [np.mean(np.isin(own, h)) if len(own) else 0.0 for own, h in zip(read, histories, strict=True)]
        ),
        "distinct_titles": np.array([float(len(set(own.tolist()))) for own in read]),
    }


def plain_summaries(target: Scorer, histories: Sequence[np.ndarray], length: int, seed: int = 0) -> dict[str, list]:
    """Summaries that need no language model: the latest titles, random ones, and the best by trying all sets.

    The best is searched with the reward itself, in the order of the history, so it is what could be reached.
    """
    rng = np.random.default_rng(seed)
    shown = [np.asarray(h)[-length:] for h in histories]
    best = []
    for own, whole in zip(shown, histories, strict=True):
        distinct = list(dict.fromkeys(own.tolist()))
        sets = [list(s) for s in combinations(distinct, min(SUMMARY, len(distinct)))]
        best.append(sets[int(summary_rewards(target, sets, [whole] * len(sets), length).argmax())])
    return {
        "latest": [own[-SUMMARY:].tolist() for own in shown],
        "random": [rng.permutation(own)[:SUMMARY].tolist() for own in shown],
        "best of all sets": best,
    }
