"""The numbers of the paper's Table B1, and a few that tell how hard a data set is."""

import numpy as np

from recx.data.dataset import Dataset


def statistics(dataset: Dataset) -> dict[str, float]:
    """Users, items, interactions, sparsity in percent, and lengths and popularity.

    Returns:
        `users, items, interactions, sparsity_percent, median_length, longest, top_item_percent,
        duplicate_titles`, and for each attribute the percentage of items that have it.
    """
    lengths = np.array([len(s) for s in dataset.sequences])
    users, items, n = len(lengths), len(dataset.catalogue), int(lengths.sum())
    counts = np.bincount(np.concatenate(dataset.sequences), minlength=items + 1)
    numbers = {
        "users": users,
        "items": items,
        "interactions": n,
        "sparsity_percent": 100 * (1 - n / (users * items)),
        "median_length": float(np.median(lengths)),
        "longest": int(lengths.max()),
        "top_item_percent": 100 * counts.max() / n,
        "duplicate_titles": dataset.catalogue.duplicates,
    }
    for name, values in dataset.catalogue.attributes.items():
        numbers[f"{name}_percent"] = 100 * sum(map(bool, values)) / items
    return numbers
