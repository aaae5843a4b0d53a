import numpy as np
import pytest

from recx.evaluation import alignment_metrics as m
from recx.evaluation.bootstrap import bootstrap, bootstrap_statistic
from recx.evaluation.metric_records import decoded_otherwise, label_of, metric_record
from recx.evaluation.summary_tables import plain_table


def test_hits_and_ndcg_by_hand():
    predicted, wanted = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]]), np.array([1, 6, 5])
    assert m.hit_rate(predicted, wanted).tolist() == [1, 1, 0]
    assert m.retrieval_ndcg(predicted, wanted) == pytest.approx([1, 0.5, 0])


def plain_ndcg(order, ideal, gains):
    worth = dict(zip(ideal, gains, strict=True))
    dcg = sum(worth.get(i, 0) / np.log2(p + 2) for p, i in enumerate(order))
    return dcg / sum(g / np.log2(p + 2) for p, g in enumerate(gains))


def test_ranking_ndcg_equals_the_slow_way(rng):
    ideal = np.array([rng.permutation(50)[:5] for _ in range(40)])
    order = rng.permuted(ideal, axis=1)
    for gains in (m.STANDARD_GAINS, m.REFERENCE_GAINS):
        slow = [plain_ndcg(o, i, gains) for o, i in zip(order.tolist(), ideal.tolist(), strict=True)]
        assert m.ranking_ndcg(order, ideal, gains) == pytest.approx(slow)
    assert m.ranking_ndcg(ideal, ideal) == pytest.approx(1)


def test_random_order_earns_what_the_paper_prints_for_random(rng):
    """The paper's 0.6153 for random ranking is, up to sampling error, the mean that its code's gains give."""
    ideal = np.tile(np.arange(5), (40_000, 1))
    assert m.ranking_ndcg(rng.permuted(ideal, axis=1), ideal, m.REFERENCE_GAINS).mean() == pytest.approx(
        0.6153, abs=0.02
    )


def test_coverage_counts_a_title_once():
    assert m.history_coverage([[1, 1, 2, 9]], [[1, 2, 3, 4]]).tolist() == [0.5]


def test_bootstrap_interval_covers_the_mean(rng):
    hits = [bootstrap(rng.normal(size=60), resamples=400, seed=n) for n in range(100)]
    assert 85 <= sum(e.low <= 0 <= e.high for e in hits) <= 100
    assert bootstrap([np.nan, 1.0, 1.0]).n == 2 and np.isnan(bootstrap([]).value)


def test_repeated_users_do_not_shrink_the_interval(rng):
    """Repeating the same numbers four times adds no evidence."""
    values, users = rng.random(200), np.arange(200)
    once, repeated = bootstrap(values), bootstrap(np.repeat(values, 4), np.repeat(users, 4))
    assert repeated.n == 200 and repeated.value == pytest.approx(once.value)
    assert repeated.high - repeated.low == pytest.approx(once.high - once.low, rel=0.1)
    alone = bootstrap(np.repeat(values, 4))
    assert alone.high - alone.low < 0.6 * (repeated.high - repeated.low)


def test_the_mean_of_users_of_different_weight_is_over_all_numbers():
    found = bootstrap([1, 1, 1, 0, np.nan], [7, 7, 7, 3, 5])
    assert (found.value, found.n) == (0.75, 2) and found.low == 0 and found.high == 1
    single = bootstrap([0, 1], [3, 3])
    assert (single.value, single.n) == (0.5, 1) and np.isnan([single.low, single.high]).all()
    assert str(single) == "0.500", "one person says nothing about others"


@pytest.mark.parametrize(
    "columns, label, otherwise",
    [
        ({"method": "popularity, sampled"}, "popularity, sampled", False),
        ({"method": "aligned", "mode": "hybrid"}, "hybrid", False),
        ({"method": "aligned", "mode": "hybrid", "control": "without task 4"}, "hybrid, without task 4", False),
        ({"method": "aligned", "mode": "behavior", "decoding": "free greedy"}, "behavior, free greedy", True),
        ({"method": "aligned", "mode": "intention", "control": "other people's vectors"},
         "intention, other people's vectors", False),
    ],
)  # fmt: skip
def test_labels_join_the_columns_of_a_record(columns, label, otherwise):
    record = metric_record(metric="hr@5", values=np.ones(3), **columns)
    assert label_of(record) == label and decoded_otherwise(record) is otherwise
    assert plain_table([record]).splitlines()[1].split() == [*label.split(), "1.000"]


def test_the_interval_of_any_statistic_is_that_of_the_mean_where_it_is_one():
    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(60), 3)
    values = rng.normal(size=60)[users] + 0.1 * rng.normal(size=180)
    own = bootstrap_statistic(lambda rows: values[rows].mean(), users, resamples=2000)
    mean = bootstrap(values, users, resamples=2000)
    assert (own.value, own.n) == (pytest.approx(mean.value), 60)
    assert (own.low, own.high) == (pytest.approx(mean.low, abs=0.03), pytest.approx(mean.high, abs=0.03))
    one = bootstrap_statistic(lambda rows: values[rows].mean(), np.zeros(180))
    assert np.isnan([one.low, one.high]).all() and one.value == pytest.approx(values.mean()) and one.n == 1
    assert np.isnan(bootstrap_statistic(lambda rows: values[rows].mean(), []).value)


def test_a_statistic_that_hangs_on_one_user_has_no_interval():
    """Of three hundred users, one does not know the answer: without him, there is no correlation."""
    known = np.arange(300) > 0
    right = np.random.default_rng(0).random(300) < 0.9

    def phi(rows):
        return np.corrcoef(known[rows], right[rows])[0, 1] if 0 < known[rows].mean() < 1 else np.nan

    found = bootstrap_statistic(phi, np.arange(300))
    assert np.isfinite(found.value) and np.isnan([found.low, found.high]).all()
