"""An encoded row as a reader sees it: the text of each token, what it stands for, and whether the loss counts it."""

import pandas as pd

from recx.prompts.tokens import EncodedRows, PromptEncoder

_ENTITIES = ("item", "relation", "user")  # in the order of their ids, see `PromptEncoder.entity`


def tokens_shown(encoder: PromptEncoder, rows: EncodedRows, row: int = 0) -> pd.DataFrame:
    """The tokens of one row, in order.

    Args:
        encoder: the encoder that made the rows.
        rows: encoded rows.
        row: which of them.

    Returns:
        Columns `text` (empty for a vector), `kind` (text, item, relation or user) and `counted` (whether the loss
        counts the token).
    """
    own, shown = slice(rows.offsets[row], rows.offsets[row + 1]), []
    for token, counted in zip(rows.ids[own].tolist(), rows.answer_mask[own].tolist(), strict=True):
        place = token - encoder.vocabulary
        if place < 0:
            shown.append((encoder.tokenizer.decode([token]), "text", counted))
        else:
            shown.append(("", _ENTITIES[min(place // encoder.n_items, 2)], counted))
    return pd.DataFrame(shown, columns=["text", "kind", "counted"])
