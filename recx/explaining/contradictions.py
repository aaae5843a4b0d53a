"""What a text that was told measurements says otherwise: decision, causes, numbers, and how sure the target is."""

import itertools
import re

from recx.explaining.records import Explanation
from recx.prompts.evidence import Evidence, misstates_strength
from recx.prompts.explanation_parser import OTHER_WAY

KINDS = ("decision", "first cause", "further cause", "other way", "number", "strength")
_SUPPOSED = r"\b(?:without|if)\s+"  # 'without "A"', 'if "A" is taken out'
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")


def contradictions(text: Explanation, evidence: Evidence) -> tuple[str, ...]:
    """Find what a text says otherwise than the evidence; leaving something out is no contradiction.

    The causes are the titles of the first sentence that cites any. The first must be the strongest cause, the others
    further notable ones, each named once. What pulls the other way must be the measured opposite. Numbers must be
    those of the evidence, and the title that is supposed to be absent its first cause.

    Args:
        text: an explanation that was told the evidence, with its numbers checked against it.
        evidence: the measured basis of the target's decision.

    Returns:
        Some of `KINDS`, in this order.
    """
    spans = sentence_spans(text)
    ends = [end for _, end in spans]
    other_way = [text.text[slice(*span)] for span in spans if OTHER_WAY.search(text.text, *span)]
    number = [sum(end <= c.span[0] for end in ends) for c in text.citations]
    absent = [bool(re.search(f"{_SUPPOSED}$", text.text[: c.span[0]], re.IGNORECASE)) for c in text.citations]
    causes = [
        c.item
        for c, sentence, out in zip(text.citations, number, absent, strict=True)
        if sentence == number[0] and not c.against and not out
    ]
    first, further = evidence.notable[:1], evidence.notable[1:]
    supposed = {c.item for c, out in zip(text.citations, absent, strict=True) if out}
    wrong = (
        text.decision is not None and text.decision != evidence.liked,
        bool(causes) and tuple(causes[:1]) != first,
        not set(causes[1:]) <= set(further) or len(set(causes)) < len(causes),
        any(c.against and c.item != evidence.against for c in text.citations)
        or any(f'"{text.title}"' in sentence for sentence in other_way),
        any(n.measured is False for n in text.numbers)
        or not supposed <= set(first)
        or re.search(rf'{_SUPPOSED}"{re.escape(text.title)}"', text.text, re.IGNORECASE) is not None,
        misstates_strength(text.text, evidence),
    )
    return tuple(kind for kind, found in zip(KINDS, wrong, strict=True) if found)


def sentence_spans(text: Explanation) -> list[tuple[int, int]]:
    """Spans of a text's sentences, each with the space before it; a mark within a title or attribute ends none."""
    plain = list(text.text)
    for part in (*text.citations, *text.statements):
        plain[slice(*part.span)] = "_" * (part.span[1] - part.span[0])
    written = re.sub(r'"[^"]*"', lambda quoted: "_" * len(quoted[0]), "".join(plain))
    ends = [m.end() for m in _SENTENCE_END.finditer(written)]
    ends += [len(written)] if written[ends[-1] if ends else 0 :].strip() else []
    return list(itertools.pairwise([0, *ends]))
