"""The effects that relation tokens are made from: computed from the target's vectors, not measured."""

from collections.abc import Sequence

import numpy as np
import torch

from recx.attribution.removal import ValueFunction
from recx.data.item_lookup import Item
from recx.errors import SettingsError
from recx.explaining.aligned import AlignedExplainer
from recx.explaining.measured import is_liked
from recx.prompts.evidence import Evidence, evidence_of
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
    slopes = relations(torch.as_tensor(shown, device=table.device)[None], table, user)
    effects = relations.effects(slopes, table[explainer.find(item)][None, None])
    return dict(zip(shown.tolist(), effects[0, 0].tolist(), strict=True))


def predicted_evidence(explainer: AlignedExplainer, value: ValueFunction, history: np.ndarray, item: int) -> Evidence:
    """Predict what `measure_evidence` measures: the target scores the whole history once, and no changed history.

    Causes and their effects are those that the relation tokens' encoder predicts. The item's place without the first
    cause stays unknown: predicted, it is seldom exact (docs/decisions/106).

    Args:
        explainer: explainer of a mode with relation tokens.
        value: value function of log-probabilities.
        history: item indices of the whole history, oldest first.
        item: the item in question.

    Raises:
        SettingsError: the model has no relation tokens.
    """
    effects = predicted_effects(explainer, history, item)
    if effects is None:
        raise SettingsError("Only a model with relation tokens (mode relation) predicts the effects of titles.")
    history, sizes = np.asarray(history, dtype=np.int64), np.array(list(effects.values()))
    values = value.full(history, np.arange(1, len(value.prior) + 1))
    below = float((np.delete(values, item - 1) < values[item - 1]).mean())
    return evidence_of(np.array(list(effects)), sizes, item, is_liked(value, history, item), below)
