import numpy as np
import pytest

from recx.evaluation import alignment_metrics as m
from recx.evaluation.bootstrap import bootstrap


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
    """The paper's 0.6153 for random ranking is what its code's gains give on average, to sampling error."""
    ideal = np.tile(np.arange(5), (40_000, 1))
    assert m.ranking_ndcg(rng.permuted(ideal, axis=1), ideal, m.REFERENCE_GAINS).mean() == pytest.approx(
        0.6153, abs=0.02
    )


def test_coverage_counts_a_title_once():
    assert m.history_coverage([[1, 1, 2, 9]], [[1, 2, 3, 4]]).tolist() == [0.5]


def test_bootstrap_interval_covers_the_mean(rng):
    hits = [bootstrap(rng.normal(size=60), 400, n) for n in range(100)]
    assert 85 <= sum(e.low <= 0 <= e.high for e in hits) <= 100
    assert bootstrap([np.nan, 1.0, 1.0]).n == 2 and np.isnan(bootstrap([]).value)
