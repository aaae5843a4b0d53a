"""General conversations for task 5, read from Alpaca and ShareGPT JSON."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recx.data.packed_files import read_bytes
from recx.errors import DataError

_HUMAN = {"human", "user"}
_MODEL = {"gpt", "assistant", "model", "chatgpt"}


@dataclass(frozen=True)
class Conversation:
    """Alternating turns of a person and the model, starting with the person; an even number of texts."""

    turns: tuple[str, ...]


def read_conversations(path: Path) -> list[Conversation]:
    """Read a `.json` or `.json.gz` list of Alpaca or ShareGPT rows, which may be mixed.

    Rows in which a turn is empty or the roles do not alternate are left out, which a note says.

    Raises:
        DataError: the file is not a JSON list, a row has neither form, or none is left.
    """
    raw = read_bytes(path)
    try:
        rows = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({error}).") from error
    if not isinstance(rows, list):
        raise DataError(f"{path}: expected a JSON list of rows, found {type(rows).__name__}.")
    read = [_turns(row, f"{path}, row {n}") for n, row in enumerate(rows, 1)]
    kept = [Conversation(turns) for turns in read if turns]
    why = "because a turn is empty, or the roles do not alternate, beginning with the person"
    if not kept:
        raise DataError(f"{path}: none of the {len(read):,} conversations can be used, {why}.")
    if len(kept) < len(read):
        print(
            f"Note: {path}: {len(read) - len(kept):,} of {len(read):,} conversations are left out, {why}.", flush=True
        )
    return kept


def read_folder(folder: Path) -> list[Conversation]:
    """Read every `.json` and `.json.gz` file in a folder, in alphabetical order."""
    files = sorted(p for p in folder.iterdir() if p.name.endswith((".json", ".json.gz")))
    if not files:
        raise DataError(f"{folder}: the folder has no .json or .json.gz file with conversations.")
    return [conversation for path in files for conversation in read_conversations(path)]


def _turns(row: Any, where: str) -> tuple[str, ...]:
    if isinstance(row, dict) and isinstance(row.get("conversations"), list):
        turns, person = [], True
        for message in row["conversations"]:
            if not isinstance(message, dict) or not isinstance(message.get("value"), str):
                raise DataError(f"{where}: each ShareGPT message needs 'from' and a text 'value'.")
            role = str(message.get("from", "")).lower()
            if role == "system":
                continue
            if role not in (_HUMAN if person else _MODEL):
                return ()
            turns.append(message["value"].strip())
            person = not person
        turns = turns[: len(turns) // 2 * 2]
        return tuple(turns) if all(turns) else ()
    if isinstance(row, dict) and isinstance(row.get("instruction"), str) and isinstance(row.get("output"), str):
        pairs, given = row.get("history") or [], row.get("input") or ""
        are_pairs = isinstance(pairs, list) and all(
            isinstance(p, list) and list(map(type, p)) == [str, str] for p in pairs
        )
        if not are_pairs or not isinstance(given, str):
            raise DataError(f"{where}: 'input' must be a text and 'history' a list of pairs of texts.")
        earlier = [text for pair in pairs for text in pair]
        asked = "\n".join(t for t in (row["instruction"].strip(), given.strip()) if t)
        turns = [*earlier, asked, row["output"].strip()]
        return tuple(turns) if all(turns) else ()
    raise DataError(f"{where}: expected Alpaca keys (instruction, input, output) or a ShareGPT 'conversations' list.")
