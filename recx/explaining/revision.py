"""Told texts held to their evidence: sentences that contradict it are written again, or else left out.

A model that is told measurements may still say something else. The text is therefore checked sentence by sentence by
the kit's own reader. A sentence is wrong if it contradicts the measurements, cites a title that it was not told as a
cause (even in a comparison), states an attribute that is false or that the reader does not find in the catalogue, says
how sure the target is in words that the reader does not know, or contrasts two titles that are alike. In its place,
several sentences are drawn from the model, and of those that pass, the one drawn most often is taken; if none does,
the sentence is left out. What the reader checks then holds by construction, so on such texts its checks say nothing
about the model.
"""

import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from recx.decoding.quote_constraint import QuoteConstraint
from recx.decoding.sampling import sampled_texts
from recx.decoding.token_texts import TokenTexts
from recx.explaining.contradictions import contradictions, sentence_spans
from recx.explaining.records import Explanation
from recx.parsing.quotation_marks import QUOTED
from recx.prompts.evidence import Evidence, strength_unread
from recx.prompts.pieces import quoted_pieces
from recx.prompts.requests import Request
from recx.prompts.tokens import Prompt

if TYPE_CHECKING:
    from recx.explaining.aligned import AlignedExplainer

DRAWN = 8  # sentences drawn in place of one
TEMPERATURE = 0.7  # of the draws: at 1, small models misspell words
ROUNDS = 8  # sentences of a text that may be written again; further ones are left out
_CONTRAST = ", while "
# A title and what it is said to be, whether or not the reader knows such words, but for those that make it a cause.
_PREDICATE = re.compile(
    r'"[^"]*" is (?!the main reason|what (?:weighs|counts|speaks) most|taken out|pulling)(?P<what>[^"]*)'
)


