"""The tokens of one encoded row in readable form: what the model reads, and what the loss counts."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from transformers import PreTrainedTokenizerBase

from recx.prompts.entity_ids import EntityIds
from recx.prompts.tokens import IGNORED


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
        `counted`, whether the token belongs to an answer and so to the loss.
    """
    ids = row["input_ids"].tolist()
    kinds = [entity_ids.kind(i) or "text" for i in ids]
    texts = [tokenizer.decode([i]) if kind == "text" else kind for i, kind in zip(ids, kinds, strict=True)]
    return pd.DataFrame({"text": texts, "kind": kinds, "counted": row["labels"] != IGNORED})
