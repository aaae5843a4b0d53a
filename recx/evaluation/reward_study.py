"""What tuning on a reward does: the reward itself, what was not rewarded, and how far the language has drifted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from recx.alignment.answer_rows import perplexities
from recx.alignment.preference_tuning import Preference
from recx.attribution.effect_labels import histories_to_measure
from recx.data.split import Split
from recx.decoding.generation import greedy_text
from recx.decoding.sampling import sampled_texts
from recx.evaluation.bootstrap import bootstrap
from recx.evaluation.explanation_checks import cited_in_history, decision_agreement, stated_attributes_true
from recx.evaluation.faithfulness import cited_places, measure
from recx.evaluation.faithfulness_consistency import repeated_causes
from recx.evaluation.metric_records import metric_record
from recx.evaluation.pair_effects import PairEffects
from recx.evaluation.test_set import Pairs
from recx.evaluation.text_rewards import (
    effect_reward,
    is_true,
    rewritten,
)
from recx.explaining.aligned import AlignedExplainer
from recx.prompts.pieces import Piece, quoted_pieces
from recx.prompts.requests import Request
from recx.prompts.tokens import Prompt
from recx.recommenders.labels import label_histories
from recx.recommenders.protocol import Scorer
from recx.settings import RewardSettings

REWARDED = ("reward", "erasure_normalised", "all_true")
KEPT_APART = (
    "sufficiency_normalised",
    "top_cause_first",
    "titles_cited",
    "attributes_stated",
    "stated_attributes_true",
    "decision_agreement",
    "repeated_cause",
    "words",
    "distinct_words",
    "perplexity",
)


@dataclass(frozen=True)
class Answers:
    """Texts about P pairs or histories, with what they were written from.

    Attributes:
        requests: the questions.
        prompts: the questions encoded for the model, with the users' vectors.
        tokens: token ids of each text, without its end token.
        texts: the texts.
    """

    requests: list[Request]
    prompts: list[Prompt]
    tokens: list[np.ndarray]
    texts: list[str]


def training_pairs(split: Split, target: Scorer, length: int, count: int, seed: int) -> Pairs:
    """Pairs from training histories of at least three items, half of the items liked by the target.

    Args:
        split: leave-one-out split.
        target: the recommender, which is not changed.
        length: number of most recent items that it reads.
        count: P pairs, one for each history; fewer if there are not as many.
        seed: random seed of histories and items.
    """
    rng = np.random.default_rng(seed)
    rows = histories_to_measure(split.train, length, count, rng)
    labels = label_histories(target, [split.train[r] for r in rows], length, rng)
    kept = labels.has_preference.nonzero()[0]
    liked = rng.permutation(len(kept)) % 2 == 0
    items = np.where(liked, labels.liked[kept, 0], labels.disliked[kept, 0])
    users = np.array(rows, dtype=int)[kept]
    return Pairs([split.train[u] for u in users], items, liked, users)


def draw(
    explainer: AlignedExplainer, prompts: Sequence[Prompt], settings: RewardSettings, show_progress: bool = False
) -> list[list[np.ndarray]]:
    """`settings.samples` random texts for each prompt, as token ids with their end tokens."""
    return sampled_texts(
        explainer.model, prompts, explainer.encoder.ends, settings.samples, settings.max_tokens,
        settings.temperature, explainer.precision, show_progress,
    )  # fmt: skip


def decoded(explainer: AlignedExplainer, tokens: np.ndarray) -> str:
    """The text of token ids, without its end token."""
    return explainer.encoder.tokenizer.decode(tokens, skip_special_tokens=True).strip()


def effect_rewards(
    explainer: AlignedExplainer, requests: Sequence[Request], effects: Sequence[PairEffects]
) -> Callable[[Sequence[int], Sequence[np.ndarray]], np.ndarray]:
    """The reward `effect_reward` of texts about pairs, for `recx.alignment.reward_tuning`."""

    def reward(rows: Sequence[int], texts: Sequence[np.ndarray]) -> np.ndarray:
        read = [explainer.read(decoded(explainer, t), requests[r]) for r, t in zip(rows, texts, strict=True)]
        return np.array([effect_reward(effects[r], e) for r, e in zip(rows, read, strict=True)])

    return reward


def draw_preferences(
    explainer: AlignedExplainer,
    pairs: Pairs,
    effects: Sequence[PairEffects],
    settings: RewardSettings,
    show_progress: bool = False,
) -> tuple[list[Preference], pd.DataFrame]:
    """The best against the worst of several random texts about each pair.

    Where even the best is not good, the worst is rewritten with the measured causes, and preferred if that makes it
    good and all of it is true. A pair whose texts are all alike gives no preference.

    Args:
        explainer: writes the texts.
        pairs: P pairs.
        effects: their effects on the target.
        settings: how many texts, and what a preference is.
        show_progress: show a bar.

    Returns:
        The preferences, and one row per pair: `best, worst, mean` reward, its `kind` (`best of the texts`, `rewritten`
        or `none`) and both texts, `preferred` and `rejected`.
    """
    requests = explainer.explanation_requests(pairs.histories, pairs.items.tolist())
    prompts = explainer.prompts(requests)
    drawn = draw(explainer, prompts, settings, show_progress)
    reward = effect_rewards(explainer, requests, effects)
    preferences, rows = [], []
    for n, texts in enumerate(drawn):
        rewards = reward([n] * len(texts), texts)
        best, worst = texts[int(rewards.argmax())], texts[int(rewards.argmin())]
        kind, high = "best of the texts", rewards.max()
        if high < settings.good:
            explanation = explainer.read(decoded(explainer, worst), requests[n])
            pieces = rewritten(explanation, effects[n], explainer.catalogue)
            answer = answer_tokens(explainer, pieces)
            (own,) = reward([n], [answer])
            if own >= settings.good:
                best, kind, high = answer, "rewritten", own
        if high - rewards.min() < settings.gap:
            kind = "none"
        else:
            preferences.append(Preference(prompts[n], best, worst))
        said = [decoded(explainer, text) for text in (best, worst)]
        rows.append((rewards.max(), rewards.min(), rewards.mean(), kind, *said))
    return preferences, pd.DataFrame(rows, columns=["best", "worst", "mean", "kind", "preferred", "rejected"])


def answer_tokens(explainer: AlignedExplainer, pieces: Sequence[Piece]) -> np.ndarray:
    """Token ids of an answer, titles as in training, with its end token."""
    return np.concatenate([*explainer.encoder.pieces(pieces), explainer.encoder.end]).astype(np.int64)


def answers_of(
    explainer: AlignedExplainer, requests: Sequence[Request], max_tokens: int, show_progress: bool = False
) -> Answers:
    """Greedy texts of questions."""
    prompts = explainer.prompts(requests)
    ends = explainer.encoder.ends
    tokens = greedy_text(explainer.model, prompts, ends, max_tokens, explainer.precision, show_progress)
    return Answers(list(requests), prompts, tokens, [decoded(explainer, t) for t in tokens])


def retold(explainer: AlignedExplainer, requests: Sequence[Request], texts: Sequence[str]) -> Answers:
    """Given texts as if they were the model's answers, to be measured beside them."""
    tokens = [answer_tokens(explainer, quoted_pieces(text, explainer.catalogue.index_of_label))[:-1] for text in texts]
    return Answers(list(requests), explainer.prompts(requests), tokens, list(texts))


