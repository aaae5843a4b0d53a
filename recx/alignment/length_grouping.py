"""The order in which rows are learnt: fixed beforehand, so that a resumed training sees the same."""

import numpy as np


def length_grouped_order(
    lengths: np.ndarray, batch_size: int, steps: int, seed: int, mega_batch_mult: int = 50
) -> np.ndarray:
    """An order of rows whose batches hold rows of like length.

    Every pass over the rows is a new permutation; within `mega_batch_mult` batches of it rows are sorted by length,
    and the batches are then shuffled. The last, smaller batch of a pass is left out.

    Args:
        lengths: (R,) tokens of each row.
        batch_size: rows of a step.
        steps: number of steps.
        seed: of the permutations.
        mega_batch_mult: batches that are sorted together.

    Returns:
        (steps * batch_size,) row numbers; fewer rows than one batch are repeated.
    """
    rng = np.random.default_rng(seed)
    batches: list[np.ndarray] = []
    while len(batches) < steps:
        order = rng.permutation(len(lengths))
        if len(order) < batch_size:
            order = np.resize(order, batch_size)
        for start in range(0, len(order), mega_batch_mult * batch_size):
            mega_batch = order[start : start + mega_batch_mult * batch_size]
            mega_batch = mega_batch[np.argsort(lengths[mega_batch], kind="stable")]
            ends = range(batch_size, len(mega_batch) + 1, batch_size)
            cut = [mega_batch[end - batch_size : end] for end in ends]
            batches += [cut[n] for n in rng.permutation(len(cut))]
    return np.concatenate(batches[:steps])
