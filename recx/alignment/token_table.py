"""The tokens of one training row in readable form: what the model reads, and what the loss counts."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from transformers import PreTrainedTokenizerBase

from recx.models.aligned_model import AlignedModel
from recx.prompts.tokens import IGNORED

KINDS = ("item", "relation", "user")  # in the order of their ids above the vocabulary


def token_table(row: Mapping[str, np.ndarray], tokenizer: PreTrainedTokenizerBase, model: AlignedModel) -> pd.DataFrame:
    """Tabulate the tokens of a row.

    Args:
        row: `input_ids` and `labels`, as `EncodedRows` gives them.
        tokenizer: tokenizer of the backbone.
        model: the model that reads the row; it knows which ids stand for vectors.

    Returns:
        One row per token: `text` (for a vector its kind), `kind` ("text", "user", "item" or "relation") and `counted`,
        whether the token belongs to an answer and so to the loss.
    """
    vocabulary = model.backbone.get_input_embeddings().weight.shape[0]
    size = 1 if model.entities is None else len(model.entities.items)
    ids = row["input_ids"].tolist()
    kinds = ["text" if i < vocabulary else KINDS[min(2, (i - vocabulary) // size)] for i in ids]
    texts = [tokenizer.decode([i]) if kind == "text" else kind for i, kind in zip(ids, kinds, strict=True)]
    return pd.DataFrame({"text": texts, "kind": kinds, "counted": row["labels"] != IGNORED})
