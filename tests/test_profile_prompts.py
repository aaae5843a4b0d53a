"""Prompts and rows of explained pairs, and pairs made by rule."""

import numpy as np

from recx.data.registry import load_dataset
from recx.prompts.pieces import Entity
from recx.prompts.profile_prompts import (
    FORMS,
    encode_pairs,
    pair_prompt,
    rule_made_pairs,
    select_rows,
    without_entities,
)
from recx.prompts.tokens import PromptEncoder
from recx.settings import DataSettings, DemoSettings

DATA = load_dataset(DataSettings(min_user=3, min_item=1, demo=DemoSettings(users=120)))


def text_of(pieces):
    return "".join(p if isinstance(p, str) else f"<{p.kind} {p.row}>" for p in pieces)


def test_every_form_shows_what_it_says():
    shown = {form: text_of(pair_prompt(form, 4, 9, "Braid {x}", "USER TASTE", "ITEM FACTS")) for form in FORMS}
    assert all("<user 4>" in text and "<item 9>" in text for text in shown.values())
    assert "USER TASTE" in shown["profiles"] and "ITEM FACTS" in shown["profiles"] and "Braid {x}" in shown["profiles"]
    assert "USER TASTE" not in shown["bare"] and "Braid {x}" in shown["bare"]
    assert shown["ids"] == "<user 4><item 9>"


def test_rule_made_pairs_state_what_the_catalogue_knows_and_nothing_about_the_item_beforehand():
    pairs = rule_made_pairs(DATA, 60)
    assert len(pairs) == 60 and len(set(pairs.users.tolist())) == 30 and not any(pairs.published)
    for user, item, title, about in zip(pairs.users, pairs.items, pairs.titles, pairs.item_profiles, strict=True):
        assert item in DATA.sequences[user][2:] and title == DATA.catalogue.labels[item] and f'"{title}"' in about
    for title, taste, why in zip(pairs.titles, pairs.user_profiles, pairs.explanations, strict=True):
        assert f'"{title}"' in why and f'"{title}"' not in taste
    assert pairs.explanations == rule_made_pairs(DATA, 60).explanations


def test_rows_hold_the_prompt_and_learn_the_text_alone(backbone):
    model, tokenizer = backbone
    pairs = rule_made_pairs(DATA, 10)
    vocabulary = model.get_input_embeddings().num_embeddings
    encoder = PromptEncoder(tokenizer, [""] * 11, vocabulary)
    forms = encode_pairs(pairs, np.arange(10), np.arange(1, 11), encoder)
    for rows in forms.values():
        assert len(rows) == 10
        for n in range(10):
            row = rows[n]
            learnt = tokenizer.decode(row["labels"][row["labels"] >= 0], skip_special_tokens=True)
            assert learnt.strip() == pairs.explanations[n]
            named = row["input_ids"][row["input_ids"] >= vocabulary].tolist()
            assert named == [encoder.entity(Entity("user", n)), encoder.entity(Entity("item", n + 1))]
    some = select_rows(forms["profiles"], [7, 2])
    assert [some[0]["input_ids"].tolist(), some[1]["input_ids"].tolist()] == [
        forms["profiles"][n]["input_ids"].tolist() for n in (7, 2)
    ]
    assert len(select_rows(forms["profiles"], [])) == 0
    text = without_entities(forms["profiles"], vocabulary)
    assert text.ids.max() < vocabulary and (text.lengths == forms["profiles"].lengths - 2).all()
    assert text.answer_mask.sum() == forms["profiles"].answer_mask.sum()
