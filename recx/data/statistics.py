"""The statistics of the paper's Table B1, and a few that indicate how hard a data set is."""

import numpy as np

from recx.data.dataset import Dataset


def task_counts(dataset: Dataset) -> dict[str, tuple[int, int]]:
    """Number of rows available for tasks 1 to 4 and 6, counted as in the paper's Table B2: task -> (train, test).

    Tasks 1 and 2: prefixes of training sequences; task 3: a liked and a disliked item per user; task 4: one row per
    known fact (title, attributes, texts, related items); task 6: prefixes and one summary per user. Task 5 has as many
    rows as there are conversations. The paper's test rows of task 3 cover a subset of users that it does not describe.
    """
    users = len(dataset.sequences)
    beginnings = dataset.interactions - 2 * users
    columns = [*dataset.catalogue.attributes.values(), *dataset.catalogue.texts.values()]
    facts = 2 * len(dataset.catalogue) + sum(bool(values) for column in columns for values in column[1:])
    return {
        "1": (beginnings, users),
        "2": (beginnings, users),
        "3": (2 * users, users),
        "4": (facts, 0),
        "6": (beginnings + users, users),
    }


def statistics(dataset: Dataset) -> dict[str, float]:
    """Users, items, interactions, sparsity in percent, sequence lengths and popularity.

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
