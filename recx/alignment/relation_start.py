"""Initialisation of the relation tokens: their encoder learns the measured effects by regression.

When trained only together with the language model, it learns them slowly (measured, see docs/decisions/037).
"""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm.auto import tqdm

from recx.attribution.effect_labels import EffectLabels
from recx.models.relations import ROLES, RelationEncoder
from recx.prompts.evidence import evidence_of

BATCH = 256
READ_BATCH = 2048
EPOCHS = 2
RATE = 2e-3
HELD_OUT = 0.05
ROLE_WEIGHT = 0.2
NONE = -100


def fit_relations(
    encoder: RelationEncoder,
    labels: EffectLabels,
    users: Tensor,
    items: Tensor,
    seed: int = 0,
    epochs: int = EPOCHS,
    show_progress: bool = True,
) -> tuple[float, float]:
    """Fit the encoder to measured effects: sizes with squared error, roles of items with cross-entropy.

    Args:
        encoder: fitted in place.
        labels: effects of K pairs.
        users: (H, d) the target's vectors of the histories that `labels.rows` refers to.
        items: (N + 1, d) the target's item vectors.
        seed: random seed of the order and of the held-out pairs.
        epochs: passes over the pairs.
        show_progress: show a bar.

    Returns:
        On pairs from held-out histories: the explained fraction of the effects' variance (R2), and how often the
        strongest cause is found; on the training pairs if there is only one history.
    """
    device = next(encoder.parameters()).device
    items, users = items.to(device), users.to(device)
    shown, wanted = torch.from_numpy(labels.shown), torch.from_numpy(labels.effects)
    real, whose, asked = shown > 0, torch.from_numpy(labels.rows), torch.from_numpy(labels.items)
    draws = np.random.default_rng(seed)
    rows = draws.permutation(np.unique(labels.rows))
    held = np.isin(labels.rows, rows[: max(1, int(HELD_OUT * len(rows)))])
    learnt = ~held if not held.all() else held  # a single history is used for training
    train, test = torch.from_numpy(np.flatnonzero(learnt)), torch.from_numpy(np.flatnonzero(held))
    optimizer = torch.optim.AdamW(encoder.parameters(), RATE, weight_decay=0.05)
    steps = max(1, epochs * -(-len(train) // BATCH))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps, pct_start=0.1)

    roles = torch.from_numpy(role_places(labels))

    def read(chosen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        inputs = items[shown[chosen].to(device)], real[chosen].to(device), items[asked[chosen].to(device)]
        return encoder(*inputs, users[whose[chosen].to(device)])

    encoder.requires_grad_(True).train()
    with tqdm(total=steps, desc="relations", disable=not show_progress, leave=False) as bar:
        for _ in range(epochs):
            for chosen in train[torch.from_numpy(draws.permutation(len(train)))].split(BATCH):
                _, said, role = read(chosen)
                known = real[chosen].to(device)
                loss = functional.mse_loss(said[known], wanted[chosen].to(device)[known])
                loss = loss + ROLE_WEIGHT * functional.cross_entropy(role, roles[chosen].to(device), ignore_index=NONE)
                optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
                optimizer.step()
                schedule.step()
                bar.update()
    encoder.requires_grad_(False).eval()
    with torch.inference_mode():
        _, said, role = (x.cpu() for x in read(test))
    true, known = wanted[test], real[test]
    first = (role[..., 0].argmax(1) == roles[test][:, 0]).float().mean()
    return float(1 - (said - true)[known].square().mean() / true[known].var()), float(first)


@torch.inference_mode()
def predict_effects(encoder: RelationEncoder, labels: EffectLabels, users: Tensor, items: Tensor) -> EffectLabels:
    """The labels as the relation tokens show them: the effects that the fitted encoder predicts for the same pairs.

    Texts about these effects say what the tokens of their prompts say, so that a language model learns to trust the
    tokens. Texts about the measured effects contradict the tokens wherever the encoder errs (docs/decisions/099).

    Args:
        encoder: fitted.
        labels: measured effects of K pairs.
        users: (H, d) the target's vectors of the histories that `labels.rows` refers to.
        items: (N + 1, d) the target's item vectors.

    Returns:
        The same pairs and decisions; without the first cause, the place of an item is unknown (NaN).
    """
    device, parts = next(encoder.parameters()).device, []
    items, users = items.to(device), users.to(device)
    for chosen in torch.arange(len(labels)).split(READ_BATCH):
        shown = torch.from_numpy(labels.shown)[chosen].to(device)
        whose, asked = (torch.from_numpy(x)[chosen].to(device) for x in (labels.rows, labels.items))
        _, effects, _ = encoder(items[shown], shown > 0, items[asked], users[whose])
        parts.append(effects.masked_fill(shown == 0, 0.0).float().cpu().numpy())
    return replace(labels, effects=np.concatenate(parts), shares_without=np.full_like(labels.shares_without, np.nan))


def role_places(labels: EffectLabels) -> np.ndarray:
    """The position (K, ROLES) of the item with each role in the shown history; `NONE` if no item has it.

    Causes support the target's decision; for a disliked item, they lower its score. An item at several positions is
    represented by its last one.
    """
    out = np.full((len(labels), len(ROLES)), NONE)
    for k, (shown, effects) in enumerate(zip(labels.shown, labels.effects, strict=True)):
        last = {int(item): place for place, item in enumerate(shown) if item}
        players = np.array(list(last))
        evidence = evidence_of(
            players, effects[list(last.values())], labels.items[k], labels.liked[k], labels.shares_below[k]
        )
        causes = [last[item] for item in evidence.causes[: len(ROLES) - 1]]
        out[k, : len(causes)] = causes
        if evidence.effects[-1] < 0:
            out[k, -1] = last[evidence.causes[-1]]
    return out
