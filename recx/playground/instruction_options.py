"""Options for an explanation, combined into one line of instruction."""

from collections.abc import Mapping
from typing import Any

from recx.errors import DataError
from recx.prompts.controls import AUDIENCES, LENGTHS, Control

TONES = ("friendly", "matter-of-fact", "enthusiastic", "critical")
HELD, FREE = "from the history only", "any title"
MAX_LETTERS = 300
NOT_TOLD = "found by the model itself"
FIELDS = ("view", "length", "audience", "tone", "language", "free", "quotes", "evidence")


def option_choices(views: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return the choices of all options that are not free text; `views` are attribute names of the catalogue."""
    return {
        "view": views,
        "length": tuple(LENGTHS),
        "audience": tuple(AUDIENCES),
        "tone": TONES,
        "quotes": (HELD, FREE),
        "evidence": (NOT_TOLD,),
    }


def build_instruction(options: Mapping[str, Any], views: tuple[str, ...]) -> str:
    """Combine the chosen options into one line; `quotes_held` and `evidence_told` handle the remaining ones.

    The teaching backbone has been trained on views, lengths and audiences only; tone, language and free text need a
    more capable backbone.

    Args:
        options: some of `FIELDS`, each a string; an empty or missing option has no effect.
        views: attribute names of the catalogue.

    Raises:
        DataError: a field or choice is unknown, or a text is too long.
    """
    given = {name: _text(name, value) for name, value in options.items()}
    unknown = set(given) - set(FIELDS)
    if unknown:
        raise DataError(f"Unknown option {sorted(unknown)[0]!r}. Known: {', '.join(FIELDS)}.")
    for name, known in option_choices(views).items():
        if given.get(name) and given[name] not in known:
            raise DataError(f"The option {name} must be one of {', '.join(known)}, not {given[name]!r}.")
    control = Control(given.get("view") or None, given.get("length") or "normal", given.get("audience") or "anyone")
    parts = [control.wording()]
    parts += [f"Write in a {given['tone']} tone."] if given.get("tone") else []
    parts += [f"Answer in {given['language']}."] if given.get("language") else []
    return " ".join(filter(None, [*parts, given.get("free", "")]))


def quotes_held(options: Mapping[str, Any], by_default: bool) -> bool:
    """Whether an explanation may only quote titles of the history and the item in question."""
    return options.get("quotes") == HELD or (by_default and options.get("quotes") != FREE)


def evidence_told(options: Mapping[str, Any]) -> bool:
    """Whether a model that can verbalise measured causes is given them, which is the default."""
    return options.get("evidence") != NOT_TOLD


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise DataError(f"The option {name!r} must be a string, not {type(value).__name__}.")
    if len(value) > MAX_LETTERS:
        raise DataError(f"The option {name!r} has {len(value)} characters; at most {MAX_LETTERS} are allowed.")
    return " ".join(value.split())
