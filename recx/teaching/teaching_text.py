"""Training text of the teaching backbone: rows about a catalogue, argued from content alone.

The labels come from `ContentRecommender`, which compares attributes. Neither interactions nor a target are used.
"""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from recx.data.catalogue import Catalogue
from recx.prompts import wordings
from recx.prompts.controls import random_control
from recx.prompts.conversations import Conversation
from recx.prompts.pieces import as_text, titles
from recx.prompts.requests import person_prompt
from recx.prompts.task_data import TaskData
from recx.prompts.templates import templated_explanation
from recx.prompts.training_example import Example
from recx.prompts.training_tasks import build_examples
from recx.recommenders.labels import label_histories
from recx.teaching.content_rule import ContentRecommender


def random_histories(
    catalogue: Catalogue, content: ContentRecommender, count: int, rng: np.random.Generator
) -> list[np.ndarray]:
    """Coherent histories of 2 to 10 items: each grows from two random items by similarity and chance."""
    seeds = rng.integers(1, len(catalogue) + 1, size=(count, 2))
    lengths = rng.integers(2, 11, size=count)
    sharpness = rng.uniform(1.0, 4.0, size=(count, 1))
    histories = []
    for start in range(0, count, 1024):
        part = slice(start, start + 1024)
        scores = content.score(torch.from_numpy(seeds[part])).numpy() * sharpness[part]
        keys = scores + rng.gumbel(size=scores.shape)
        keys[:, 0] = -np.inf
        order = np.argpartition(-keys, 12, axis=1)[:, :12]
        histories += [rng.permutation(row)[:n] for row, n in zip(order, lengths[part], strict=True)]
    return histories


def write_rows(
    catalogue: Catalogue, count: int, rng: np.random.Generator, conversations: list[Conversation], known: bool
) -> Iterator[Example]:
    """Write rows about one catalogue.

    Args:
        catalogue: catalogue the rows are about.
        count: approximate number of rows.
        rng: source of all randomness.
        conversations: general conversations, which make up some of the rows.
        known: whether the model is to memorise the catalogue's facts.
    """
    content = ContentRecommender(catalogue)
    histories = random_histories(catalogue, content, count // 2, rng)
    labels = label_histories(content, histories, content.max_history, rng)
    data = TaskData(catalogue, histories, labels, conversations=conversations, max_history=12)
    if known:
        shares = {"retrieval": 0.06, "ranking": 0.04, "preference": 0.09, "item": 0.14, "conversation": 0.05}
        yield from build_examples(data, "behavior", {t: int(count * s) for t, s in shares.items()}, rng)
        yield from build_examples(data, "behavior", {"reconstruction": int(count * 0.05)}, rng)
    for n in range(int(count * (0.45 if known else 0.6))):
        yield explanation(data, data.preference_rows[n % len(data.preference_rows)], rng)
    for _ in range(int(count * (0.12 if known else 0.4))):
        row = int(rng.integers(len(histories)))
        history = data.recent(row)
        prompt = person_prompt("behavior", int(rng.integers(4)), history, row, str(rng.choice(wordings.HISTORY)))
        yield Example("reconstruction", prompt, titles(history))


def explanation(data: TaskData, row: int, rng: np.random.Generator) -> Example:
    """An explanation whose decision follows the content rule, except that one in four argues against it."""
    liked = rng.random() < 0.5
    item = int((data.labels.liked if liked else data.labels.disliked)[row, 0])
    decision = liked != (rng.random() < 1 / 4)
    control = random_control(rng, list(data.catalogue.attributes))
    history, opening, wording = data.recent(row), int(rng.integers(4)), str(rng.choice(wordings.EXPLANATION))
    prompt = person_prompt("behavior", opening, history, row, wording, [item])
    instruction = control.wording(int(rng.integers(8)))
    prompt += [f" {instruction}"] if instruction else []
    return Example("explanation", prompt, templated_explanation(rng, data.catalogue, history, item, decision, control))


def tokenizer_texts(
    sources: Sequence[tuple[Catalogue, int, bool]], conversations: list[Conversation], seed: int
) -> Iterator[str]:
    """Training text of the tokenizer: some rows about each catalogue, all its titles, and the conversations.

    Args:
        sources: each catalogue, its number of rows (ignored) and whether its facts are memorised.
        conversations: general conversations.
        seed: random seed of the rows.
    """
    rng = np.random.default_rng(seed)
    for catalogue, _, known in sources:
        for example in write_rows(catalogue, 12_000 if known else 3_000, rng, conversations, known):
            yield as_text([*example.prompt, "\n", *example.response], catalogue)
        yield from itertools.chain.from_iterable([catalogue.labels] * (3 if known else 1))
    for conversation in conversations:
        yield from conversation.turns
