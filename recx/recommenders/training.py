"""Target training: epochs with early stopping on validation NDCG@10, the same for every kind."""

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm.auto import tqdm

from recx.data.split import Split
from recx.errors import DataError, TrainingError
from recx.recommenders.devices import preferred_device
from recx.recommenders.lightgcn import LightGCN
from recx.recommenders.mf import MF
from recx.recommenders.protocol import pad_histories
from recx.recommenders.ranking import rank
from recx.recommenders.sasrec import SASRec
from recx.settings import TargetSettings

TrainingCurve = list[dict[str, float]]
Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
Vectors = tuple[torch.Tensor, ...]
POOL_BATCHES = 8


def sliding_windows(sequences: Sequence[np.ndarray], length: int, stride: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Cut sequences into inputs (R, length) and next items (R, length), left-padded; each item is a target once.

    Args:
        sequences: item sequences.
        length: window length.
        stride: offset between windows; 0 means the window length, so that they do not overlap. A target has at least
            length - stride + 1 items before it in its window, if the sequence has that many.

    Returns:
        Inputs and targets, 0 for padding and for targets covered by another window.
    """
    stride, rows, target_counts = stride or length, [], []
    for sequence in sequences:
        end = len(sequence)
        while end > 1:
            start = max(0, end - length - 1)
            rows.append(sequence[start:end])
            target_counts.append(stride if start else length)
            end = end - stride if start else 0
    padded = pad_histories(rows, length + 1)
    inputs, targets = padded[:, :-1], padded[:, 1:]
    elsewhere = torch.arange(length) < length - torch.tensor(target_counts, dtype=torch.long)[:, None]
    return inputs, targets.masked_fill(elsewhere | (inputs == 0), 0)


def fit_sasrec(
    split: Split, items: int, settings: TargetSettings, show_progress: bool = True
) -> tuple[SASRec, TrainingCurve]:
    """Train SASRec on all but the last two items of each user, with a full softmax at every position.

    Args:
        split: leave-one-out split.
        items: N.
        settings: training settings.
        show_progress: show a bar over the epochs.

    Returns:
        The best epoch's model in eval mode, on the GPU if there is one, and for each epoch `epoch, loss, ndcg@10,
        top1_share, seconds` and, excluding validation, `training_seconds`.
    """
    torch.manual_seed(settings.seed)
    device = preferred_device()
    model = SASRec(items, settings.model).to(device)
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(settings.average)) if settings.average else None
    kept = model if averaged is None else averaged.module
    inputs, targets = sliding_windows(split.train, settings.model.length, settings.stride)
    lengths = (inputs > 0).sum(1)
    mean_targets = max(float((targets > 0).sum(1).float().mean()) * settings.batch_size, 1.0)
    optimizer, order = _optimizer(model, settings), torch.Generator().manual_seed(settings.seed)

    def epoch() -> float:
        model.train()
        total, count = 0.0, 0
        for rows in length_grouped_batches(lengths, settings.batch_size, order):
            width = int(lengths[rows].max())
            histories, labels = (part[rows, -width:].to(device) for part in (inputs, targets))
            learnt = labels > 0
            logits = model.states(histories)[learnt] @ model.item_vectors()[1:].T
            loss = functional.cross_entropy(logits, labels[learnt] - 1, reduction="sum")
            # Batches hold rows of similar length: each position has the same weight, whatever its batch.
            _step(optimizer, loss / mean_targets)
            if averaged is not None:
                averaged.update_parameters(model)
            total, count = total + loss.item(), count + int(learnt.sum())
        return total / max(count, 1)

    return kept, train_with_early_stopping(kept, epoch, split, settings, show_progress)


def length_grouped_batches(lengths: torch.Tensor, size: int, order: torch.Generator) -> list[torch.Tensor]:
    """Random batches with little padding: pools of batches are drawn, then sorted by length.

    Args:
        lengths: (R,) items of each row; empty rows are left out.
        size: rows per batch.
        order: random number generator.
    """
    rows = torch.randperm(len(lengths), generator=order)
    rows = rows[lengths[rows] > 0]
    batches = [
        b for pool in rows.split(POOL_BATCHES * size) for b in pool[lengths[pool].argsort(stable=True)].split(size)
    ]
    return [batches[n] for n in torch.randperm(len(batches), generator=order).tolist()]


def fit_mf(split: Split, items: int, settings: TargetSettings, show_progress: bool = True) -> tuple[MF, TrainingCurve]:
    """Train item vectors (and temporary user vectors) with BPR, ranking a chosen item above a random other one."""
    torch.manual_seed(settings.seed)
    device = preferred_device()
    model = MF(items, settings.model.width, settings.model.length)
    user_embedding = nn.Embedding(len(split.train), settings.model.width)
    nn.init.normal_(user_embedding.weight, std=0.1)
    model.to(device)
    user_embedding.to(device)
    optimizer = torch.optim.Adam([*model.parameters(), *user_embedding.parameters()], settings.learning_rate)
    sample = _bpr_sampler(split, items, settings)

    def vectors(users: torch.Tensor, chosen: torch.Tensor, other: torch.Tensor) -> tuple[Vectors, Vectors]:
        rows = user_embedding(users), model.item_embedding(chosen), model.item_embedding(other)
        return rows, rows

    def epoch() -> float:
        return _bpr_epoch(vectors, sample(), optimizer, settings.weight_decay, device)

    return model, train_with_early_stopping(model, epoch, split, settings, show_progress)


def fit_lightgcn(
    split: Split, items: int, settings: TargetSettings, show_progress: bool = True, checked: Split | None = None
) -> tuple[LightGCN, TrainingCurve]:
    """Train LightGCN with BPR, like its authors; the weights are the initial item embeddings.

    Epochs are compared on the validation items of `split`, or of `checked`, if only some users have one.
    """
    torch.manual_seed(settings.seed)
    device, shape = preferred_device(), settings.model
    model = LightGCN(items, shape.width, shape.length, shape.blocks, split.train).to(device)
    optimizer = torch.optim.Adam(model.parameters(), settings.learning_rate)
    sample = _bpr_sampler(split, items, settings)

    def vectors(users: torch.Tensor, chosen: torch.Tensor, other: torch.Tensor) -> tuple[Vectors, Vectors]:
        steps, user_vectors = model.propagate()
        items = steps.mean(0)
        return (user_vectors[users], items[chosen], items[other]), (
            model.item_embedding(chosen),
            model.item_embedding(other),
        )

    def epoch() -> float:
        loss = _bpr_epoch(vectors, sample(), optimizer, settings.weight_decay, device)
        model.refresh()
        return loss

    return model, train_with_early_stopping(model, epoch, checked or split, settings, show_progress)


@dataclass(frozen=True)
class _Epoch:
    """An epoch whose weights may be kept: its NDCG@10, and how common its most common top item is."""

    ndcg: float
    share: float
    weights: dict[str, torch.Tensor]


def train_with_early_stopping(
    model: nn.Module, epoch: Callable[[], float], split: Split, settings: TargetSettings, show_progress: bool = True
) -> TrainingCurve:
    """Train until validation NDCG@10 stops improving, and restore the best epoch's weights.

    Among the epochs that are as good as the best one up to `settings.tie`, the one whose most common top item is least
    common is kept.

    Args:
        model: a Scorer with a `length`; left in eval mode.
        epoch: trains for one epoch and returns the mean loss.
        split: leave-one-out split.
        settings: training settings.
        show_progress: show a bar over the epochs.
    """
    curve: TrainingCurve = []
    candidates: list[_Epoch] = []
    best, epochs_without_gain, started, training = -math.inf, 0, time.monotonic(), 0.0
    bar = tqdm(range(1, settings.epochs + 1), desc=f"{type(model).__name__} epochs", disable=not show_progress)
    for number in bar:
        model.train()
        began = time.monotonic()
        loss = epoch()
        training += time.monotonic() - began
        model.eval()
        try:
            ranked = rank(model, split.train, split.validation, model.length)
        except DataError as error:  # its scores are not finite
            raise TrainingError(
                f"The training of {type(model).__name__} diverged in epoch {number} (loss {loss:.3g}): its scores are "
                f"not finite. Lower target.learning_rate (now {settings.learning_rate:g})."
            ) from error
        ndcg, share = float(ranked.ndcg(10).mean()), ranked.top1_share()
        seconds = time.monotonic() - started
        metrics = {"epoch": number, "loss": loss, "ndcg@10": ndcg, "top1_share": share}
        curve.append(metrics | {"seconds": seconds, "training_seconds": training})
        bar.set_postfix(loss=f"{loss:.2f}", ndcg=f"{ndcg:.4f}")
        epochs_without_gain = 0 if ndcg > best else epochs_without_gain + 1
        best = max(ndcg, best)
        if ndcg >= (1 - settings.tie) * best and not any(e.ndcg >= ndcg and e.share <= share for e in candidates):
            candidates.append(_Epoch(ndcg, share, copy.deepcopy(model.state_dict())))
        candidates = [e for e in candidates if e.ndcg >= (1 - settings.tie) * best]
        if epochs_without_gain >= settings.patience:
            break
    model.load_state_dict(min(candidates, key=lambda e: e.share).weights)
    return curve


def _bpr_epoch(
    vectors: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], tuple[Vectors, Vectors]],
    batches: Sequence[Batch],
    optimizer: torch.optim.Optimizer,
    decay: float,
    device: torch.device,
) -> float:
    """Train one epoch to rank a chosen item above a random other one (BPR); returns the mean loss.

    Args:
        vectors: maps users, chosen items and other items, each (B,), to their vectors (B, d), and to those of which the
            squared size is penalised.
        batches: as from `_bpr_sampler`.
        optimizer: its parameters are trained.
        decay: weight of the penalty.
        device: where the vectors are.
    """
    losses = []
    for batch in batches:
        (user, chosen, other), penalised = vectors(*(part.to(device) for part in batch))
        loss = -functional.logsigmoid((user * (chosen - other)).sum(1)).mean()
        size = sum(part.square().sum(1) for part in penalised)
        _step(optimizer, loss + decay * size.mean())
        losses.append(loss.item())
    return float(np.mean(losses))


def _bpr_sampler(split: Split, items: int, settings: TargetSettings) -> Callable[[], list[Batch]]:
    """Draw an epoch of (user, chosen item, unchosen item) in batches; each chosen item once, all on the CPU."""
    users = torch.from_numpy(np.repeat(np.arange(len(split.train)), [len(s) for s in split.train]))
    positives = torch.from_numpy(np.concatenate(split.train))
    # One sorted number per (user, item): a user-item table would not fit in memory if both are many.
    taken = (users * (items + 1) + positives).unique()
    generator = torch.Generator().manual_seed(settings.seed)

    def sample() -> list[Batch]:
        negatives = torch.randint(1, items + 1, positives.shape, generator=generator)
        for _ in range(20):  # redraw items that the user has chosen
            pairs = users * (items + 1) + negatives
            wrong = taken[torch.searchsorted(taken, pairs).clamp(max=len(taken) - 1)] == pairs
            if not wrong.any():
                break
            negatives[wrong] = torch.randint(1, items + 1, (int(wrong.sum()),), generator=generator)
        rows = torch.randperm(len(positives), generator=generator).split(settings.batch_size)
        return [(users[r], positives[r], negatives[r]) for r in rows]

    return sample


def _optimizer(model: nn.Module, settings: TargetSettings) -> torch.optim.Optimizer:
    return torch.optim.AdamW(model.parameters(), settings.learning_rate, weight_decay=settings.weight_decay, fused=True)


def _step(optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
