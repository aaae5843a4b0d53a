"""What the playground's form holds, as letters for a link or as a file; standard library only."""

import base64
import binascii
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from recx.errors import DataError

FORMAT = 1
MAX_LETTERS = 200_000  # of an unpacked state
_FIELDS = {"run": str, "history": list, "item": str, "wish": dict, "models": list}


def make_state(
    run: str, history: Sequence[str], item: str, options: Mapping[str, str], models: Sequence[str]
) -> dict[str, Any]:
    """What a form holds: labels rather than numbers, so that another run of the data set reads it too."""
    return {
        "format": FORMAT,
        "run": run,
        "history": list(history),
        "item": item,
        "wish": {k: v for k, v in options.items() if v},
        "models": list(models),
    }


def encode_state(state: Mapping[str, Any]) -> str:
    """A state as letters that may stand in a link."""
    raw = zlib.compress(json.dumps(state, separators=(",", ":")).encode(), 9)
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode_state(letters: str) -> dict[str, Any]:
    """A state from a link.

    Raises:
        DataError: it is none, or too large.
    """
    try:
        raw = base64.b64decode(letters + "=" * (-len(letters) % 4), altchars=b"-_", validate=True)
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(raw, MAX_LETTERS)
        if unpacker.unconsumed_tail:
            raise ValueError("it is too large")
        return validate_state(json.loads(text))
    except (ValueError, binascii.Error, zlib.error, RecursionError) as error:
        raise DataError(f"The link holds no state of a playground ({error}).") from error


def validate_state(value: Any) -> dict[str, Any]:
    """A state from outside, with no more than the known fields.

    Args:
        value: a state, or an exported conversation that holds one.

    Raises:
        DataError: it is none; the message says what is wrong.
    """
    if isinstance(value, dict) and isinstance(value.get("state"), dict):
        value = value["state"]
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise DataError(f'This is no state of a playground: a JSON object with "format": {FORMAT} was expected.')
    for name, kind in _FIELDS.items():
        if not isinstance(value.get(name), kind):
            raise DataError(f"The state's {name!r} is missing or of the wrong type.")
    texts = [*value["history"], *value["models"], *value["wish"], *value["wish"].values()]
    if not all(isinstance(t, str) for t in texts) or len(texts) > 1000:
        raise DataError("The state's lists hold texts only, at most a thousand.")
    return {"format": FORMAT} | {name: value[name] for name in _FIELDS}
