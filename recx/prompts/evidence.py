"""Explanations from measured effects: which titles of the history moved the target, how far, and what they share.

An `Evidence` holds effects, measured or predicted; this module puts them into words and states nothing beyond the
evidence and the catalogue. Titles that pull the other way are named in a clause that `ExplanationParser` recognises.
"""

import re
from dataclasses import dataclass

import numpy as np

from recx.data.catalogue import Catalogue
from recx.parsing.quotation_marks import QUOTED
from recx.prompts.controls import Control
from recx.prompts.entity_ids import ROLES
from recx.prompts.pieces import Piece, Title, render, titles
from recx.prompts.templates import columns_by_strength, phrase, standard_name

TINY = 1e-6  # smaller effects are rounding errors
NOTABLE = 0.25  # fraction of the first cause's effect below which a cause is not named


@dataclass(frozen=True)
class Evidence:
    """What the target's decision about one item rests on, as measured or predicted.

    Attributes:
        item: the item in question.
        liked: the target's decision.
        causes: distinct items of the history, strongest cause of the decision first.
        effects: contribution of each to the decision (in nats of log-probability); negative if against it.
        share_below: fraction of the catalogue that the target scores lower than the item.
        share_without: the same once the first cause is taken out of the history; None if it was not measured.
    """

    item: int
    liked: bool
    causes: tuple[int, ...]
    effects: tuple[float, ...]
    share_below: float
    share_without: float | None = None

    @property
    def notable(self) -> tuple[int, ...]:
        """The causes worth naming: the first, and others with a notable part of its effect; empty if none has any."""
        least = NOTABLE * self.effects[0]
        return tuple(c for c, e in zip(self.causes, self.effects, strict=True) if e > max(least, TINY))

    @property
    def against(self) -> int | None:
        """The item with the strongest opposite effect, if notable."""
        return self.causes[-1] if -self.effects[-1] > max(NOTABLE * self.effects[0], TINY) else None

    def role(self, item: int) -> int:
        """The role that an item of the history has in a text: an index into `ROLES`, or their number if it has none."""
        if item == self.against:
            return ROLES.index("other way")
        named = self.notable[: ROLES.index("other way")]
        return named.index(item) if item in named else len(ROLES)


def evidence_of(
    players: np.ndarray,
    effects: np.ndarray,
    item: int,
    liked: bool,
    share_below: float,
    shares_without: np.ndarray | None = None,
) -> Evidence:
    """Build evidence from the effects (n,) of a history's distinct items (n,) on an item's value.

    `shares_without` (n,) is the fraction of the catalogue below the item once each of them is taken out; NaN or None
    where that was not measured.
    """
    signed = effects if liked else -effects
    order = np.argsort(-signed, kind="stable")
    causes, sizes = players[order].tolist(), signed[order].tolist()
    without = None if shares_without is None or np.isnan(first := shares_without[order[0]]) else float(first)
    return Evidence(int(item), bool(liked), tuple(causes), tuple(sizes), float(share_below), without)


