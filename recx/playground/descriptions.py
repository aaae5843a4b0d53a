"""Describing the results of the target and the explainers in words."""

from collections.abc import Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]
_SAID = {"yes": "yes", "between": "undecided", "no": "no"}


def describe_rank(rank: Record) -> str:
    """Describe the rank that the target gives an item."""
    words = {
        "yes": "recommends it (in the top 20 %)",
        "no": "does not recommend it (in the bottom half)",
        "between": "is undecided about it (below the top 20 %, above the bottom half)",
    }
    tied = rank["tied"]
    drawn = f" (drawn at random among {tied + 1} items with the same score)" if tied else ""
    return f"{words[rank['decision']]}, rank {rank['rank']} of {rank['unseen']}{drawn}, score {rank['score']:.2f}"


def describe_decision(answer: Record) -> str:
    """Describe an answer's decision, its agreement with the target, and any restriction or interruption."""
    agrees = {True: ", agrees with the target", False: ", disagrees with the target", None: ", the target is undecided"}
    words = {True: "yes", False: "no", None: "no decision"}[answer["decision"]]
    words += "" if answer["decision"] is None else agrees[answer["agrees"]]
    words += ", quotes restricted" if answer["held"] else ""
    revised = answer["revised"]
    sentences = "one sentence" if revised == 1 else f"{revised} sentences"
    words += f", {sentences} revised to agree with the measurements" if revised else ""
    return words + (", stopped" if answer["stopped"] else "")


def describe_recommendations(own: Record) -> str:
    """Describe what an explainer would recommend itself."""
    best = "; ".join(row["label"] for row in own["top"][:5])
    place = f"number {own['place']} in its top ten" if own["place"] else "not in its top ten"
    return (
        f"{own['model']} shares {own['shared']} of the target's top ten items; the item in question is {place}, "
        f"P(yes) = {own['probability']:.2f}. Its top items: {best}."
    )


def describe_change(before: Record, after: Record) -> str:
    """Describe how a change of the history affects the rank of an item."""
    return (
        f"the rank changes from {before['rank']} to {after['rank']} of {after['unseen']}, the score from "
        f"{before['score']:.2f} to {after['score']:.2f}, "
        f"the decision from {_SAID[before['decision']]} to {_SAID[after['decision']]}"
    )


def describe_effect(result: Record) -> str:
    """Describe the predicted and the measured effect of a change of the history; empty if none was measured."""
    if "measured" not in result:  # a run without effects
        return ""
    return (
        f"predicted {result['predicted']:+.2f} by the {result['predicted_by']}, measured {result['measured']:+.2f} "
        "(change of the item's log-probability, in nats)"
    )


def describe_counterfactual(result: Record, answers: Sequence[Record]) -> list[str]:
    """Describe the result of a search, and how many of the removed items each answer had cited."""
    tried, before, after = result["tried"], result["before"], result["after"]
    if result["stopped"] and not result["changes"]:
        return [f"Stopped after trying {tried} histories; none of them makes the target say {result['wanted']}."]
    if not result["changes"]:
        return [
            f"No change of up to {result['most']} items was found that makes the target say {result['wanted']} "
            f"({tried} histories tried); the closest one moves the item from rank {before['rank']} to "
            f"{after['rank']} of {after['unseen']}."
        ]
    changes = " and ".join(f"{c['kind']} “{c['label']}”" for c in result["changes"])
    proof = "no smaller change suffices" if result["smallest"] else "a smaller change may exist"
    change = describe_change(before, after)
    sentences = [f"To get a {result['wanted']}, {changes}: {change} ({tried} histories tried; {proof})."]
    removed = {c["item"] for c in result["changes"] if c["kind"] == "remove"}
    if removed and answers:
        cited = ", ".join(f"{a['model']} {len(removed.intersection(a['cited']))} of {len(removed)}" for a in answers)
        sentences.append(f"How many of the removed items each explanation had cited: {cited}.")
    return sentences
