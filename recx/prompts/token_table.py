"""The tokens of one encoded row in readable form: what the model reads, and what the loss counts."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from transformers import PreTrainedTokenizerBase

from recx.prompts.entity_ids import EntityIds
from recx.prompts.tokens import IGNORED

_PART, _MOST = "\ufffd", 8  # what part of a character is decoded as, and the most tokens that are tried together


def token_table(
    row: Mapping[str, np.ndarray], tokenizer: PreTrainedTokenizerBase, entity_ids: EntityIds
) -> pd.DataFrame:
    """Tabulate the tokens of a row.

    Args:
        row: `input_ids` and `labels`, as `EncodedRows` gives them.
        tokenizer: tokenizer of the backbone.
        entity_ids: which ids stand for vectors.

    Returns:
        One row per token: `text` (for a vector its kind), `kind` ("text", "user", "item", "relation" or "told") and
        `counted`, whether the token belongs to an answer and so to the loss. Tokens that are parts of one character, as
        in scripts that the tokenizer was not made for, share a row.
    """
    ids, counted = row["input_ids"].tolist(), (row["labels"] != IGNORED).tolist()
    kinds = [entity_ids.kind(i) or "text" for i in ids]
    rows: list[tuple[str, str, bool]] = []
    place = 0
    while place < len(ids):
        alike = (n for n in range(place, len(ids)) if (kinds[n], counted[n]) != (kinds[place], counted[place]))
        end = min(next(alike, len(ids)), place + _MOST)
        size, text = _character(ids[place:end], tokenizer) if kinds[place] == "text" else (1, kinds[place])
        rows.append((text, kinds[place], counted[place]))
        place += size
    return pd.DataFrame(rows, columns=["text", "kind", "counted"])


def _character(ids: Sequence[int], tokenizer: PreTrainedTokenizerBase) -> tuple[int, str]:
    """How many of some tokens are needed for whole characters, and these; the first token alone if all are too few."""
    for size in range(1, len(ids) + 1):
        text = tokenizer.decode(ids[:size])
        if _PART not in text:
            return size, text
    return 1, tokenizer.decode(ids[:1])
