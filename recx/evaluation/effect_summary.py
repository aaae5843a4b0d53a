"""The alignment effect as plain text, for the console."""

from collections.abc import Sequence
from typing import Any

from recx.evaluation.explanation_checks import totals
from recx.evaluation.metric_records import decoded_otherwise
from recx.evaluation.summary_tables import plain_table
from recx.evaluation.test_set import Pairs
from recx.explaining.records import Explanation


def summary(
    records: Sequence[dict[str, Any]],
    checks: Sequence[dict[str, Any]],
    explained: Sequence[Explanation],
    pairs: Pairs,
    label: str = "hybrid",
    count: int = 4,
) -> str:
    """Table 1 and the checks of explanations, with a few explanations.

    Args:
        records: metric records of Table 1.
        checks: metric records of the explanations.
        explained: explanations of the pairs by one method.
        pairs: the pairs, with the target's decisions.
        label: label of that method.
        count: number of explanations to show.
    """
    parts = [
        "Agreement with the target on test histories (answers are titles of the catalogue that are not in the history)"
    ]
    if any(r["metric"] == "exact_match" for r in records):
        parts[0] += "\nexact_match: one title, decoded greedily and without constraint, as in the paper's text"
    parts.append(plain_table([r for r in records if not decoded_otherwise(r)]))
    other = [r for r in records if decoded_otherwise(r)]
    if other:
        ways = "without constraint (as in the paper), with titles of the history, and ranking by the answers to task 3"
        parts += [f"Other ways of decoding: {ways}", plain_table(other)]
    counts = totals(explained)
    parts += ["Explanations", plain_table(checks)]
    stated = f"{counts['stated_true']} of {counts['stated']} stated attributes are true"
    parts.append(
        f"{label}: {counts['cited_in_history']} of {counts['cited']} cited titles are in the history, "
        f"{counts['invented']} do not exist; "
        + (stated if counts["stated"] else "no attributes of the catalogue are stated")
    )
    if counts["unverified"]:
        parts.append(f"{label}: {counts['unverified']} further attributes are those of no title of the catalogue")
    for explanation, liked in list(zip(explained, pairs.liked, strict=True))[:count]:
        parts.append(f"\n[target: {'yes' if liked else 'no'}] {explanation.title}\n  {explanation.text}")
    return "\n".join(parts) + "\n"
