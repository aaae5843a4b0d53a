"""The effects that relation tokens are made from: computed from the target's vectors, not measured."""

from collections.abc import Sequence

import torch

from recx.data.item_lookup import Item
from recx.explaining.aligned import AlignedExplainer
from recx.recommenders.devices import encode_users
from recx.recommenders.protocol import pad_histories


@torch.inference_mode()
def predicted_effects(explainer: AlignedExplainer, history: Sequence[Item], item: Item) -> dict[int, float] | None:
    """The effects that the relation tokens' encoder predicts; None for a model without such tokens.

    Returns:
        Each item of the history that the target reads -> its effect on the target's log-probability of `item`, in nats.
    """
    relations = explainer.model.entities.relations if explainer.reads_vectors else None
    if relations is None:
        return None
    shown, table = explainer.history(history)[-explainer.max_history :], explainer.model.entities.items
    user = encode_users(explainer.target, pad_histories([shown], explainer.max_history)).to(table)
    vectors, real = table[shown][None], torch.ones(1, len(shown), dtype=torch.bool, device=table.device)
    _, effects, _ = relations(vectors, real, table[[explainer.find(item)]], user)
    return dict(zip(shown.tolist(), effects[0].tolist(), strict=True))