# The first cause, by decision; "it" is the item in question.
_FIRST = {
    True: (
        "{a} counts most for it",
        "{a} speaks most for it",
        "what leads to it most is {a}",
        "the main reason for it is {a}",
        "{a} is the main reason for it",
        "{a} lifts it most",
    ),
    False: (
        "{a} counts most against it",
        "{a} speaks most against it",
        "what keeps it down most is {a}",
        "the main reason against it is {a}",
        "{a} is what weighs most against it",
        "{a} holds it back most",
    ),
}
_SECOND = (", then {b}", ", and after that {b}", ", followed by {b}", ", and next {b}")
_ALONE = (", by far", ", far ahead of the rest")
# The place with and without the first cause, in this order: `prompts/stated_numbers.py` checks numbers in order.
_NUMBERS = (
    "It ranks above {now} of 100 titles; without {a} it would rank above {then}.",
    "It stands above {now} of 100 titles, and above {then} if {a} is taken out.",
    "With the whole history, {now} of 100 titles rank below it; without {a}, {then} do.",
)
_NUMBER = (
    "It ranks above {now} of 100 titles.",
    "It stands above {now} of 100 titles.",
    "With the whole history, {now} of 100 titles rank below it.",
)
_AGAINST = ("{c} pulls the other way.", "Pulling the other way is {c}.", "On the other hand, {c} pulls the other way.")
_NOTHING = {
    True: ("nothing in the history speaks for it", "no title of the history leads to it"),
    False: ("nothing in the history speaks against it", "no title of the history holds it back"),
}
_STRENGTH = {
    True: (
        (0.99, ("It is among the very first.", "A very strong match.", "It stands at the very top.")),
        (0.95, ("A strong match.", "It ranks high.", "It stands near the top.")),
        (0.89, ("A good match.", "It ranks well.", "It stands among the better ones.")),
        (0.0, ("A fair match.", "It just ranks well enough.", "It stands in the upper half.")),
    ),
    False: (
        (0.38, ("Only just not a match.", "It ranks below the middle.", "It stands not far from the middle.")),
        (0.22, ("Not a match.", "It ranks low.", "It stands among the lower ones.")),
        (0.08, ("A clear mismatch.", "It ranks very low.", "It stands near the bottom.")),
        (0.0, ("Nothing ranks much lower.", "A complete mismatch.", "It stands at the very bottom.")),
    ),
}
# Shares of the catalogue below an item at which the words of strength change; below 0.5, they are those of a no.
PLACES = sorted([0.5, *(least for levels in _STRENGTH.values() for least, _ in levels if least)])
# A sentence of that kind, whatever its words.
_PLACED = re.compile(r"\s*(?:it (?:\w+ )?(?:stands|ranks)\b|(?:an?|not|only) [\w ]*\b(?:mis)?match\.)", re.IGNORECASE)


def explain_evidence(
    rng: np.random.Generator, catalogue: Catalogue, evidence: Evidence, control: Control, numbers: bool = False
) -> list[Piece]:
    """An explanation that names the causes of a decision.

    Args:
        rng: picks among wordings.
        catalogue: titles and attributes.
        evidence: what was measured.
        control: requested view, length and audience.
        numbers: whether it says where the item ranks, with and without the first cause; only a text whose author was
            told the numbers should.
    """
    brief, detailed = control.length == "one sentence", control.length == "detailed"
    word = "Yes" if evidence.liked else "No"
    opening = f"{word}, as " if brief else f"{word}. "
    simple = control.audience == "beginner" and not brief
    causes = evidence.notable[: 1 if brief else 3 if detailed else 2]
    if causes:
        first = render(_pick(rng, _FIRST[evidence.liked]), a=[Title(causes[0])])
    else:
        first = [_pick(rng, _NOTHING[evidence.liked])]
    pieces: list[Piece] = [
        opening + ("In simple words: " if simple else ""),
        *_capital(first, not brief and not simple),
    ]
    for n, cause in enumerate(causes[1:]):
        pieces += render(_pick(rng, _SECOND) if n == 0 else ", then {b}", b=[Title(cause)])
    if len(evidence.notable) == 1 and len(evidence.causes) > 1 and evidence.against is None:
        pieces.append(_pick(rng, _ALONE))
    pieces.append(".")
    if numbers and not brief:
        pieces += [" ", *_places(rng, evidence)]
    if not brief:
        pieces += _compared(rng, catalogue, evidence, control)
        if evidence.against is not None:
            pieces += [" ", *render(_pick(rng, _AGAINST), c=[Title(evidence.against)])]
        pieces.append(" " + strength(rng, evidence))
    return pieces


def _places(rng: np.random.Generator, evidence: Evidence) -> list[Piece]:
    """The item's place, and that without the first cause where it is known."""
    now = str(of_hundred(evidence.share_below))
    if not evidence.notable or evidence.share_without is None:
        return render(_pick(rng, _NUMBER), now=now)
    then = str(of_hundred(evidence.share_without))
    return render(_pick(rng, _NUMBERS), now=now, then=then, a=[Title(evidence.causes[0])])


def strength(rng: np.random.Generator, evidence: Evidence) -> str:
    """The target's confidence in graded words, according to the item's rank."""
    return _pick(rng, next(words for least, words in _STRENGTH[evidence.liked] if evidence.share_below >= least))