def language(untuned: AlignedExplainer, answers: Answers) -> dict[str, np.ndarray]:
    """Number of words, share of distinct words, and perplexity before any tuning of each text: (R,) each."""
    words = [text.split() for text in answers.texts]
    return {
        "words": np.array([float(len(own)) for own in words]),
        "distinct_words": np.array([len(set(own)) / len(own) if own else np.nan for own in words]),
        "perplexity": perplexities(untuned.model, answers.prompts, answers.tokens, untuned.precision),
    }


def measure_explanations(
    untuned: AlignedExplainer, answers: Answers, effects: Sequence[PairEffects]
) -> dict[str, np.ndarray]:
    """What was rewarded, and what was not, of texts about P pairs: metric -> (P,), see `REWARDED` and `KEPT_APART`.

    `all_true` is 1 where decision, citations, statements and numbers are all true; `distinct_words` the share of
    distinct words in a text; `perplexity` that of the model before any tuning.

    Args:
        untuned: the explainer before any tuning.
        answers: P texts.
        effects: of the pairs.
    """
    read = [untuned.read(text, request) for text, request in zip(answers.texts, answers.requests, strict=True)]
    liked = [one.liked for one in effects]
    cited = [cited_places(one, own) for one, own in zip(effects, read, strict=True)]
    return {
        "reward": np.array([effect_reward(one, own) for one, own in zip(effects, read, strict=True)]),
        "all_true": np.array([float(is_true(own, yes)) for own, yes in zip(read, liked, strict=True)]),
        "cited_in_history": cited_in_history(read),
        "stated_attributes_true": stated_attributes_true(read),
        "decision_agreement": decision_agreement(read, liked),
        "titles_cited": np.array([float(len(own)) for own in cited]),
        "attributes_stated": np.array([float(len(own.statements)) for own in read]),
        **language(untuned, answers),
        **measure(effects, cited),
        **repeated_causes(read),
    }


def study_table(
    measured: Mapping[str, Mapping[str, np.ndarray]], metrics: Sequence[str], users: np.ndarray | None = None
) -> pd.DataFrame:
    """Means with 95 % intervals over users: one row per method, one column per metric, empty where it has none.

    Args:
        measured: method -> metric -> (P,).
        metrics: those shown.
        users: (P,) whose they are; by default, everybody has one.
    """
    rows = {n: {m: str(bootstrap(own[m], users)) for m in metrics if m in own} for n, own in measured.items()}
    return pd.DataFrame(rows).T.fillna("")


def change_frame(
    measured: Mapping[str, Mapping[str, np.ndarray]], metrics: Sequence[str], users: np.ndarray | None = None
) -> pd.DataFrame:
    """How each method's metrics differ from those of the first, pair by pair.

    Columns `method, metric, rewarded, value, low, high`.

    In units of the standard deviation of the first method's values, so that one figure can show them all.

    Args:
        measured: method -> metric -> (P,).
        metrics: those compared.
        users: (P,) whose they are; by default, everybody has one.
    """
    first, *others = measured
    rows = []
    for name in others:
        for metric in metrics:
            before, after = measured[first][metric], measured[name][metric]
            spread = np.nanstd(before) or np.nanstd(after) or 1.0
            e = bootstrap((after - before) / spread, users)
            rows.append((name, metric, metric in REWARDED, e.value, e.low, e.high))
    return pd.DataFrame(rows, columns=["method", "metric", "rewarded", "value", "low", "high"])


def study_records(
    measured: Mapping[str, Mapping[str, np.ndarray]],
    metrics: Sequence[str],
    control: str,
    users: np.ndarray | None = None,
) -> list[dict[str, Any]]:
    """Records of metrics (P,) of each method, with intervals over users; `control` is what was tuned on."""
    return [
        metric_record(name, metric, own[metric], control=control, users=users)
        for name, own in measured.items()
        for metric in metrics
        if metric in own
    ]
