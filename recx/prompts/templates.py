"""The training text of `recx-tiny`: descriptions, tastes and reasons generated from a catalogue's content alone.

This module has no access to a target recommender. `templated_explanation` takes the decision as given and looks for
true statements about titles of the history that support it; pretraining passes the decision of a content rule. Each
statement names one title and then one of its attributes, because a small model can look that up. When it had to find
a title by an attribute, or to count over the history, it was wrong in a third of the cases (docs/decisions/017).
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from recx.data.catalogue import Catalogue
from recx.prompts.controls import Control
from recx.prompts.pieces import Piece, Title, render

# How an attribute value is predicated of a title; for other columns, `phrase` has a general form.
_PHRASES = {
    "genre": "{a} {v} title",
    "platform": "for {v}",
    "developer": "made by {v}",
    "brand": "made by {v}",
    "year": "from {v}",
    "series": "part of the {v} series",
}
_ALSO_CALLED = {
    "genres": "genre",
    "platforms": "platform",
    "developers": "developer",
    "brands": "brand",
    "years": "year",
    "release year": "year",
    "publication year": "year",
}
# Attributes in descending order of strength as a reason; unknown columns come after these.
_STRENGTH = ("series", "genre", "platform", "developer", "brand", "year")


def standard_name(column: str) -> str:
    """The name under which the templates know an attribute: "Genres" is a genre, "release_year" a year."""
    name = column.casefold().replace("_", " ").strip()
    return _ALSO_CALLED.get(name, name)


def phrase(column: str, value: str) -> str:
    """Phrase an attribute value as a predicate, i.e. the words that follow "is"."""
    name = standard_name(column)
    form = _PHRASES.get(name, "with the {c} {v}")
    if name == "series" and value.startswith("The ") and len(value) > 4:
        value = value[4:]  # the form has the article: "part of the Witcher series"
    return form.format(v=value, c=column, a="an" if value[:1] in "AEIOUaeiou" else "a")


def columns_by_strength(columns: Sequence[str]) -> list[str]:
    """Sort attribute columns by their strength as a reason, the strongest first."""

    def place(column: str) -> int:
        name = standard_name(column)
        return _STRENGTH.index(name) if name in _STRENGTH else len(_STRENGTH)

    return sorted(columns, key=place)


def describe_item(catalogue: Catalogue, item: int) -> list[Piece]:
    """Write one sentence with all known facts about an item."""
    facts = catalogue.facts(item)
    order = [*("genre", "platform", "developer", "brand", "year", "series"), ""]
    known = [(standard_name(c) if standard_name(c) in _STRENGTH else "", c) for c in facts]
    said = [phrase(c, facts[c][0]) for wanted in order for name, c in known if name == wanted]
    if not said:
        return [Title(item), " has no further facts on record."]
    return [Title(item), " is " + ", ".join(said) + "."]


def summarise_taste(catalogue: Catalogue, history: Sequence[int]) -> list[Piece]:
    """Describe a taste in words: the most common values of up to three attributes, and the latest choice."""
    parts = []
    for column in columns_by_strength(list(catalogue.attributes)):
        value, count = _most_common(catalogue, history, column)
        name = standard_name(column)
        if count >= 2 and name != "series" and len(parts) < 3:
            known = value if name in _STRENGTH else f"{column} {value}"
            parts.append(f"titles from {value}" if name == "year" else known)
    liking = f"Mostly {', '.join(parts)}. " if parts else "A mixed taste. "
    return [liking, "Latest choice: ", Title(int(history[-1])), "."]


def excerpt(texts: Sequence[str], words: int = 24) -> str:
    """Return the first words of a shop's text, up to the end of a sentence if one ends late enough among them."""
    kept = " ".join(texts).split()[:words]
    ends = [n for n, word in enumerate(kept, 1) if word.endswith((".", "!", "?")) and n > words // 3]
    return " ".join(kept[: ends[-1]] if ends else kept).replace('"', "'")


def templated_explanation(
    rng: np.random.Generator, catalogue: Catalogue, history: Sequence[int], item: int, yes: bool, control: Control
) -> list[Piece]:
    """Write an explanation of a given decision, with statements that are true of the catalogue and the history.

    Args:
        rng: picks among equally good evidence and among wordings.
        catalogue: titles and attributes.
        history: item indices, oldest first.
        item: the item decided about, not in the history.
        yes: the decision.
        control: view, length and audience that were asked for.
    """
    history = [int(h) for h in history]
    columns = _columns(catalogue, history, item, yes, control)
    word = "Yes" if yes else "No"
    brief = control.length == "one sentence"
    opening = (
        f"{word}, as " if brief else f"{word}. In simple words: " if control.audience == "beginner" else f"{word}. "
    )
    pieces: list[Piece] = [opening]
    if not columns:
        return pieces + _without_facts(rng, history, item, yes, control)
    cited: list[int] = []
    supported = False
    for n, column in enumerate(columns[: 2 if control.length == "detailed" else 1]):
        pieces += [f" By {column}: "] if n else []
        said, alike = _comparison(
            rng, catalogue, history, item, column, yes, brief or control.audience == "beginner", cited
        )
        pieces += said
        supported = supported or yes in alike
    if not brief and control.length != "detailed":
        pieces.append(" " + str(rng.choice(_CONCLUSIONS[yes, supported])))
    return pieces


# By the decision, and by whether the statements support it.
_CONCLUSIONS = {
    (True, True): ("That fits the history.", "This goes well together.", "A good match."),
    (True, False): ("Even so, a good match.", "A change, but a welcome one.", "Other sides of it fit."),
    (False, True): ("The tastes differ.", "This is another direction.", "Not a good match."),
    (False, False): ("Even so, not a good match.", "Still, other titles fit better.", "That alone is not enough."),
}


def _comparison(
    rng: np.random.Generator,
    catalogue: Catalogue,
    history: list[int],
    item: int,
    column: str,
    yes: bool,
    brief: bool,
    cited: list[int],
) -> tuple[list[Piece], set[bool]]:
    """Compare the item with one or two titles of the history in one column.

    Returns:
        The text, and the set of outcomes: True if a title shares the item's value, False if one does not.
    """
    values = catalogue.attributes[column]
    own = values[item]
    known = [h for h in history if values[h] and h not in cited]
    alike = [h for h in known if set(own) & set(values[h])]
    wanted = alike if yes else [h for h in known if h not in alike]
    # Mostly titles that support the decision, but others too, so that the model learns to look up each value.
    pool = wanted if wanted and rng.random() < 0.85 else known
    shared = next((v for h in alike for v in own if v in values[h]), own[0]) if yes else own[0]
    pieces: list[Piece] = [Title(item), f" is {phrase(column, shared)}"]  # not rendered: values may contain braces
    between = "; from the history " if brief else ". From the history, "
    likeness = set()
    for h in _some(rng, pool, 1 if brief else 2):
        theirs = shared if shared in values[h] else values[h][0]
        pieces += [between, Title(h), " is " + phrase(column, theirs) + (" as well" if theirs == shared else "")]
        between = "; "
        cited.append(h)
        likeness.add(theirs == shared)
    return [*pieces, "."], likeness


def _without_facts(rng: np.random.Generator, history: list[int], item: int, yes: bool, control: Control) -> list[Piece]:
    """Write a reason for an item whose attributes, or whose attribute asked for, are unknown."""
    unknown: list[Piece] = []
    if control.view:
        inner = control.length == "one sentence" or control.audience == "beginner"
        the, end = ("the", "; ") if inner else ("The", ". ")
        unknown = [f"{the} {control.view} of ", Title(item), " is not on record" + end]
    fits = ("{t} goes well with {h}.", "{t} is close to {h}.", "{t} follows {h}.")
    clashes = ("{t} is far from {h}.", "{t} does not go with {h}.", "{t} has little to do with {h}.")
    cited: list[Piece] = []
    for n, h in enumerate(_some(rng, history, 2)):
        cited += ([" and "] if n else []) + [Title(h)]
    return unknown + render(str(rng.choice(fits if yes else clashes)), t=[Title(item)], h=cited)


def _columns(catalogue: Catalogue, history: list[int], item: int, yes: bool, control: Control) -> list[str]:
    """The columns to argue with: the one asked for, otherwise those in which the item is like the history, or unlike.

    A positive decision is argued with likeness, a negative one with difference.
    """
    known = columns_by_strength([c for c, v in catalogue.attributes.items() if v[item]])
    if control.view:
        return [c for c in known if c == control.view]
    known = [c for c in known if standard_name(c) != "year"] or known

    def likeness(column: str) -> float:
        values = catalogue.attributes[column]
        return float(np.mean([bool(set(values[item]) & set(values[h])) for h in history]))

    general = [c for c in known if standard_name(c) != "series"] or known
    if yes:
        return [c for c in known if likeness(c)] or general[:1]
    return sorted(general, key=lambda c: likeness(c) > 0.5)


def _most_common(catalogue: Catalogue, history: Sequence[int], column: str) -> tuple[str, int]:
    counts = Counter(v for h in history for v in catalogue.attributes[column][h])
    return counts.most_common(1)[0] if counts else ("", 0)


def _some(rng: np.random.Generator, items: Sequence[int], most: int) -> list[int]:
    """Draw up to `most` of the items, in their order; later items are more probable."""
    count = min(len(items), most)
    if not count:
        return []
    weights = np.arange(1, len(items) + 1, dtype=float)
    chosen = rng.choice(len(items), size=count, replace=False, p=weights / weights.sum())
    return [int(items[p]) for p in sorted(chosen)]
