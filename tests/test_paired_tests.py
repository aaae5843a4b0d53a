import numpy as np
import pytest
from scipy.stats import permutation_test

from recx.evaluation.metric_records import metric_record
from recx.evaluation.paired_tests import paired_difference, paired_table


def test_difference_against_scipy():
    rng = np.random.default_rng(0)
    a = rng.random(80)
    b = a - 0.05 + 0.2 * rng.standard_normal(80)
    gap, low, high, p = paired_difference(a, b)
    wanted = permutation_test((a, b), lambda x, y, axis: np.mean(x - y, axis=axis), permutation_type="samples",
                              n_resamples=5000, vectorized=True, rng=1).pvalue  # fmt: skip
    assert gap == pytest.approx((a - b).mean()) and low < gap < high
    assert p == pytest.approx(wanted, abs=0.02)


def test_equal_methods_do_not_differ_and_missing_users_are_left_out():
    values = np.array([0.0, 1, 1, np.nan])
    assert paired_difference(values, values)[3] == 1
    assert paired_difference([1, 1, np.nan], [0, 0, 5])[0] == 1
    assert all(np.isnan(v) for v in paired_difference([np.nan], [1]))


def test_table_has_every_other_method_on_the_users_that_both_have():
    ones, zeros = np.ones(50), np.zeros(50)
    records = [metric_record("aligned", "hr@5", ones, "hybrid"), metric_record("constant", "hr@5", zeros)]
    records += [metric_record("short", "hr@5", zeros[:20]), {"method": "x", "metric": "hr@5", "value": 1.0}]
    table = paired_table(records, "hr@5", "hybrid")
    gaps = paired_table(
        [*records, metric_record("gaps", "hr@5", np.where(np.arange(50) < 9, np.nan, 0))], "hr@5", "hybrid"
    )
    assert gaps["n"].to_dict() == {"constant": 50, "short": 20, "gaps": 41}
    assert list(table.index) == ["constant", "short"] and table.loc["constant", "difference"] == 1
    assert table.loc["constant", "p"] < 0.001
    assert paired_table(records, "hr@5", "nobody").empty
