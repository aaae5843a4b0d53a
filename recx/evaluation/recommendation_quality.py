"""Measuring recommenders on the items users really chose."""

from collections.abc import Mapping, Sequence
from typing import Any

from recx.data.split import Split
from recx.evaluation.metric_records import metric_record
from recx.recommenders.protocol import Scorer
from recx.recommenders.ranking import Ranked, rank


def target_records(
    scorers: Mapping[str, Scorer], split: Split, length: int, items: int
) -> tuple[list[dict[str, Any]], dict[str, Ranked]]:
    """HR@k and NDCG@k on the test items, coverage, and the shares of the most common first item and of tied test items.

    Args:
        scorers: method -> recommender.
        split: leave-one-out.
        length: items read.
        items: N.

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
    """What a reader should know of a target that gives many users the same first item; "" where it does not.

    Such a target is right where the data are concentrated on a few items, but agreement with it is then cheap.

    Args:
        ranked: the target's rankings.
        labels: name of each item, by id.
        limit: share of users from which on there is something to say.
    """
    share = ranked.top1_share()
    if share < limit:
        return ""
    item = labels[int(ranked.most_common_top1(1)[0])]
    return (
        f"For {share:.0%} of the users the first item is {item!r}: the target hardly tells them apart. Whoever names "
        "that item agrees with it, so read later tables against the constant predictor and other people's vectors."
    )
