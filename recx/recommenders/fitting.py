"""Training SASRec: full softmax at every position, early stop on validation NDCG@10."""

import copy
import time
from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional
from tqdm.auto import tqdm

from recx.data.split import Split
from recx.recommenders.protocol import pad_histories
from recx.recommenders.ranking import rank
from recx.recommenders.sasrec import SASRec
from recx.settings import TargetSettings


def windows(sequences: Sequence[np.ndarray], length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cut sequences into inputs (R, length) and next items (R, length), left-padded; each item is a target once."""
    rows = []
    for sequence in sequences:
        end = len(sequence)
        while end > 1:
            rows.append(sequence[max(0, end - length - 1) : end])
            end -= length
    padded = pad_histories(rows, length + 1)
    return padded[:, :-1], padded[:, 1:]


def fit_sasrec(
    split: Split, items: int, settings: TargetSettings, show_progress: bool = True
) -> tuple[SASRec, list[dict[str, float]]]:
    """Train on all but the last two items of each user; the last one but one decides when to stop.

    Args:
        split: leave-one-out.
        items: N.
        settings: how.
        show_progress: a bar over the epochs.

    Returns:
        The best epoch's model in eval mode, and for each epoch `epoch, loss, ndcg@10, top1_share, seconds`.
    """
    torch.manual_seed(settings.seed)
    order = torch.Generator().manual_seed(settings.seed)
    model = SASRec(items, settings.model)
    inputs, targets = windows(split.train, settings.model.length)
    optimizer = torch.optim.AdamW(model.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    curve: list[dict[str, float]] = []
    best: tuple[float, float, dict] | None = None
    waited, started = 0, time.monotonic()
    bar = tqdm(range(1, settings.epochs + 1), desc="SASRec epochs", disable=not show_progress)
    for epoch in bar:
        loss = _epoch(model, optimizer, inputs, targets, settings.batch_size, order)
        ranked = rank(model, split.train, split.validation, settings.model.length)
        ndcg, share = float(ranked.ndcg(10).mean()), ranked.top1_share()
        seconds = time.monotonic() - started
        curve.append({"epoch": epoch, "loss": loss, "ndcg@10": ndcg, "top1_share": share, "seconds": seconds})
        bar.set_postfix(loss=f"{loss:.2f}", ndcg=f"{ndcg:.4f}")
        better = best is None or ndcg > best[0]
        tied = best is not None and ndcg > (1 - settings.tie) * best[0] and share < best[1]
        if better or tied:
            best = (max(ndcg, best[0]) if best else ndcg, share, copy.deepcopy(model.state_dict()))
        waited = 0 if better else waited + 1
        if waited >= settings.patience:
            break
    model.load_state_dict(best[2])
    return model.eval(), curve


def _epoch(
    model: SASRec,
    optimizer: torch.optim.Optimizer,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    batch_size: int,
    order: torch.Generator,
) -> float:
    model.train()
    total, count = 0.0, 0
    for rows in torch.randperm(len(inputs), generator=order).split(batch_size):
        wanted = targets[rows]
        # Positions whose input is padding have no history to predict from.
        learnt = (wanted > 0) & (inputs[rows] > 0)
        if not learnt.any():
            continue
        logits = model.states(inputs[rows])[learnt] @ model.item_vectors()[1:].T
        loss = functional.cross_entropy(logits, wanted[learnt] - 1)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        total += loss.item() * int(learnt.sum())
        count += int(learnt.sum())
    model.eval()
    return total / max(count, 1)
