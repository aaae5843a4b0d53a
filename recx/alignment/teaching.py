"""The words of `recx-tiny`: facts, tastes and reasons written from a catalogue's content alone.

Nothing here sees a target recommender. `argue` takes the decision as given and looks for true statements
about titles of the history that support it; pretraining gives it the decision of a content rule.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from recx.alignment.controls import Control
from recx.alignment.prompts import Piece, Title, render
from recx.data.catalogue import Catalogue

# How an attribute value is said of one title and of several; other columns use the last row.
_SINGULAR = {
    "genre": "{a} {v} title",
    "platform": "for {v}",
    "developer": "made by {v}",
    "brand": "made by {v}",
    "year": "from {v}",
    "series": "part of the {v} series",
}
_PLURAL = _SINGULAR | {"genre": "{v} titles"}
# Which attribute makes the strongest reason, first to last; unknown columns come after these.
_STRENGTH = ("series", "genre", "platform", "developer", "brand", "year")

Facts = Mapping[str, tuple[str, ...]]


def phrase(column: str, value: str, plural: bool = False) -> str:
    """An attribute value as a predicate: what follows "is" (or "are")."""
    form = (_PLURAL if plural else _SINGULAR).get(column, "with the {c} {v}")
    return form.format(v=value, c=column, a="an" if value[:1] in "AEIOUaeiou" else "a")


def columns_by_strength(columns: Sequence[str]) -> list[str]:
    """Attribute columns, the one that argues best first."""
    return sorted(columns, key=lambda c: _STRENGTH.index(c) if c in _STRENGTH else len(_STRENGTH))


def describe(catalogue: Catalogue, item: int) -> list[Piece]:
    """One sentence with all known facts about an item."""
    facts = catalogue.facts(item)
    said = [phrase(c, facts[c][0]) for c in ("genre", "platform", "developer", "brand", "year", "series") if c in facts]
    said += [phrase(c, facts[c][0]) for c in facts if c not in _STRENGTH]
    if not said:
        return [Title(item), " has no further facts on record."]
    return [Title(item), " is " + ", ".join(said) + "."]


def summarise(catalogue: Catalogue, history: Sequence[int]) -> list[Piece]:
    """A taste in words: the most common values of up to three attributes, and the latest choice."""
    parts = []
    for column in columns_by_strength(list(catalogue.attributes)):
        value, count = _most_common(catalogue, history, column)
        if count >= 2 and column != "series" and len(parts) < 3:
            parts.append(f"{value}" if column != "year" else f"titles from {value}")
    liking = f"Mostly {', '.join(parts)}. " if parts else "A mixed taste. "
    return [liking, "Latest choice: ", Title(int(history[-1])), "."]


def argue(
    rng: np.random.Generator, catalogue: Catalogue, history: Sequence[int], item: int, yes: bool, control: Control
) -> list[Piece]:
    """An explanation of a given decision, with statements that are true of the catalogue and the history.

    Args:
        rng: picks among equally good evidence and among wordings.
        catalogue: titles and attributes.
        history: item indices, oldest first.
        item: the item decided about, not in the history.
        yes: the decision.
        control: view, length and audience that were asked for.
    """
    history = [int(h) for h in history]
    reasons = (_for if yes else _against)(rng, catalogue, history, item, control)
    word = "Yes" if yes else "No"
    if control.length == "one sentence":
        return [f"{word}, as ", *reasons[0]]
    count = 1 if control.audience == "beginner" else 3 if control.length == "detailed" else 2
    opening = f"{word}. In simple words: " if control.audience == "beginner" else f"{word}. "
    pieces: list[Piece] = [opening]
    for n, reason in enumerate(reasons[:count]):
        pieces += ([" "] if n else []) + reason
    return pieces


def _for(
    rng: np.random.Generator, catalogue: Catalogue, history: list[int], item: int, control: Control
) -> list[list[Piece]]:
    columns = _columns(catalogue, item, control)
    if not columns:
        return _plain(rng, catalogue, history, item, control, yes=True)
    shared = [e for c in columns for e in [_evidence(rng, catalogue, history, item, c)] if e]
    if not shared:
        column = columns[0]
        value = catalogue.attributes[column][item][0]
        first = render(
            "{t} is " + phrase(column, value) + "; a change after {h}.", t=[Title(item)], h=_some(rng, history)
        )
        return [first, *_leaning(catalogue, history, columns)]
    reasons = []
    for n, (column, value, items) in enumerate(shared[:2]):
        one, many = phrase(column, value), phrase(column, value, plural=True)
        cited = _some(rng, items)
        if n:
            wording = "It is also " + one + ", as {h} is."
            cited = [Title(int(rng.choice(items)))]
        elif len(items) == 1 or len(cited) == 1:
            wording = str(rng.choice(["{t} is " + one + ", like {h}.", "both {t} and {h} are " + many + "."]))
        else:
            wording = str(rng.choice(["{t} is " + one + ", like {h}.", "{h} are " + many + ", and so is {t}."]))
        reasons.append(_sentence(render(wording, t=[Title(item)], h=cited), control))
    return reasons + _leaning(catalogue, history, [shared[0][0]] if control.view is None else columns)


def _against(
    rng: np.random.Generator, catalogue: Catalogue, history: list[int], item: int, control: Control
) -> list[list[Piece]]:
    columns = _columns(catalogue, item, control)
    if not columns:
        return _plain(rng, catalogue, history, item, control, yes=False)
    # A contrast: a value many titles of the history have and the item lacks.
    for column in [c for c in columns if c != "series"]:
        value, own = catalogue.attributes[column][item][0], catalogue.attributes[column][item]
        usual, count = _most_common(catalogue, history, column)
        if not count or usual in own:
            continue
        holders = [h for h in history if usual in catalogue.attributes[column][h]]
        cited = _some(rng, holders)
        theirs = phrase(column, usual, plural=len(cited) > 1)
        verb = "are" if len(cited) > 1 else "is"
        wording = str(
            rng.choice(
                [
                    "{t} is " + phrase(column, value) + ", while {h} " + f"{verb} {theirs}.",
                    "{h} " + f"{verb} {theirs}, but " + "{t} is " + phrase(column, value) + ".",
                ]
            )
        )
        reasons = [_sentence(render(wording, t=[Title(item)], h=cited), control)]
        if not any(value in catalogue.attributes[column][h] for h in history):
            reasons.append([f"Nothing in the history is {phrase(column, value)}."])
        return reasons + _leaning(catalogue, history, [column])
    column = columns[0]
    evidence = _evidence(rng, catalogue, history, item, column)
    if evidence is None:
        value = catalogue.attributes[column][item][0]
        first = render(
            "{t} is " + phrase(column, value) + "; the history holds {h}.", t=[Title(item)], h=_some(rng, history)
        )
        return [first, [f"Nothing in the history is {phrase(column, value)}."]]
    _, value, items = evidence
    wording = "{t} is " + phrase(column, value) + ", like {h}; the history has enough of that."
    return [_sentence(render(wording, t=[Title(item)], h=_some(rng, items)), control)] + _leaning(
        catalogue, history, [column]
    )


def _plain(
    rng: np.random.Generator, catalogue: Catalogue, history: list[int], item: int, control: Control, yes: bool
) -> list[list[Piece]]:
    """Reasons for an item of which nothing but the title is known."""
    fits = ["{t} goes well with {h}.", "{h} lead on to {t}.", "{t} is close to {h}."]
    clashes = ["{t} is far from {h}.", "{h} point elsewhere than {t}.", "{t} does not go with {h}."]
    wording = str(rng.choice(fits if yes else clashes))
    cited = [Title(h) for h in history] if len(history) == 1 else _some(rng, history, 2)
    if len(cited) == 1:
        wording = wording.replace("lead", "leads").replace("point", "points")
    reasons = [render(wording, t=[Title(item)], h=cited)]
    if control.view:
        reasons.insert(0, render("the {view} of {t} is not on record.", view=control.view, t=[Title(item)]))
    known = [c for c in columns_by_strength(list(catalogue.attributes)) if c != "series"]
    return [_sentence(r, control) for r in reasons] + _leaning(catalogue, history, known)


def _columns(catalogue: Catalogue, item: int, control: Control) -> list[str]:
    known = columns_by_strength([c for c, v in catalogue.attributes.items() if v[item]])
    if control.view:
        return [c for c in known if c == control.view]
    return [c for c in known if c != "year"] or known


def _evidence(
    rng: np.random.Generator, catalogue: Catalogue, history: list[int], item: int, column: str
) -> tuple[str, str, list[int]] | None:
    """The value of the item that most titles of the history share, with those titles."""
    values = catalogue.attributes[column]
    holders = {v: [h for h in history if v in values[h]] for v in values[item]}
    value = max(holders, key=lambda v: len(holders[v]))
    return (column, value, holders[value]) if holders[value] else None


def _most_common(catalogue: Catalogue, history: Sequence[int], column: str) -> tuple[str, int]:
    counts = Counter(v for h in history for v in catalogue.attributes[column][h])
    return counts.most_common(1)[0] if counts else ("", 0)


def _leaning(catalogue: Catalogue, history: list[int], columns: Sequence[str]) -> list[list[Piece]]:
    """What most of the history is, where that can be said of one of the columns."""
    for column in columns:
        value, count = _most_common(catalogue, history, column)
        if count >= 2 and 2 * count > len(history) and column != "series":
            return [[f"Most of the history is {phrase(column, value).removeprefix('a ').removeprefix('an ')}."
                     .replace(" title.", ".")]]  # fmt: skip
    return []


def _some(rng: np.random.Generator, items: Sequence[int], most: int = 2) -> list[Piece]:
    """One or two of the items, joined by "and", later choices more often."""
    count = min(len(items), 1 if rng.random() < 0.25 else most)
    weights = np.arange(1, len(items) + 1, dtype=float)
    chosen = rng.choice(len(items), size=count, replace=False, p=weights / weights.sum())
    pieces: list[Piece] = []
    for n, position in enumerate(sorted(chosen)):
        pieces += ([" and "] if n else []) + [Title(int(items[position]))]
    return pieces


def _sentence(pieces: list[Piece], control: Control) -> list[Piece]:
    """A sentence that stands alone starts with a capital letter; after "as" or a colon it does not."""
    first = pieces[0]
    inner = control.length == "one sentence" or control.audience == "beginner"
    if isinstance(first, str) and not inner:
        return [first[0].upper() + first[1:], *pieces[1:]]
    return pieces
