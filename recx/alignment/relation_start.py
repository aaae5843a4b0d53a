"""Fitting the encoder of the relation tokens to measured effects, before the language model is trained.

Afterwards it stays as it is. An earlier encoder that was trained together with the language model learnt them slowly
(docs/decisions/037).
"""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from tqdm.auto import tqdm

from recx.attribution.effect_labels import EffectLabels
from recx.models.relations import RelationEncoder

BATCH = 64  # histories, each with all items that it was measured with
READ_BATCH = 2048
EPOCHS = 60
RATE = 2e-3
HELD_OUT = 0.05


def fit_relations(
    encoder: RelationEncoder,
    labels: EffectLabels,
    users: Tensor,
    items: Tensor,
    people: np.ndarray | None = None,
    seed: int = 0,
    epochs: int = EPOCHS,
    show_progress: bool = True,
) -> tuple[float, float]:
    """Fit the encoder to measured effects, with squared error.

    Args:
        encoder: fitted in place.
        labels: effects of K pairs.
        users: (H, d) the target's vectors of the histories that `labels.rows` refers to.
        items: (N + 1, d) the target's item vectors.
        people: (H,) person of each history, since the histories of one person resemble each other; by default, every
            history belongs to a different person.
        seed: random seed of the order and of the held-out people.
        epochs: passes over the histories.
        show_progress: show a bar.

    Returns:
        On pairs of held-out people: the explained fraction of the effects' variance (R2), and how often the strongest
        cause is found; on the training pairs if there is only one person.
    """
    device = next(encoder.parameters()).device
    items, users = items.to(device), users.to(device)
    shown, wanted, asked, whose = (
        torch.from_numpy(x) for x in (labels.shown, labels.effects, labels.items, labels.rows)
    )
    draws = np.random.default_rng(seed)
    rows, by_history = map(list, zip(*_pairs_by_history(labels).items(), strict=True))
    persons, of = np.unique(np.asarray(rows if people is None else people[rows]), return_inverse=True)
    held = np.isin(of, draws.permutation(len(persons))[: max(1, int(HELD_OUT * len(persons)))])
    train = np.flatnonzero(~held) if len(persons) > 1 else np.flatnonzero(held)
    optimizer = torch.optim.AdamW(encoder.parameters(), RATE, weight_decay=0.05)
    steps = max(1, epochs * -(-len(train) // BATCH))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps, pct_start=0.1)

    def squared_error(chosen: np.ndarray) -> Tensor:
        pairs = [by_history[n] for n in chosen]
        first = torch.tensor([p[0] for p in pairs])
        history, user = shown[first].to(device), users[whose[first].to(device)]
        items_of = pad_sequence([asked[p] for p in pairs], batch_first=True).to(device)
        measured = pad_sequence([wanted[p] for p in pairs], batch_first=True).to(device)
        said = encoder.effects(encoder(history, items, user), items[items_of])
        known = (items_of > 0)[..., None] & (history > 0)[:, None]
        return (said - measured)[known].square().mean()

    encoder.requires_grad_(True).train()
    with tqdm(total=steps, desc="relations", disable=not show_progress, leave=False) as bar:
        for _ in range(epochs):
            order = draws.permutation(train)
            for start in range(0, len(order), BATCH):
                loss = squared_error(order[start : start + BATCH])
                optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
                optimizer.step()
                schedule.step()
                bar.update()
    encoder.requires_grad_(False).eval()
    tested = np.concatenate([by_history[n] for n in np.flatnonzero(held)])
    return _explained(labels.of(tested), predict_effects(encoder, labels.of(tested), users, items))


def _pairs_by_history(labels: EffectLabels) -> dict[int, np.ndarray]:
    """The indices of the pairs of each history, by its row."""
    order = np.argsort(labels.rows, kind="stable")
    rows, starts = np.unique(labels.rows[order], return_index=True)
    return dict(zip(rows.tolist(), np.split(order, starts[1:]), strict=True))


def _explained(measured: EffectLabels, predicted: EffectLabels) -> tuple[float, float]:
    """R2 of the predicted effects, and how often the strongest cause of the decision is the predicted one."""
    real, sign = measured.shown > 0, np.where(measured.liked, 1.0, -1.0)[:, None]
    error = np.square(predicted.effects - measured.effects)[real].mean()
    true, said = (np.where(real, sign * e.effects, -np.inf).argmax(1) for e in (measured, predicted))
    rows = np.arange(len(measured))
    found = measured.shown[rows, true] == measured.shown[rows, said]
    return float(1 - error / measured.effects[real].var()), float(found.mean())


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
        slopes = encoder(shown, items, users[whose])
        effects = encoder.effects(slopes, items[asked][:, None])[:, 0].masked_fill(shown == 0, 0.0)
        parts.append(effects.float().cpu().numpy())
    return replace(labels, effects=np.concatenate(parts), shares_without=np.full_like(labels.shares_without, np.nan))
