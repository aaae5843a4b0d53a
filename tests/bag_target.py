"""A target with known effects: its scores are sums, over the items of a history, of rows of a fixed random table."""

import numpy as np
import torch

from recx.attribution.removal import ValueFunction
from recx.evaluation.pair_effects import PairEffects
from recx.recommenders.item_rank import item_ranks


class Bag:
    length = 10

    def __init__(self, items=120, seed=0):
        self.table = torch.randn(items + 1, items + 1, generator=torch.Generator().manual_seed(seed))
        self.table[0] = 0

    def score(self, histories):
        return self.table[histories].sum(1)


class Sums:
    """The value of a part of a history is the item's score."""

    length = Bag.length
    players = ValueFunction.players

    def __init__(self, target):
        self.target = target

    def __call__(self, history, kept, items):
        players = np.array(list(dict.fromkeys(history.tolist())))
        return kept @ self.target.table[players][:, list(items)].double().numpy()


def bag_pairs(count, target, sizes=(4, 9)):
    """Pairs that the target likes or dislikes, with histories of `sizes[0]` to `sizes[1] - 1` items."""
    rng, out, items = np.random.default_rng(0), [], len(target.table) - 1
    while len(out) < count:
        history = rng.permutation(np.arange(1, items + 1))[: rng.integers(*sizes)]
        item = int(rng.choice(np.setdiff1d(np.arange(1, items + 1), history)))
        decision = item_ranks(target, [history], item, target.length)[0].decision
        if decision != "between":
            out.append(PairEffects(Sums(target), history, item, decision == "yes"))
    return out
