"""Deliberately corrupted explanations, which a sound judge rates lower than the originals."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from recx.data.catalogue import Catalogue
from recx.evaluation.judges import ExplanationToRate, Judge, scores
from recx.parsing.quotation_marks import QUOTED, straight_quotes
from recx.parsing.stated_decision import stated_decision

INVENTED = "Chronicles of the Painted Harbour"
DECISION = re.compile(r"^\W*(yes|no)\b", re.IGNORECASE)


def corrupt(
    questions: Sequence[ExplanationToRate], catalogue: Catalogue, seed: int = 0
) -> dict[str, list[ExplanationToRate]]:
    """Corrupt the explanations of the same pairs in three ways.

    Returns:
        another_user: the text written for another history and item; without questions for which there is none.
        invented_title: a cited title of the history is replaced by one that does not exist.
        flipped_decision: "Yes" and "No" are swapped, and the reasons are left unchanged.
    """
    rng = np.random.default_rng(seed)
    others = [[o for o in questions if o.history != q.history and o.item != q.item] for q in questions]
    return {
        "another_user": [
            replace(q, text=own[rng.integers(len(own))].text) for q, own in zip(questions, others, strict=True) if own
        ],
        "invented_title": [replace(q, text=_with_invented(q, catalogue)) for q in questions],
        "flipped_decision": [replace(q, text=_flipped(q.text)) for q in questions],
    }


def corrupted_scores(
    judge: Judge, questions: Sequence[ExplanationToRate], catalogue: Catalogue, seed: int = 0
) -> dict[str, float]:
    """Compute the mean score of the original texts (`as_written`) and of each kind of corruption.

    Only texts that begin with the right decision are used: a flipped one is then wrong, and a wrong decision, which
    earns nothing, would hide what else is corrupted. There are no scores if there is no such text.
    """
    written = [q for q in questions if _begins_with(q.decision, q.text)]
    kinds = {"as_written": written} | corrupt(written, catalogue, seed)
    return {kind: float(np.nanmean(scores(judge.rate(texts)))) for kind, texts in kinds.items() if texts}


def _begins_with(decision: bool, text: str) -> bool:
    stated, end = stated_decision(text)
    return bool(end and DECISION.match(text) and stated == decision)  # "No doubt" is no "No"


def undetected(means: Mapping[str, float]) -> list[str]:
    """List the kinds of corruption that a judge did not rate lower than the originals; empty for a sound judge.

    If there were no texts to corrupt, that is the only entry.
    """
    if not means:
        return ["corrupted texts, as no text begins with the right decision"]
    return [kind for kind, mean in means.items() if kind != "as_written" and not mean < means["as_written"]]


def _with_invented(question: ExplanationToRate, catalogue: Catalogue) -> str:
    own, text = catalogue.labels[question.item], straight_quotes(question.text)
    cited = [m for m in QUOTED.finditer(text) if m[1] != own]
    if not cited:
        return f'{question.text} It is like "{INVENTED}".'
    start, end = cited[0].span()
    return f'{text[:start]}"{INVENTED}"{text[end:]}'


def _flipped(text: str) -> str:
    return DECISION.sub(lambda m: "No" if m[1].lower() == "yes" else "Yes", text)
