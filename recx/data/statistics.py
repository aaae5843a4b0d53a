"""The numbers of the paper's Table B1, and a few that tell how hard a data set is."""

import numpy as np

from recx.data.dataset import Dataset


def task_counts(dataset: Dataset) -> dict[str, tuple[int, int]]:
    """Rows of tasks 1 to 4 and 6 that a data set offers, counted as in the paper's Table B2: task -> (train, test).

    Beginnings of training sequences for tasks 1 and 2, a liked and a disliked item a user for task 3, a row a known
    fact (title, attributes, texts, related items) for task 4, beginnings and a summary a user for task 6. Task 5 is
    as many conversations as one has; the paper's test rows of task 3 are a part of its users that it does not describe.
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
