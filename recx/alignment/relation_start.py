"""Starting the relation tokens: their encoder learns the measured effects by regression.

Trained with the language model alone it learns them slowly (measured, see LOG.md).
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm.auto import tqdm

from recx.attribution.effect_labels import EffectLabels
from recx.models.relations import RelationEncoder

BATCH = 256
EPOCHS = 12
RATE = 2e-3
HELD_OUT = 0.05


def fit_relations(
    encoder: RelationEncoder,
    labels: EffectLabels,
    users: Tensor,
    items: Tensor,
    seed: int = 0,
    epochs: int = EPOCHS,
    show_progress: bool = True,
) -> float:
    """Fit `encoder.effects` to measured effects, by squared error.

    Args:
        encoder: fitted in place.
        labels: effects of K pairs.
        users: (H, d) the target's vectors of the histories that `labels.rows` name.
        items: (N + 1, d) the target's item vectors.
        seed: of the order, and of the pairs that are held out.
        epochs: passes over the pairs.
        show_progress: show a bar.

    Returns:
        The share of the effects' variance that is explained on pairs of histories held out (R2).
    """
    device = items.device
    shown, wanted = torch.from_numpy(labels.shown), torch.from_numpy(labels.effects)
    real, whose, asked = shown > 0, torch.from_numpy(labels.rows), torch.from_numpy(labels.items)
    draws = np.random.default_rng(seed)
    rows = draws.permutation(np.unique(labels.rows))
    held = np.isin(labels.rows, rows[: max(1, int(HELD_OUT * len(rows)))])
    train, test = torch.from_numpy(np.flatnonzero(~held)), torch.from_numpy(np.flatnonzero(held))
    optimizer = torch.optim.AdamW(encoder.parameters(), RATE, weight_decay=0.05)
    steps = max(1, epochs * -(-len(train) // BATCH))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps, pct_start=0.1)

    def batch(chosen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        inputs = items[shown[chosen].to(device)], real[chosen].to(device), items[asked[chosen].to(device)]
        return encoder.effects(*inputs, users[whose[chosen]].to(device)), wanted[chosen].to(device), inputs[1]

    encoder.train()
    with tqdm(total=steps, desc="relations", disable=not show_progress, leave=False) as bar:
        for _ in range(epochs):
            for chosen in train[torch.from_numpy(draws.permutation(len(train)))].split(BATCH):
                said, true, known = batch(chosen)
                loss = functional.mse_loss(said[known], true[known])
                optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
                optimizer.step()
                schedule.step()
                bar.update()
    encoder.eval()
    with torch.inference_mode():
        said, true, known = batch(test)
    return float(1 - (said - true)[known].square().mean() / true[known].var())
