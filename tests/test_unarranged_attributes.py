"""Attributes that nobody arranged: numbers, codes that are words, names with a negation, several alike."""

import numpy as np
import pytest

from recx.data.catalogue import build_catalogue
from recx.parsing.explanation_parser import ExplanationParser
from recx.prompts.controls import Control
from recx.prompts.evidence import evidence_of, explain_evidence
from recx.prompts.pieces import as_text
from recx.prompts.templates import templated_explanation

TITLES = ["Catan", "Root", "Azul", "Carcassonne", "Pandemic", "Wingspan"]
ATTRIBUTES = {
    "minutes": {"playing time": "20 30 60 93 100 41"},
    "languages": {"language": "it as en it is no"},
    "players": {"min players": "2 4 2 4 1 2", "max players": "4 4 6 5 4 2"},
    "a negation in the name": {"no of players": "2 4 2 4 1 2"},
    "another one": {"not suitable for": "toddlers adults children toddlers adults children"},
    "a full stop in the name": {"No. of pages": "200 300 300 100 200 150"},
    "a word of every text": {"category": "other news other sports news other"},
}


def catalogue_of(attributes):
    columns = {name: [[value] for value in values.split()] for name, values in attributes.items()}
    return build_catalogue(list("abcdef"), TITLES, columns)


@pytest.mark.parametrize("attributes", ATTRIBUTES.values(), ids=ATTRIBUTES)
def test_the_kits_own_texts_state_nothing_false(attributes):
    catalogue, rng = catalogue_of(attributes), np.random.default_rng(0)
    parser, stated = ExplanationParser(catalogue), 0
    for n in range(40):
        history, liked = (rng.permutation(6)[:4] + 1).tolist(), bool(n % 2)
        item = int(rng.choice([i for i in range(1, 7) if i not in history]))
        evidence = evidence_of(np.array(history), rng.normal(size=4), item, liked, float(rng.random()), rng.random(4))
        for pieces in (
            explain_evidence(rng, catalogue, evidence, Control(), numbers=True),
            templated_explanation(rng, catalogue, history, item, liked, Control()),
        ):
            text = as_text(pieces, catalogue)
            statements = parser.parse(text, history, item).statements
            assert all(s.true and not s.negated for s in statements), text
            stated += len(statements)
    assert stated > 100


@pytest.mark.parametrize(
    "text, truths",
    [
        ('Yes. "Catan" is with the min players 4.', [False]),
        ('Yes. "Catan" is with the max players 4.', [True]),
        ('Yes. "Catan" is with the min players 2, and so is "Azul".', [True]),
        ('Yes. "Catan" is for 4 players. It ranks above 2 of 100 titles.', []),
    ],
)
def test_a_value_is_looked_up_in_the_attribute_that_the_text_names(text, truths):
    parser = ExplanationParser(catalogue_of(ATTRIBUTES["players"]))
    assert [s.true for s in parser.parse(text, [1, 2], 3).statements] == truths
