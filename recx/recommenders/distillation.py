"""Distillation: a recommender trained to reproduce another's scores, a baseline of the paper."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional
from tqdm.auto import tqdm

from recx.recommenders import devices
from recx.recommenders.protocol import Scorer, check_finite, pad_histories
from recx.recommenders.sasrec import SASRec
from recx.settings import TargetSettings, TargetShape


def distil(
    teacher: Scorer,
    histories: Sequence[np.ndarray],
    items: int,
    settings: TargetSettings,
    epochs: int = 10,
    show_progress: bool = True,
) -> tuple[SASRec, list[dict[str, float]]]:
    """Train a new SASRec so that its softmax over the catalogue approximates the teacher's (Kullback-Leibler).

    It sees what a language model sees in alignment: training histories and the target's outputs for them.

    Args:
        teacher: not modified; in eval mode.
        histories: H training histories, oldest first.
        items: N.
        settings: shape and optimiser of the student, which reads as many items as the teacher. Where its heads do not
            divide its width, as may be with a teacher without attention, it has the next smaller number that does.
        epochs: number of passes over the histories.
        show_progress: show a bar over the epochs.

    Returns:
        The student in eval mode, on the GPU if there is one, and for each epoch `epoch, divergence` (mean training
        KL in nats).
    """
    torch.manual_seed(settings.seed)
    order = torch.Generator().manual_seed(settings.seed)
    device = devices.preferred_device()
    student = SASRec(items, _student_shape(settings.model, teacher.length)).to(device)
    padded = pad_histories(histories, teacher.length)
    optimizer = torch.optim.AdamW(student.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    curve = []
    for epoch in tqdm(range(1, epochs + 1), desc="distillation epochs", disable=not show_progress):
        student.train()
        losses = []
        for rows in torch.randperm(len(padded), generator=order).split(settings.batch_size):
            with torch.no_grad():
                scores = devices.score(teacher, padded[rows])
                check_finite(scores)
                wanted = functional.log_softmax(scores[:, 1:], dim=1).float().to(device)
            predicted = functional.log_softmax(student.score(padded[rows].to(device))[:, 1:], dim=1)
            loss = functional.kl_div(predicted, wanted, reduction="batchmean", log_target=True)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        curve.append({"epoch": epoch, "divergence": float(np.mean(losses))})
    return student.eval().requires_grad_(False), curve


def _student_shape(shape: TargetShape, length: int) -> TargetShape:
    heads = max(n for n in range(1, shape.heads + 1) if shape.width % n == 0)
    return replace(shape, length=length, heads=heads)
