"""What target and explainers said, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]


def describe_rank(rank: Record) -> str:
    """The rank that the target gives an item."""
    words = {
        "yes": "recommends it (within the best fifth)",
        "no": "does not recommend it (in the worse half)",
        "between": "neither likes nor dislikes it (below the best fifth, above the worse half)",
    }
    tied = rank.get("tied", 0)  # what was saved before ties were told has none
    drawn = f" (drawn among {tied + 1} items of the same score)" if tied else ""
    return f"{words[rank['decision']]}, rank {rank['rank']} of {rank['unseen']}{drawn}, score {rank['score']:.2f}"


def describe_decision(answer: Record) -> str:
    """An answer's decision, whether it is the target's, and what ended or restricted its text."""
    agrees = {True: ", as the target", False: ", against the target", None: ", the target is undecided"}
    words = {True: "yes", False: "no", None: "no decision"}[answer["decision"]]
    words += "" if answer["decision"] is None else agrees[answer["agrees"]]
    return words + (", quotes held" if answer["held"] else "") + (", stopped" if answer["stopped"] else "")


def describe_recommendations(own: Record) -> str:
    """What an explainer would recommend itself."""
    best = "; ".join(row["label"] for row in own["top"][:5])
    place = f"place {own['place']} of its ten" if own["place"] else "not among its ten"
    return (
        f"{own['model']} shares {own['shared']} of the target's ten best items; the item is {place}, "
        f"P(yes) = {own['probability']:.2f}. Its best: {best}."
    )


def describe_change(before: Record, after: Record) -> str:
    """From which rank to which a change of the history moves an item."""
    return (
        f"Rank {before['rank']} to {after['rank']} of {after['unseen']}, score {before['score']:.2f} to "
        f"{after['score']:.2f}, {before['decision']} to {after['decision']}"
    )


def describe_counterfactual(result: Record, answers: Sequence[Record]) -> list[str]:
    """The result of a search in sentences, and how many of the items to be removed the answers had cited."""
    tried, before, after = result["tried"], result["before"], result["after"]
    if result["stopped"]:
        return [f"Stopped after {tried} histories; none of them turned the verdict."]
    if not result["changes"]:
        return [
            f"No change tried makes the target say {result['wanted']} ({tried} histories); the closest moves the item "
            f"from rank {before['rank']} to {after['rank']} of {after['unseen']}."
        ]
    words = {"remove": "without", "add": "with"}
    changes = " and ".join(f"{words[c['kind']]} “{c['label']}”" for c in result["changes"])
    proof = "no smaller change does it" if result["smallest"] else "a smaller change may exist"
    change = describe_change(before, after)
    sentences = [f"For a {result['wanted']}: {changes}. {change} ({tried} histories tried; {proof})."]
    removed = {c["item"] for c in result["changes"] if c["kind"] == "remove"}
    if removed and answers:
        cited = ", ".join(f"{a['model']} {len(removed.intersection(a['cited']))} of {len(removed)}" for a in answers)
        sentences.append(f"Of the items to be removed the texts had cited: {cited}.")
    return sentences