@dataclass(eq=False)
class Draft:
    """A text under revision: what was accepted, the sentences still to be checked, and what has been read before."""

    request: Request
    evidence: Evidence
    prompt: Prompt
    kept: str = ""
    rest: list[str] = field(default_factory=list)
    changed: int = 0
    known: dict[str, Explanation] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The text as it stands."""
        return (self.kept + "".join(self.rest)).strip()


class Reviser:
    """Holds told texts of one explainer to their evidence.

    Args:
        explainer: the explainer that wrote them.
        max_tokens: greatest length of a text that has to be begun anew; by default, what the titles of the catalogue
            need.
    """

    def __init__(self, explainer: "AlignedExplainer", max_tokens: int = 0) -> None:
        self.explainer, self.max_tokens = explainer, max_tokens or explainer.encoder.text_tokens

    def revise(
        self, requests: Sequence[Request], evidence: Sequence[Evidence], texts: Sequence[str]
    ) -> Iterator[list[Draft]]:
        """Revise R texts together, yielding the drafts after each round; the last ones are final.

        Args:
            requests: what was asked.
            evidence: what was told.
            texts: what was written.
        """
        prompts = self.explainer.prompts(requests)
        drafts = [Draft(r, e, p) for r, e, p in zip(requests, evidence, prompts, strict=True)]
        for draft, text in zip(drafts, texts, strict=True):
            draft.rest = self._sentences(draft, text)
        self._begin_again([d for d in drafts if "decision" in contradictions(self._read(d, d.text), d.evidence)])
        for _ in range(ROUNDS):
            waiting = [d for d in drafts if self._accept(d)]
            yield drafts
            if not waiting:
                return
            self._rewrite(waiting)
        for draft in drafts:
            while self._accept(draft):
                self._leave_out(draft)
        yield drafts

    def _accept(self, draft: Draft) -> bool:
        """Accept sentences up to the first wrong one; whether there is one."""
        while draft.rest and not self._wrong(draft, draft.rest[0]):
            draft.kept += draft.rest.pop(0)
        return bool(draft.rest)

    def _wrong(self, draft: Draft, sentence: str) -> bool:
        read, causes = self._read(draft, draft.kept + sentence), told_causes(draft.evidence)
        stated = [s for s in read.statements if s.span[0] >= len(draft.kept)]
        known = [s.span[0] - len(draft.kept) for s in stated]
        unknown = [m for m in _PREDICATE.finditer(sentence) if not any(m.start("what") <= k < m.end() for k in known)]
        values = [s.value for s in stated]
        return bool(
            contradictions(read, draft.evidence)
            or strength_unread(sentence)
            or any(not c.in_history or not (c.against or c.item in causes) for c in read.citations)
            or any(not s.true for s in read.statements)
            or unknown
            or len(set(quoted := QUOTED.findall(sentence))) < len(quoted)  # compared with itself
            or (_CONTRAST in QUOTED.sub("", sentence) and len(set(values)) < len(values))  # "A is new, while B is new"
        )

    def _read(self, draft: Draft, text: str) -> Explanation:
        if text not in draft.known:
            draft.known[text] = self.explainer.read(text, draft.request)
        return draft.known[text]

    def _sentences(self, draft: Draft, text: str) -> list[str]:
        return [text[start:end] for start, end in sentence_spans(self._read(draft, text))]

    def _begin_again(self, drafts: Sequence[Draft]) -> None:
        """Write texts anew after the measured decision."""
        words = [_decision(draft.evidence) for draft in drafts]
        for draft, word, text in zip(drafts, words, self._continued(drafts, words), strict=True):
            draft.rest, draft.changed = self._sentences(draft, text), draft.changed + 1
            if "decision" in contradictions(self._read(draft, draft.text), draft.evidence):
                draft.rest = [f"{word}."]

    def _rewrite(self, drafts: Sequence[Draft]) -> None:
        """Put a sentence that passes in place of each draft's first one, and let the model continue from it."""
        mended = self._replaced(drafts, told_titles)
        # A second attempt may name the strongest cause alone.
        left = [d for d in drafts if d not in mended and not self._read(d, d.kept).citations]
        mended += self._replaced(left, lambda evidence: evidence.notable[:1])
        for draft in drafts:
            if draft not in mended:
                self._leave_out(draft)
        for draft, text in zip(mended, self._continued(mended, [d.kept for d in mended]), strict=True):
            draft.rest = self._sentences(draft, text)[len(self._sentences(draft, draft.kept)) :]

    def _replaced(self, drafts: Sequence[Draft], titles: Callable[[Evidence], Sequence[int]]) -> list[Draft]:
        """Those drafts for which a sentence passes that cites some titles only; it is accepted."""
        if not drafts:
            return []
        prompts = [self._prompt(draft, draft.kept) for draft in drafts]
        drawn = sampled_texts(
            self.explainer.model,
            prompts,
            self.explainer.encoder.ends,
            DRAWN,
            self.explainer.encoder.sentence_tokens,
            TEMPERATURE,
            self.explainer.precision,
            quotes=[self._quotes(d, p, titles(d.evidence)) for d, p in zip(drafts, prompts, strict=True)],
            pauses=TokenTexts.of(self.explainer.encoder.tokenizer).ending_with(b".!?"),
            seeds=[zlib.crc32(prompt.ids.tobytes()) for prompt in prompts],  # the same question gets the same answer
        )
        mended = []
        for draft, rows in zip(drafts, drawn, strict=True):
            sentence = self._passing(draft, [self._decoded(draft, row) for row in rows])
            if sentence:
                draft.kept, draft.changed = draft.kept + sentence, draft.changed + 1
                mended.append(draft)
        return mended

    def _decoded(self, draft: Draft, ids: np.ndarray) -> str:
        tokenizer = self.explainer.encoder.tokenizer
        return _joined(draft.kept, tokenizer.decode(ids, skip_special_tokens=True))

    def _passing(self, draft: Draft, texts: Sequence[str]) -> str:
        """The next sentence that most of the texts have, among those that pass; empty if none does."""
        before = self._sentences(draft, draft.kept)
        drawn = Counter()
        for text in texts:
            sentences = self._sentences(draft, text)[len(before) :]
            if sentences and sentences[0][-1:] in (*".!?",):  # not cut off
                drawn[sentences[0]] += 1
        return next((s for s, _ in drawn.most_common() if s not in before and not self._wrong(draft, s)), "")

    def _leave_out(self, draft: Draft) -> None:
        draft.rest.pop(0)
        draft.changed += 1
        if not draft.text:
            draft.kept = f"{_decision(draft.evidence)}."  # nothing else is left

    def _continued(self, drafts: Sequence[Draft], begun: Sequence[str]) -> list[str]:
        """Each beginning of an answer with the continuation that the model writes."""
        if not drafts:
            return []
        prompts = [self._prompt(draft, text) for draft, text in zip(drafts, begun, strict=True)]
        quotes = [self._quotes(d, p, told_titles(d.evidence)) for d, p in zip(drafts, prompts, strict=True)]
        texts = self.explainer.text_generator.write(prompts, self.max_tokens, quotes=quotes)
        return [_joined(start, text) for start, text in zip(begun, texts, strict=True)]

    def _quotes(self, draft: Draft, prompt: Prompt, titles: Sequence[int]) -> QuoteConstraint:
        """The constraint on quotations after the beginning of an answer: some titles, and the one in question."""
        labels, texts = self.explainer.catalogue.labels, TokenTexts.of(self.explainer.encoder.tokenizer)
        allowed = texts, [labels[n] for n in titles], labels[draft.evidence.item]
        quotes = QuoteConstraint(*allowed)
        try:
            for token in prompt.ids[len(draft.prompt.ids) :].tolist():
                quotes.advance(token)
        except ValueError:  # the beginning cites other titles of the history
            return QuoteConstraint(*allowed)
        return quotes

    def _prompt(self, draft: Draft, begun: str) -> Prompt:
        """The prompt with the beginning of the answer, its titles in the tokens that the model was trained on."""
        prompt = draft.prompt
        for ids in self.explainer.encoder.pieces(quoted_pieces(begun, self.explainer.catalogue.index_of_label)):
            prompt = prompt.followed_by(ids)
        return prompt


def told_causes(evidence: Evidence) -> tuple[int, ...]:
    """The causes that evidence tells: at most three."""
    return evidence.notable[:3]


def told_titles(evidence: Evidence) -> tuple[int, ...]:
    """The titles that evidence tells: its causes, and what pulls the other way."""
    return (*told_causes(evidence), *([] if evidence.against is None else [evidence.against]))


def _decision(evidence: Evidence) -> str:
    return "Yes" if evidence.liked else "No"


def _joined(start: str, text: str) -> str:
    """A beginning and the text after it, with the space that decoding may have dropped between two words."""
    return start + (" " if start and (text[:1].isalnum() or text[:1] in ('"', "(")) else "") + text
