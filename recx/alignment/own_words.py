"""Explanations in the backbone's own words, given the target's decision.

A small model learns task 3 without transferring the decision to the longer answer of an explanation. It is therefore
trained on answers that begin with the target's decision and are continued by the unaligned backbone itself. Meanwhile,
quotations are constrained to the titles in the prompt, since a small backbone copies unseen titles badly. Answers that
cite another title, or one of the history twice, or state something false are discarded.
"""

from dataclasses import dataclass

import numpy as np

from recx.decoding.generation import greedy_text
from recx.decoding.quote_constraint import QuoteConstraint
from recx.decoding.token_texts import TokenTexts
from recx.models.aligned_model import AlignedModel
from recx.parsing.explanation_parser import ExplanationParser
from recx.parsing.parsed_explanation import ParsedExplanation
from recx.prompts.controls import random_control
from recx.prompts.requests import person_prompt
from recx.prompts.task_data import TaskData, shuffled_cycle
from recx.prompts.tokens import PromptEncoder
from recx.prompts.wordings import EXPLANATION


@dataclass(frozen=True)
class OwnWords:
    """The answers that were kept, and the number written.

    Attributes:
        rows: (history row, item, instruction, answer).
        written: number of answers before checking.
    """

    rows: list[tuple[int, int, str, str]]
    written: int


def is_faithful(reading: ParsedExplanation) -> bool:
    """Whether an answer says something, is about the item, cites only the history and each title once, and states
    nothing false or unknown."""
    cited = [c.item for c in reading.citations]
    return (
        bool(cited or reading.statements)
        and reading.about_item
        and all(c.in_history for c in reading.citations)
        and len(set(cited)) == len(cited)
        and all(s.true for s in reading.statements)
        and not reading.names
    )


def write_own_words(
    model: AlignedModel,
    encoder: PromptEncoder,
    data: TaskData,
    count: int,
    rng: np.random.Generator,
    max_tokens: int = 0,
    precision: str = "auto",
    show_progress: bool = True,
) -> OwnWords:
    """Let the unaligned backbone argue for the target's decisions.

    Args:
        model: the backbone without entity tokens.
        encoder: encoder with the backbone's tokenizer.
        data: histories and the target's labels.
        count: number of answers to write, half of them for liked items.
        rng: source of randomness for histories, wordings and instructions.
        max_tokens: longest answer; by default, what the titles of the catalogue need.
        precision: of matrix products.
        show_progress: show a bar.
    """
    views, max_tokens = list(data.catalogue.attributes), max_tokens or encoder.text_tokens
    rows = [data.preference_rows[n] for n in shuffled_cycle(len(data.preference_rows), count, rng)]
    asked, prompts, quotes = [], [], []
    texts, labels = TokenTexts.of(encoder.tokenizer), data.catalogue.labels
    for n, row in enumerate(rows):
        liked = n % 2 == 0
        item = int(rng.choice((data.labels.liked if liked else data.labels.disliked)[row]))
        control = random_control(rng, views)
        instruction = control.wording(int(rng.integers(8)))
        opening, wording = int(rng.integers(4)), EXPLANATION[int(rng.integers(8))]
        pieces = person_prompt("behavior", opening, data.recent(row), row, wording, [item])
        pieces += [f" {instruction}"] if instruction else []
        decision = "Yes" if liked else "No"
        prompts.append(encoder.prompt(pieces).followed_by(np.concatenate(encoder.pieces([decision]))))
        quotes.append(QuoteConstraint(texts, [labels[h] for h in data.recent(row)], labels[item]))
        asked.append((row, item, instruction, decision))
    answers = greedy_text(
        model,
        prompts,
        encoder.ends,
        max_tokens,
        precision=precision,
        show_progress=show_progress,
        quotes=quotes,
    )
    parser, kept = ExplanationParser(data.catalogue), []
    for (row, item, instruction, decision), tokens in zip(asked, answers, strict=True):
        answer = decision + encoder.tokenizer.decode(tokens)
        if len(tokens) < max_tokens and is_faithful(parser.parse(answer, data.recent(row), item)):
            kept.append((row, item, instruction, answer))
    return OwnWords(kept, len(asked))
