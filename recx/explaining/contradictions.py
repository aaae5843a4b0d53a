"""What a text that was told measurements says otherwise: decision, causes, numbers, and how sure the target is."""

import itertools
import re
from dataclasses import dataclass

from recx.explaining.records import Explanation
from recx.parsing.cited_titles import OTHER_WAY
from recx.prompts.evidence import Evidence, misstates_strength

KINDS = ("decision", "first cause", "further cause", "other way", "number", "strength")
_SUPPOSED = r"\b(?:without|if)\s+"  # 'without "A"', 'if "A" is taken out'
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")


@dataclass(frozen=True)
class _Named:
    """A title in a text, and its role: item, number of its sentence, supposed to be absent, against the decision."""

    item: int | None
    sentence: int
    absent: bool
    against: bool


def contradictions(text: Explanation, evidence: Evidence) -> tuple[str, ...]:
    """Find where a text contradicts the evidence; leaving something out is not a contradiction.

    The causes are the titles of the first sentence that names any. The first must be the strongest cause, the others
    the next strongest notable ones in their order. What pulls the other way must be the measured opposite. Numbers must
    be those of the evidence, and the title that is supposed to be absent its first cause. The item in question has none
    of these roles; a sentence that states an attribute of it may name it.

    Args:
        text: an explanation that was told the evidence, with its numbers checked against it.
        evidence: the measured basis of the target's decision.

    Returns:
        Some of `KINDS`, in this order.
    """
    named = _named(text)
    causes = [n.item for n in named if n.sentence == named[0].sentence and not (n.against or n.absent)]
    first, further = evidence.notable[:1], evidence.notable[1:]
    wrong = (
        text.decision is not None and text.decision != evidence.liked,
        bool(causes) and tuple(causes[:1]) != first,
        tuple(causes[1:]) != further[: len(causes[1:])],
        any(n.against and n.item != evidence.against for n in named),
        any(n.measured is False for n in text.numbers) or any(n.absent and n.item not in first for n in named),
        misstates_strength(text.text, evidence),
    )
    return tuple(kind for kind, found in zip(KINDS, wrong, strict=True) if found)


def _named(text: Explanation) -> list[_Named]:
    """The titles of a text in their order, without the item in question where its sentence states an attribute."""
    spans = sentence_spans(text)
    cited = {c.span: (c.item, c.against) for c in text.citations}
    for quoted in re.finditer(re.escape(f'"{text.title}"'), text.text):
        cited.setdefault(quoted.span(), (text.item, False))
    out = []
    for (start, _), (item, against) in sorted(cited.items()):
        number, (begin, end) = next((n, span) for n, span in enumerate(spans) if start < span[1])
        absent = re.search(rf"{_SUPPOSED}$", text.text[begin:start], re.IGNORECASE) is not None
        if item == text.item:
            against = OTHER_WAY.search(text.text, begin, end) is not None
            if not (against or absent) and any(begin <= s.span[0] < end for s in text.statements):
                continue
        out.append(_Named(item, number, absent, against))
    return out


def sentence_spans(text: Explanation, end: re.Pattern[str] = _SENTENCE_END) -> list[tuple[int, int]]:
    """Spans of a text's sentences, each with the space before it; a mark within a title or attribute ends none.

    Args:
        text: the text, with its citations and statements.
        end: what ends a sentence.
    """
    plain = list(text.text)
    for part in (*text.citations, *text.statements):
        plain[slice(*part.span)] = "_" * (part.span[1] - part.span[0])
    written = re.sub(r'"[^"]*"', lambda quoted: "_" * len(quoted[0]), "".join(plain))
    ends = [m.end() for m in end.finditer(written)]
    ends += [len(written)] if written[ends[-1] if ends else 0 :].strip() else []
    return list(itertools.pairwise([0, *ends]))
