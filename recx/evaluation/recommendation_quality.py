"""Measuring recommenders on the items that users actually chose."""

from collections.abc import Mapping, Sequence
from typing import Any

from recx.data.split import Split
from recx.evaluation.metric_records import metric_record
from recx.recommenders.protocol import Scorer
from recx.recommenders.ranking import Ranked, rank


def target_records(
    scorers: Mapping[str, Scorer], split: Split, length: int, items: int
) -> tuple[list[dict[str, Any]], dict[str, Ranked]]:
    """Measure HR@k and NDCG@k on the test items, coverage, concentration of the top item and ties.

    Args:
        scorers: method -> recommender.
        split: leave-one-out split.
        length: how many of the latest items a recommender reads.
        items: number N of items.

    Returns:
        Records `method, metric, value, low, high, n`, and each method's rankings.
    """
    records, rankings = [], {}
    for method, scorer in scorers.items():
        ranked = rankings[method] = rank(scorer, split.test_histories, split.test, length)
        for k in (5, 10):
            records.append(metric_record(method, f"hr@{k}", ranked.hits(k)))
            records.append(metric_record(method, f"ndcg@{k}", ranked.ndcg(k)))
        n = len(split.test)
        records.append({"method": method, "metric": "coverage@10", "value": ranked.coverage(items, 10), "n": n})
        records.append({"method": method, "metric": "top1_share", "value": ranked.top1_share(), "n": n})
        records.append({"method": method, "metric": "tied_share", "value": ranked.tied_share(), "n": n})
    return records, rankings


def collapse_warning(ranked: Ranked, labels: Sequence[str], limit: float = 0.25) -> str:
    """Return a warning if the target gives many users the same first item, otherwise "".

    Such a target can be right for data concentrated on a few items, but agreeing with it is then easy.

    Args:
        ranked: the target's rankings.
        labels: label of each item, by index.
        limit: share of users above which to warn.
    """
    share = ranked.top1_share()
    if share < limit:
        return ""
    item = labels[int(ranked.most_common_top1(1)[0])]
    return (
        f"For {share:.0%} of the users the first item is {item!r}: the target hardly distinguishes between users. Any "
        "method that always names this item agrees with it, so compare later tables with the constant predictor and "
        "with the control that uses other people's vectors."
    )
