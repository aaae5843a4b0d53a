"""Prompts for an explained pair: the profiles of user and item, their vectors, or both, in our own words."""

from collections.abc import Sequence

import numpy as np

from recx.data.dataset import Dataset
from recx.data.xrec_files import ExplainedPairs
from recx.prompts.controls import Control
from recx.prompts.pieces import Entity, Piece, as_text, render
from recx.prompts.templates import describe_item, summarise_taste, templated_explanation
from recx.prompts.tokens import EncodedRows, PromptEncoder
from recx.prompts.training_example import Example

ASKED = "A recommender suggests an item to a user. Say in one sentence why the user would like it.\n"
# What a prompt shows: profiles and vectors, vectors with the title, or two ids alone.
FORMS = {
    "profiles": ASKED + "User{user}: {user_profile}\nItem{item}: {title}. {item_profile}",
    "bare": ASKED + "User{user}\nItem{item}: {title}",
    "ids": "{user}{item}",
}


def pair_prompt(form: str, user: int, item: int, title: str, user_profile: str, item_profile: str) -> list[Piece]:
    """The question about one pair.

    Args:
        form: a key of `FORMS`.
        user: row of the user vectors.
        item: row of the item vectors.
        title: title of the item.
        user_profile: what the user likes; unused in forms without profiles.
        item_profile: whom the item suits; unused in forms without profiles.
    """
    slots = {"title": title, "user_profile": user_profile, "item_profile": item_profile}
    return render(FORMS[form], user=[Entity("user", user)], item=[Entity("item", item)], **slots)


def encode_pairs(
    pairs: ExplainedPairs, users: np.ndarray, items: np.ndarray, encoder: PromptEncoder
) -> dict[str, EncodedRows]:
    """Rows of all pairs in every form, in the pairs' order; the reference text is the answer.

    Args:
        pairs: P explained pairs.
        users: (P,) row of each pair's user vector.
        items: (P,) row of each pair's item vector, from 1.
        encoder: tokenises for one backbone and as many items as there are item vectors.
    """
    texts = list(zip(pairs.titles, pairs.user_profiles, pairs.item_profiles, strict=True))
    rows = {}
    for form in FORMS:
        asked = (pair_prompt(form, int(u), int(i), *t) for u, i, t in zip(users, items, texts, strict=True))
        examples = [Example("explanation", p, [e]) for p, e in zip(asked, pairs.explanations, strict=True)]
        rows[form], _ = encoder.encode(examples, max_tokens=10**9)
    return rows


def rule_made_pairs(data: Dataset, count: int, seed: int = 0, each: int = 2) -> ExplainedPairs:
    """Explained pairs of any data set of the kit: profiles and explanations are written by rule from attributes.

    The item is a later one of a user's sequence. Its profile states its attributes, the user's profile the most common
    values of the titles before it, and the explanation compares the item with one or two of these titles. A demo's
    planted reasons are not used.

    Args:
        data: the data set.
        count: about how many pairs to draw.
        seed: random seed of users, items and wordings.
        each: pairs of each user.
    """
    rng = np.random.default_rng(seed)
    catalogue = data.catalogue
    rows: list[tuple[int, int, str, str, str, str]] = []
    for user in rng.permutation(len(data.sequences))[: -(-count // each)].tolist():
        sequence = data.sequences[user]
        for place in sorted(rng.permutation(np.arange(2, len(sequence)))[:each].tolist()):
            history, item = sequence[:place].tolist(), int(sequence[place])
            taste, about = summarise_taste(catalogue, history), describe_item(catalogue, item)
            why = templated_explanation(rng, catalogue, history, item, True, Control())
            rows.append((user, item, catalogue.labels[item], *(as_text(p, catalogue) for p in (taste, about, why))))
    users, items, *texts = zip(*rows, strict=True)
    owners = np.repeat(np.arange(len(data.sequences)), [len(s) for s in data.sequences])
    edges = np.unique(np.stack([owners, np.concatenate(data.sequences)], axis=1), axis=0)
    counts = len(data.sequences), len(catalogue)
    origin = "Profiles and references are made by rule, from attributes."
    return ExplainedPairs(np.array(users), np.array(items), *texts, ("",) * len(rows), edges, *counts, origin)


def select_rows(rows: EncodedRows, chosen: Sequence[int] | np.ndarray) -> EncodedRows:
    """Some of the rows, or none, in the order given."""
    chosen = np.asarray(chosen, dtype=np.int64)
    tokens = np.concatenate([np.arange(rows.offsets[r], rows.offsets[r + 1]) for r in chosen] or [chosen])
    offsets = np.concatenate([[0], np.cumsum(rows.lengths[chosen])])
    return EncodedRows(rows.ids[tokens], offsets, rows.answer_mask[tokens], rows.tasks[chosen])


def without_entities(rows: EncodedRows, vocabulary: int) -> EncodedRows:
    """The rows without their tokens for vectors, whose ids begin at `vocabulary`."""
    kept = rows.ids < vocabulary
    before = np.concatenate([[0], np.cumsum(kept)])
    return EncodedRows(rows.ids[kept], before[rows.offsets], rows.answer_mask[kept], rows.tasks)