def said_strength(text: str) -> int | None:
    """How sure a text says the target is, by the words of `strength`: 0 (just) to 3 (surest); None without them."""
    # Levels fall with the share of items below: from the surest liked, from the least sure disliked.
    grades = ((3 - n if liked else n, said) for liked in _STRENGTH for n, (_, said) in enumerate(_STRENGTH[liked]))
    return next((grade for grade, words in grades if any(word in text for word in words)), None)


def misstates_strength(text: str, evidence: Evidence) -> bool:
    """Whether a text uses words of `strength` that are not those of the evidence's decision and rank."""
    levels = _STRENGTH[evidence.liked]
    own = next(words for least, words in levels if evidence.share_below >= least)
    return any(word in text for side in _STRENGTH.values() for _, words in side if words != own for word in words)


def strength_unread(sentence: str) -> bool:
    """Whether a sentence says how sure the target is in words that `said_strength` does not know, and in no numbers.

    A model may invent such words, which nobody can compare with the target's rank.
    """
    plain = QUOTED.sub("", sentence)
    return bool(_PLACED.match(plain)) and said_strength(plain) is None and not any(c.isdigit() for c in plain)


def name_causes(evidence: Evidence) -> list[Piece]:
    """The answer to what mattered: the causes worth naming, then the opposite effect."""
    pieces: list[Piece] = [*(titles(evidence.notable[:3]) or ["None of them"]), "."]
    if evidence.against is not None:
        pieces += [" The other way: ", Title(evidence.against), "."]
    return pieces


def tell(evidence: Evidence) -> list[Piece]:
    """Format the measurements as one line of a prompt, for a model that puts them into words."""
    side, other = ("for", "against") if evidence.liked else ("against", "for")
    pieces: list[Piece] = [f" Measured {side} it: ", *(titles(evidence.notable[:3]) or ["nothing"])]
    if evidence.against is not None:
        pieces += [f". Measured {other} it: ", Title(evidence.against)]
    pieces.append(f". It ranks above {of_hundred(evidence.share_below)} of 100")
    if evidence.notable and evidence.share_without is not None:
        pieces.append(f", without the first above {of_hundred(evidence.share_without)}")
    return [*pieces, "."]


def _compared(rng: np.random.Generator, catalogue: Catalogue, evidence: Evidence, control: Control) -> list[Piece]:
    """Compare one attribute of the item and the first cause: usually a shared one if liked, otherwise a differing one.

    Sometimes the opposite, so that a model looks up each value instead of repeating the first.
    """
    if not evidence.notable:
        return []
    cause, item = evidence.causes[0], evidence.item
    columns = [c for c, v in catalogue.attributes.items() if v[item] and v[cause] and control.view in (None, c)]
    columns = [c for c in columns if standard_name(c) != "year"] or columns
    alike = [c for c in columns if set(catalogue.attributes[c][item]) & set(catalogue.attributes[c][cause])]
    fitting = alike if evidence.liked else [c for c in columns if c not in alike]
    pool = columns_by_strength(fitting if fitting and rng.random() < 0.8 else columns)
    if not pool:
        return []
    column = pool[0] if rng.random() < 0.6 else str(rng.choice(pool))
    own, theirs = catalogue.attributes[column][item], catalogue.attributes[column][cause]
    shared = next((v for v in own if v in theirs), None)
    pieces: list[Piece] = [" ", Title(item), " is " + phrase(column, shared or own[0])]
    if shared:
        return [*pieces, ", and so is ", Title(cause), "."]
    return [*pieces, ", while ", Title(cause), " is " + phrase(column, theirs[0]) + "."]


def of_hundred(share: float) -> int:
    """How many of 100 titles rank lower; at most 99, as the title itself is one of them."""
    return min(99, round(100 * share))


def _pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]


def _capital(pieces: list[Piece], begins: bool) -> list[Piece]:
    """Capitalise the first letter of pieces that begin a sentence with a word."""
    if begins and isinstance(pieces[0], str):
        return [pieces[0][:1].upper() + pieces[0][1:], *pieces[1:]]
    return pieces
