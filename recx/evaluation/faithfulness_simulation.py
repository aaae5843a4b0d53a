"""Counterfactual simulatability: does a text help to foresee what the target does with another history?

A student (a logistic regression) is told how a history was edited, and guesses whether that changed the target's
decision. It knows what anyone can see without a text: which title was edited and how, how recent it is, how alike the
item asked about, how many titles there are, and the decision before, which is why the verdict of a text tells it
nothing. With a text it also knows whether the edited title is said to be the first cause, a further one or to pull the
other way, how many are named, and how sure the text says the target is. What the text adds is its gain.

Source: Hase et al., Findings of EMNLP 2020 (leakage-adjusted simulatability, LAS); counterfactual inputs as in Chen et
al., ICML 2024 ("Do Models Explain Themselves?").
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from recx.attribution.attributions import likeness
from recx.data.catalogue import Catalogue
from recx.evaluation.bootstrap import Estimate, bootstrap_statistic
from recx.evaluation.faithfulness import cited_places
from recx.evaluation.pair_effects import PairEffects
from recx.explaining.records import Explanation
from recx.prompts.evidence import said_strength

FOLDS = 5
FEWEST = 40  # edits; a student learns nothing from fewer


@dataclass(frozen=True)
class Said:
    """What a student reads in a text about one pair.

    Attributes:
        causes: places of the titles named as causes, the first named first.
        against: places of those said to pull the other way.
        strength: `said_strength`, from 1 for the weakest; 0 where there is none.
    """

    causes: Sequence[int] = ()
    against: Sequence[int] = ()
    strength: int = 0


@dataclass(frozen=True)
class Edits:
    """E edits of histories: a title removed or replaced by a random item; as many change the decision as do not.

    That holds within each verdict and each kind of edit, so that a guess is right half of the time.

    Attributes:
        pairs: (E,) which pair.
        places: (E,) which of its distinct items is edited.
        items: (E,) the item asked about.
        liked: (E,) whether the target likes it.
        users: (E,) whose history it is.
        changed: (E,) whether the target's decision (yes, between, no) is another afterwards.
        seen: (E, F) what anyone can see.
    """

    pairs: np.ndarray
    places: np.ndarray
    items: np.ndarray
    liked: np.ndarray
    users: np.ndarray
    changed: np.ndarray
    seen: np.ndarray

    def __len__(self) -> int:
        return len(self.pairs)


def draw_edits(effects: Sequence[PairEffects], users: np.ndarray, catalogue: Catalogue, seed: int = 0) -> Edits:
    """Edit every title of every history in both ways, ask the target, and draw as many of each outcome.

    Args:
        effects: of P pairs.
        users: (P,) whose they are.
        catalogue: its attributes tell how alike titles are.
        seed: of replacements and draws.
    """
    rng, rows = np.random.default_rng(seed), []
    for pair, one in enumerate(effects):
        n, history = len(one.players), one.history
        others = np.setdiff1d(np.arange(1, len(catalogue) + 1), [*one.whole, one.item])
        if n < 2 or not len(others):
            continue
        removed = [history[history != p] for p in one.players]
        replaced = [np.where(history == p, rng.choice(others), history) for p in one.players]
        before, *after = one.ranks([history, *removed, *replaced])
        alike = likeness(catalogue, one.players, one.item)
        for number, rank in enumerate(after):
            place, kind = number % n, number // n
            recent = np.flatnonzero(history == one.players[place])[-1] - len(history)
            own = (recent, alike[place], n, one.liked, one.liked * recent, one.liked * alike[place], kind)
            rows.append((pair, place, rank.decision != before.decision, kind, own))
    if not rows:
        return Edits(*(np.zeros(0, dtype=int) for _ in range(6)), np.zeros((0, 7)))
    pairs, places, changed, kinds, seen = (np.array(column) for column in zip(*rows, strict=True))
    liked = np.array([one.liked for one in effects])[pairs]
    groups = [
        [np.flatnonzero((kinds == kind) & (liked == verdict) & (changed == outcome)) for outcome in (True, False)]
        for kind in (0, 1)
        for verdict in (True, False)
    ]
    drawn = [rng.permutation(part)[: min(map(len, group))] for group in groups for part in group]
    rows_kept = np.sort(np.concatenate(drawn))
    pairs = pairs[rows_kept]
    items = np.array([one.item for one in effects])[pairs]
    return Edits(
        pairs, places[rows_kept], items, liked[rows_kept], np.asarray(users)[pairs], changed[rows_kept], seen[rows_kept]
    )


def said_in(effects: PairEffects, text: Explanation) -> Said | None:
    """What a text says about a pair; None where there is no text."""
    if not text.text.strip():
        return None
    against = effects.places([c.item for c in text.citations if c.item is not None and c.against])
    strength = said_strength(text.text)
    return Said(cited_places(effects, text), against, 0 if strength is None else strength + 1)


def simulate(edits: Edits, said: Sequence[Said | None]) -> dict[str, np.ndarray]:
    """What texts add for the student, edit by edit (E,); users are learnt from or tested on, never both.

    Args:
        edits: of P pairs.
        said: what is said about each of the P pairs; None where nothing is.

    Returns:
        (E,) each. `simulatability_gain`: right (1 or 0) with the text minus right without it; its mean is about -0.5 to
        0.5, as half of all guesses are right. `leaks`: whether a student that knows the text but not the edit is right.
        NaN where there is no text, or too few edits for a student.
    """
    known = np.flatnonzero([said[pair] is not None for pair in edits.pairs])
    out = {name: np.full(len(edits), np.nan) for name in ("simulatability_gain", "leaks")}
    if len(known) < FEWEST or len(np.unique(edits.users[known])) < FOLDS:
        return out
    about = [said[pair] for pair in edits.pairs[known]]
    text = np.array([(len(s.causes), len(s.against), s.strength) for s in about], dtype=float)
    role = np.array([_role(s, place) for s, place in zip(about, edits.places[known], strict=True)], dtype=float)
    seen, truth, users = edits.seen[known], edits.changed[known], edits.users[known]
    right = [_guessed(x, truth, users) == truth for x in (np.hstack([seen, text, role]), seen, text)]
    out["simulatability_gain"][known] = right[0].astype(float) - right[1]
    out["leaks"][known] = right[2]
    return out


def shuffled(effects: Sequence[PairEffects], texts: Sequence[Explanation], seed: int = 0) -> list[Said | None]:
    """What is said about each pair where each has the text of another pair of the same verdict: a text's form alone.

    As many titles are named, and as surely, as in the other pair, but they are random titles of this pair's history.
    """
    rng, liked = np.random.default_rng(seed), np.array([one.liked for one in effects])
    other = np.arange(len(effects))
    for verdict in (True, False):
        own = rng.permutation(np.flatnonzero(liked == verdict))
        other[own] = np.roll(own, 1)
    return [
        _elsewhere(said_in(effects[n], texts[n]), len(one.players), rng) for one, n in zip(effects, other, strict=True)
    ]


def _elsewhere(said: Said | None, size: int, rng: np.random.Generator) -> Said | None:
    """The same number of titles, drawn from a history of another size."""
    if said is None:
        return None
    places = rng.permutation(size).tolist()
    causes = len(said.causes)
    return Said(places[:causes], places[causes : causes + len(said.against)], said.strength)


def las(gain: np.ndarray, leaks: np.ndarray) -> float:
    """Leakage-adjusted simulatability: the average of the mean gain (E,) where a text leaks and where not; in [-1, 1].

    NaN where texts always leak, or never.
    """
    leaking = leaks > 0
    return float((gain[leaking].mean() + gain[~leaking].mean()) / 2) if 0 < leaking.sum() < len(gain) else np.nan


def las_estimate(simulated: dict[str, np.ndarray], users: np.ndarray, chosen: np.ndarray) -> Estimate:
    """`las` of the chosen edits (E,) with its interval over users (E,)."""
    rows = np.flatnonzero(chosen & ~np.isnan(simulated["simulatability_gain"]))
    gain, leaks = simulated["simulatability_gain"][rows], simulated["leaks"][rows]
    return bootstrap_statistic(lambda drawn: las(gain[drawn], leaks[drawn]), users[rows])


def _role(said: Said, place: int) -> tuple[bool, bool, bool]:
    named = list(said.causes)
    return place in named[:1], place in named[1:], place in said.against


def _guessed(x: np.ndarray, truth: np.ndarray, users: np.ndarray) -> np.ndarray:
    """What a student that learnt from other users says (E,)."""
    out = np.zeros(len(truth), dtype=bool)
    for train, test in GroupKFold(FOLDS).split(x, groups=users):
        if truth[train].all() or not truth[train].any():
            out[test] = truth[train][0]
        else:
            student = make_pipeline(StandardScaler(), LogisticRegression())
            out[test] = student.fit(x[train], truth[train]).predict(x[test])
    return out
