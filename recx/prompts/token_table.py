"""The tokens of one encoded row in readable form: what the model reads, and what the loss counts."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from transformers import PreTrainedTokenizerBase

from recx.prompts.tokens import IGNORED

_ENTITIES = ("item", "relation", "user")  # in the order of their ids, see `PromptEncoder.entity`


def token_table(
    row: Mapping[str, np.ndarray], tokenizer: PreTrainedTokenizerBase, vocabulary: int, n_items: int
) -> pd.DataFrame:
    """Tabulate the tokens of a row.

    Args:
        row: `input_ids` and `labels`, as `EncodedRows` gives them.
        tokenizer: tokenizer of the backbone.
        vocabulary: number of rows of the backbone's input embedding; ids from there on stand for vectors.
        n_items: number of item vectors, the padding's included.

    Returns:
        One row per token: `text` (for a vector its kind), `kind` ("text", "user", "item" or "relation") and `counted`,
        whether the token belongs to an answer and so to the loss.
    """
    ids = row["input_ids"].tolist()
    kinds = ["text" if i < vocabulary else _ENTITIES[min(2, (i - vocabulary) // n_items)] for i in ids]
    texts = [tokenizer.decode([i]) if kind == "text" else kind for i, kind in zip(ids, kinds, strict=True)]
    return pd.DataFrame({"text": texts, "kind": kinds, "counted": row["labels"] != IGNORED})
