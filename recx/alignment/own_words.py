"""Explanations in the backbone's own words, given the target's decision.

A small model learns task 3 without carrying the decision over to the longer answer of an explanation. So it is
taught with answers that begin with the target's decision; what follows is written by the backbone itself, unaligned,
after that first word. While it writes, its quotes are held to the titles of the prompt, those of the history once
each: a small backbone copies titles badly that it never saw. Answers that cite another title or state something
false are thrown away.
"""

from dataclasses import dataclass

import numpy as np

from recx.decoding.generation import greedy_text
from recx.decoding.quote_constraint import QuoteConstraint
from recx.decoding.token_texts import TokenTexts
from recx.models.aligned_model import AlignedModel
from recx.prompts.controls import random_control
from recx.prompts.explanation_parser import ExplanationParser, ParsedExplanation
from recx.prompts.requests import person_prompt
from recx.prompts.tokens import PromptEncoder
from recx.prompts.training_tasks import TaskData, shuffled_cycle
from recx.prompts.wordings import EXPLANATION


@dataclass(frozen=True)
class OwnWords:
    """Answers that were kept, and how many were written.

    Attributes:
        rows: (history row, item, instruction, answer).
        written: number of answers before checking.
    """

    rows: list[tuple[int, int, str, str]]
    written: int


def is_faithful(reading: ParsedExplanation) -> bool:
    """Whether an answer says anything, cites the history only and each title once, states the truth and names nothing
    else."""
    cited = [c.item for c in reading.citations]
    return (
        bool(cited or reading.statements)
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
    max_tokens: int = 160,
    precision: str = "auto",
    show_progress: bool = True,
) -> OwnWords:
    """Let the unaligned backbone argue for the target's decisions.

    Args:
        model: the backbone without entity tokens.
        encoder: its tokens.
        data: histories and the target's labels.
        count: answers to write, half of them for liked items.
        rng: draws histories, wordings and instructions.
        max_tokens: longest answer.
        precision: of the matrix products.
        show_progress: show a bar.
    """
    views = list(data.catalogue.attributes)
    rows = [data.preference_rows[n] for n in shuffled_cycle(len(data.preference_rows), count, rng)]
    asked, prompts, quotes = [], [], []
    texts, labels = TokenTexts.of(encoder.tokenizer), data.catalogue.labels
    for n, row in enumerate(rows):
        liked = n % 2 == 0
        item = int(rng.choice((data.labels.liked if liked else data.labels.disliked)[row]))
        control = random_control(rng, views) if views else random_control(rng, ["title"])
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
    return OwnWords(kept, count)
