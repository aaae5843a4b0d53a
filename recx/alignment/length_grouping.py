"""Order of the training rows: fixed in advance, so that a resumed training sees the same order."""

import numpy as np


def length_grouped_order(
    lengths: np.ndarray, batch_size: int, steps: int, seed: int, mega_batch_mult: int = 50
) -> np.ndarray:
    """An order of rows whose batches contain rows of similar length.

    Every epoch is a new permutation; within chunks of `mega_batch_mult` batches, rows are sorted by length, and the
    batches are then shuffled. An epoch omits the rows that do not fill a batch, different ones each time.

    Args:
        lengths: (R,) tokens of each row.
        batch_size: rows per step.
        steps: number of steps.
        seed: random seed of the permutations.
        mega_batch_mult: number of batches that are sorted together.

    Returns:
        (steps * batch_size,) row numbers; fewer rows than one batch are repeated.
    """
    rng = np.random.default_rng(seed)
    batches: list[np.ndarray] = []
    while len(batches) < steps:
        order = rng.permutation(len(lengths))
        if len(order) < batch_size:
            order = np.resize(order, batch_size)
        order = order[: len(order) // batch_size * batch_size]  # before sorting: otherwise the longest would be missing
        for start in range(0, len(order), mega_batch_mult * batch_size):
            mega_batch = order[start : start + mega_batch_mult * batch_size]
            mega_batch = mega_batch[np.argsort(lengths[mega_batch], kind="stable")]
            ends = range(batch_size, len(mega_batch) + 1, batch_size)
            cut = [mega_batch[end - batch_size : end] for end in ends]
            batches += [cut[n] for n in rng.permutation(len(cut))]
    return np.concatenate(batches[:steps])
