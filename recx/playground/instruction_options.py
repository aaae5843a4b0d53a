"""What a person may choose or type about an explanation, as one line of instruction."""

from collections.abc import Mapping
from typing import Any

from recx.errors import DataError
from recx.prompts.controls import AUDIENCES, LENGTHS, Control

TONES = ("friendly", "matter-of-fact", "enthusiastic", "critical")
HELD = "held to the history"
MAX_LETTERS = 300
NOT_TOLD = "found by the model itself"
FIELDS = ("view", "length", "audience", "tone", "language", "free", "quotes", "evidence")


def option_choices(views: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """The choices of those options that are no free text; `views` are attribute columns of the catalogue."""
    return {
        "view": views,
        "length": tuple(LENGTHS),
        "audience": tuple(AUDIENCES),
        "tone": TONES,
        "quotes": (HELD,),
        "evidence": (NOT_TOLD,),
    }


def build_instruction(options: Mapping[str, Any], views: tuple[str, ...]) -> str:
    """One line from what was chosen and typed; `quotes_held` and `evidence_told` read the rest.

    Views, lengths and audiences are what the teaching backbone has been taught; tone, language and free words are
    for backbones that know more.

    Args:
        options: some of `FIELDS`, each a text; empty or missing where nothing is asked for.
        views: attribute columns of the catalogue.

    Raises:
        DataError: an unknown field or choice, or a text that is too long.
    """
    given = {name: _text(name, value) for name, value in options.items()}
    unknown = set(given) - set(FIELDS)
    if unknown:
        raise DataError(f"Unknown wish {sorted(unknown)[0]!r}; known are {', '.join(FIELDS)}.")
    for name, known in option_choices(views).items():
        if given.get(name) and given[name] not in known:
            raise DataError(f"The {name} {given[name]!r} is none of {', '.join(known)}.")
    control = Control(given.get("view") or None, given.get("length") or "normal", given.get("audience") or "anyone")
    parts = [control.wording()]
    parts += [f"Write in a {given['tone']} tone."] if given.get("tone") else []
    parts += [f"Answer in {given['language']}."] if given.get("language") else []
    return " ".join(filter(None, [*parts, given.get("free", "")]))


def quotes_held(options: Mapping[str, Any]) -> bool:
    """Whether an explanation may quote no title but those of the history and the item asked about."""
    return options.get("quotes") == HELD


def evidence_told(options: Mapping[str, Any]) -> bool:
    """Whether a model that can put measured causes into words is told them; it is by default."""
    return options.get("evidence") != NOT_TOLD


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise DataError(f"The wish {name!r} is a text, not {type(value).__name__}.")
    if len(value) > MAX_LETTERS:
        raise DataError(f"The wish {name!r} has {len(value)} letters; at most {MAX_LETTERS} are read.")
    return " ".join(value.split())
