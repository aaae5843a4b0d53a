"""Questions about a recommendation in plain words."""

from recx.data.text_records import text_record
from recx.prompts.recommendation_prompts import (
    AttributeQuestion,
    comparison_prompt,
    explanation_prompt,
    situation,
)

RECORD = text_record(
    {
        "history": [{"title": f"Game {n}", "attributes": {"genre": ["Puzzle"]}} for n in range(12)],
        "item": {"title": "Portal", "attributes": {"genre": ["Shooter", "Puzzle"], "year": 2007}},
        "person": {"age": 24, "gender": "female"},
        "texts": {"x": "."},
    }
)


def test_the_latest_items_and_the_person_are_told():
    asked = explanation_prompt(RECORD, 10)
    assert '"Game 2" (genre: Puzzle)' in asked and '"Game 1"' not in asked
    assert asked.index("Game 10") < asked.index("Game 11") < asked.index("Portal")
    assert "age: 24; gender: female" in asked and '"Portal" (genre: Shooter, Puzzle; year: 2007)' in asked


def test_a_withheld_attribute_is_nowhere_in_the_question_but_among_the_options():
    for attribute, of_item, options, value in (
        ("gender", False, ("male", "other"), "female"),
        ("genre", True, ("Racing", "Sports"), "Shooter"),
    ):
        question = AttributeQuestion(attribute, of_item, options)
        assert value not in question.prompt(RECORD, True) and value in question.prompt(RECORD, False)
        assert ", ".join(options) in question.prompt(RECORD, True)
    assert "Puzzle" in AttributeQuestion("genre", True, ("a", "b")).prompt(RECORD, True), "the history keeps its genres"


def test_compared_texts_stand_in_order_and_are_cut():
    asked = comparison_prompt(situation(RECORD), "one " * 500, "two")
    assert asked.index("Text A: one") < asked.index("Text B: two") and asked.count("one ") < 200
