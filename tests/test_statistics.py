import numpy as np
import pytest

from recx.data.catalogue import build_catalogue
from recx.data.dataset import Dataset
from recx.data.reading_report import ReadingReport
from recx.data.statistics import statistics, task_counts
from recx.evaluation.published import published


@pytest.mark.parametrize("name", ["games", "movies", "steam"])
def test_counts_follow_the_papers_own(name):
    """The sizes in Table B1 give the counts in Table B2."""
    size = published("tableB1_datasets").set_index("dataset").loc[name]
    users, items, total = (int(size[k]) for k in ("users", "items", "interactions"))
    lengths = np.full(users, total // users)
    lengths[: total - lengths.sum()] += 1
    catalogue = build_catalogue([str(n) for n in range(items)], [f"T{n}" for n in range(items)], {})
    sequences = [np.arange(n) % items + 1 for n in lengths]
    counts = task_counts(Dataset(name, catalogue, ("u",) * users, sequences, ReadingReport()))
    printed = published("tableB2_task_counts").astype({"task": str}).set_index("task")
    for task in ("1", "2", "6"):
        assert counts[task] == tuple(printed.loc[task, [f"{name}_train", f"{name}_test"]])
    assert counts["3"][0] == printed.loc["3", f"{name}_train"]


def test_statistics_of_a_small_world(small_catalogue):
    sequences = [np.array([1, 2, 3]), np.array([1, 4, 5, 6])]
    numbers = statistics(Dataset("x", small_catalogue, ("u", "v"), sequences, ReadingReport()))
    assert (numbers["users"], numbers["items"], numbers["interactions"]) == (2, 6, 7)
    assert numbers["sparsity_percent"] == pytest.approx(100 * (1 - 7 / 12))
    assert numbers["top_item_percent"] == pytest.approx(100 * 2 / 7)
    assert numbers["platform_percent"] == pytest.approx(100 * 5 / 6)
