"""What a person may ask of an explanation, put into one line of instruction."""

from collections.abc import Mapping
from typing import Any

from recx.errors import DataError
from recx.prompts.controls import AUDIENCES, LENGTHS, Control

TONES = ("friendly", "matter-of-fact", "enthusiastic", "critical")
HELD = "held to the history"
LONGEST = 300
FIELDS = ("view", "length", "audience", "tone", "language", "free", "quotes")


def instruction(wish: Mapping[str, Any], views: tuple[str, ...]) -> str:
    """One line from what was chosen and typed.

    How quotes are to be is no part of it: `quotes_held` reads that.

    Views, lengths and audiences are what the teaching backbone has been taught; tone, language and free words are
    for backbones that know more.

    Args:
        wish: some of `FIELDS`, each a text; empty or missing for no wish.
        views: attribute columns of the catalogue.

    Raises:
        DataError: an unknown field or choice, or a text that is too long.
    """
    told = {name: _text(name, value) for name, value in wish.items()}
    unknown = set(told) - set(FIELDS)
    if unknown:
        raise DataError(f"Unknown wish {sorted(unknown)[0]!r}; known are {', '.join(FIELDS)}.")
    choices = {"view": views, "length": tuple(LENGTHS), "audience": tuple(AUDIENCES), "tone": TONES, "quotes": (HELD,)}
    for name, known in choices.items():
        if told.get(name) and told[name] not in known:
            raise DataError(f"The {name} {told[name]!r} is none of {', '.join(known)}.")
    control = Control(told.get("view") or None, told.get("length") or "normal", told.get("audience") or "anyone")
    parts = [control.wording()]
    parts += [f"Write in a {told['tone']} tone."] if told.get("tone") else []
    parts += [f"Answer in {told['language']}."] if told.get("language") else []
    return " ".join(filter(None, [*parts, told.get("free", "")]))


def quotes_held(wish: Mapping[str, Any]) -> bool:
    """Whether an explanation may quote no title but those of the history and the item asked about."""
    return wish.get("quotes") == HELD


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise DataError(f"The wish {name!r} is a text, not {type(value).__name__}.")
    if len(value) > LONGEST:
        raise DataError(f"The wish {name!r} has {len(value)} letters; at most {LONGEST} are read.")
    return " ".join(value.split())
