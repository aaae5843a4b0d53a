import numpy as np
from bag_target import Bag

from recx.evaluation.written_lists import plain_summaries, summary_metrics

TARGET = Bag()


def test_what_is_not_rewarded_of_a_summary():
    """A next item is found where the target, reading the summary, ranks it first of all that the person has not had."""
    history = np.array([3, 9, 27])
    scores = TARGET.table[[9, 27]].sum(0).numpy()
    scores[[0, *history]] = -np.inf
    order = np.argsort(-scores)
    for place, hit in ((0, 1), (9, 1), (10, 0)):
        own = summary_metrics(TARGET, [[9, 27, 0]], [history], order[[place]], TARGET.length)
        assert own["next_hr@10"] == [hit] and own["distinct_titles"] == [2] and own["in_history"] == [1]
        assert np.isclose(own["next_below"][0], 1 - place / (120 - 3 - 1))


def test_the_best_summary_is_at_least_as_good_as_any_other():
    rng = np.random.default_rng(0)
    histories = [rng.permutation(np.arange(1, 100))[:6] for _ in range(12)]
    plain = plain_summaries(TARGET, histories, TARGET.length)
    measured = {
        name: summary_metrics(TARGET, own, histories, np.full(12, 100), TARGET.length) for name, own in plain.items()
    }
    best = measured.pop("best of all sets")
    assert all((best["top10_overlap"] >= own["top10_overlap"]).all() for own in measured.values())
    assert best["top10_overlap"].mean() > measured["random"]["top10_overlap"].mean()
    assert (best["in_history"] == 1).all() and ((best["next_below"] >= 0) & (best["next_below"] <= 1)).all()
