"""The state of the playground's form as a code for links or as a file; standard library only."""

import base64
import binascii
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from recx.errors import DataError

FORMAT = 1
MAX_LETTERS = 200_000  # size of a decompressed state
_FIELDS = {"run": str, "history": list, "item": str, "wish": dict, "models": list}


def make_state(
    run: str, history: Sequence[str], item: str, options: Mapping[str, str], models: Sequence[str]
) -> dict[str, Any]:
    """Build the state of a form, with labels instead of indices so that other runs of the data set can open it."""
    return {
        "format": FORMAT,
        "run": run,
        "history": list(history),
        "item": item,
        "wish": {k: v for k, v in options.items() if v},
        "models": list(models),
    }


def encode_state(state: Mapping[str, Any]) -> str:
    """Encode a state as a URL-safe string."""
    raw = zlib.compress(json.dumps(state, separators=(",", ":")).encode(), 9)
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode_state(letters: str) -> dict[str, Any]:
    """Decode a state from a link.

    Raises:
        DataError: it is not a valid state, or too large.
    """
    try:
        raw = base64.b64decode(letters + "=" * (-len(letters) % 4), altchars=b"-_", validate=True)
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(raw, MAX_LETTERS)
        if unpacker.unconsumed_tail:
            raise ValueError("it is too large")
        return validate_state(json.loads(text))
    except (ValueError, binascii.Error, zlib.error, RecursionError) as error:
        raise DataError(f"The link does not contain a playground state ({error}).") from error


def validate_state(value: Any) -> dict[str, Any]:
    """Validate an external state and keep only its known fields.

    Args:
        value: a state, or an exported conversation that contains one.

    Raises:
        DataError: it is not a valid state; the message says what is wrong.
    """
    if isinstance(value, dict) and isinstance(value.get("state"), dict):
        value = value["state"]
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise DataError(f'This is not a playground state: expected a JSON object with "format": {FORMAT}.')
    for name, kind in _FIELDS.items():
        if not isinstance(value.get(name), kind):
            raise DataError(f"The state's field {name!r} is missing or has the wrong type.")
    texts = [*value["history"], *value["models"], *value["wish"], *value["wish"].values()]
    if not all(isinstance(t, str) for t in texts) or len(texts) > 1000:
        raise DataError("The state's lists may only contain strings, at most a thousand in total.")
    return {"format": FORMAT} | {name: _whole_letters(value[name]) for name in _FIELDS}


def _whole_letters(value: Any) -> Any:
    """The same texts with halves of characters, which no file or page can hold, replaced."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_whole_letters(part) for part in value]
    return {_whole_letters(k): _whole_letters(v) for k, v in value.items()} if isinstance(value, dict) else value
