import math

import pytest

from recx.errors import DataError
from recx.evaluation.published import beside_published, published

RECORDS = [
    {"method": "aligned", "mode": "hybrid", "metric": "hr@5", "value": 0.25},
    {"method": "aligned", "mode": "hybrid", "metric": "hr@5", "value": 0.1, "decoding": "free 5-beam"},
    {"method": "aligned", "mode": "hybrid", "metric": "ranking_ndcg@5", "value": 0.3},
    {"method": "unaligned", "mode": "", "metric": "accuracy", "value": 0.5},
    {"method": "unaligned", "mode": "", "metric": "rating (reference)", "value": 1.5},
]


def test_our_value_stands_in_the_row_of_the_same_method():
    table = beside_published("hr@5", RECORDS)
    printed = published("table1_alignment")
    assert list(table.columns) == ["games", "movies", "steam", "this run"]
    assert list(table.index) == list(printed["method"].unique())
    for row in printed.itertuples():
        assert table.loc[row.method, row.dataset] == row.task1_hr5
    assert table.loc["RecExplainer-H", "this run"] == 0.25
    assert table["this run"].notna().sum() == 1
    assert beside_published("accuracy", RECORDS).loc["Vicuna-7B"].tolist() == [0.5026, 0.5011, 0.5000, 0.5]
    # Ours by the gains of the paper's code is missing, and ours by standard gains does not take its place.
    assert beside_published("ranking_ndcg@5_reference", RECORDS)["this run"].isna().all()


def test_ratings_stand_beside_those_of_the_named_judge():
    table = beside_published("rating (reference)", RECORDS)
    assert table.loc["Vicuna-7B"].tolist() == [2.0703, 2.0261, 2.0341, 1.5]
    assert math.isnan(table.loc["ChatGPT", "this run"])


def test_a_metric_the_paper_does_not_have_is_named():
    with pytest.raises(DataError, match=r"no metric 'hr@10'. Known: rating, hr@5"):
        beside_published("hr@10", RECORDS)
