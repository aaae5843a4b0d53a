"""Attributes that nobody arranged: numbers, codes that are words, names with a negation, several alike."""

import numpy as np
import pytest

from recx.data.catalogue import build_catalogue
from recx.errors import DataError
from recx.evaluation.faithfulness_tables import caption
from recx.evaluation.group_faithfulness import draw_choices
from recx.parsing.explanation_parser import ExplanationParser
from recx.pipeline.ablation import VARIANTS, variants_of
from recx.profiles.resolve import resolve_settings
from recx.prompts.controls import Control, random_control
from recx.prompts.evidence import evidence_of, explain_evidence
from recx.prompts.pieces import as_text
from recx.prompts.templates import columns_by_strength, phrase, summarise_taste, templated_explanation
from recx.prompts.tokens import PromptEncoder
from recx.recommenders.popularity import RandomRecommender
from recx.settings import TargetSettings

TITLES = ["Catan", "Root", "Azul", "Carcassonne", "Pandemic", "Wingspan"]
ATTRIBUTES = {
    "minutes": {"playing time": "20 30 60 93 100 41"},
    "languages": {"language": "it as en it is no"},
    "players": {"min players": "2 4 2 4 1 2", "max players": "4 4 6 5 4 2"},
    "a negation in the name": {"no of players": "2 4 2 4 1 2"},
    "another one": {"not suitable for": "toddlers adults children toddlers adults children"},
    "a full stop in the name": {"No. of pages": "200 300 300 100 200 150"},
    "words that are phrased without the name": {
        "genre": "Other News Other All News Other",
        "platform": "2600 Wii 7800 2600 Wii 7800",
    },
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
            parsed = parser.parse(text, history, item)
            statements = parsed.statements
            assert not parsed.unverified, text
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


def test_usual_names_of_attributes_are_known_in_any_form():
    assert phrase("Genres", "Drama") == "a Drama title" and phrase("release_year", "1999") == "from 1999"
    assert phrase("language", "it") == "with the language it"
    assert columns_by_strength(["language", "Year", "GENRE"]) == ["GENRE", "Year", "language"]
    catalogue = build_catalogue(["a", "b"], ["A", "B"], {"language": [["it"]] * 2, "Genres": [["Drama"]] * 2})
    assert as_text(summarise_taste(catalogue, [1, 2]), catalogue).startswith("Mostly Drama, language it. ")


def test_without_attributes_no_view_is_asked_for():
    rng = np.random.default_rng(0)
    controls = [random_control(rng, []) for _ in range(300)]
    assert not any(control.view for control in controls) and {control.length for control in controls} > {"normal"}


def test_longer_titles_allow_longer_explanations(backbone):
    _, tokenizer = backbone
    short, long = (PromptEncoder(tokenizer, ["", *["word " * n] * 5], len(tokenizer)) for n in (2, 60))
    assert (short.text_tokens, short.sentence_tokens) == (160, 64)
    assert long.text_tokens > 8 * 60 and long.sentence_tokens > 3 * 60


def test_a_group_that_knows_everything_gets_nothing():
    """The rest of the groups are numbered without gaps."""
    target, rng = RandomRecommender(8), np.random.default_rng(0)
    histories = [rng.permutation(8)[:3] + 1 for _ in range(12)]
    choices = draw_choices(target, histories, 3, 20, sizes=(2, 5))
    groups = [choice.group for choice in choices]
    assert sorted(set(groups)) == list(range(len(set(groups)))) and len(set(groups)) < 40
    with pytest.raises(DataError, match="No group"):
        draw_choices(target, [np.arange(1, 9)] * 4, 3, 2, sizes=(2,))


def test_a_caption_of_nothing_claims_nothing():
    assert "no metric" in caption([], ["random"])


@pytest.mark.parametrize(
    "file, name", [("mine.py", "mine"), ("popularity.py", "popularity.py"), ("sasrec.py", "sasrec.py")]
)
def test_a_file_is_not_taken_for_a_baseline_of_its_name(file, name):
    assert TargetSettings(kind=file).name == name


def test_variants_that_are_trained_alike_are_trained_once():
    assert len(variants_of(resolve_settings())) == len(VARIANTS)
    few = resolve_settings(overrides={"align.shares.explanation": 0.0, "align.shares.conversation": 0.0})
    assert set(VARIANTS) - set(variants_of(few)) == {"without task 3 and explanations", "without task 5"}
