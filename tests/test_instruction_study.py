"""What is asked beside explanations: questions about attributes, their answers, and people described otherwise."""

from recx.data.llmxrec_files import InstructionStudy
from recx.data.text_records import text_record
from recx.evaluation.instruction_study import (
    answer_table,
    attribute_questions,
    people,
    true_values,
    with_person,
)

AGES = (18, 24, 30, 61)
GENRES = (["War"], ["War", "Drama"])
RECORDS = [
    text_record(
        {
            "history": [f"Film {n}"],
            "item": {"title": "X", "attributes": {"genre": GENRES[n % 2]}},
            "person": {"age": age, "gender": "female" if n else "male"},
            "texts": {"a": "."},
        }
    )
    for n, age in enumerate(AGES)
]
NOBODY = text_record({"history": ["Film 9"], "item": "Y", "texts": {"a": "."}})


def test_every_person_is_asked_about_once():
    study = InstructionStudy([], [], [], [], {"mf": [RECORDS[0], NOBODY], "sasrec": RECORDS})
    assert people(study) == RECORDS


def test_what_can_be_asked_and_what_is_right():
    asked = {q.attribute: q for q in attribute_questions(RECORDS)}
    assert asked["gender"].options == ("female", "male") and asked["genre"].options == ("Drama", "War")
    assert asked["genre"].of_item and not asked["age"].of_item
    groups = [true_values(asked["age"], r) for r in RECORDS]
    assert groups == [("under 25",), ("under 25",), ("25 to 34",), ("50 or older",)]
    assert true_values(asked["genre"], RECORDS[1]) == ("War", "Drama") and true_values(asked["age"], NOBODY) == ()
    assert attribute_questions([NOBODY]) == []


def test_answers_stand_beside_the_most_common_value():
    (gender,) = [q for q in attribute_questions(RECORDS) if q.attribute == "gender"]
    said = {"withheld": ["male", "male", "female", "female", "male"], "shown": ["male", *["female"] * 3, "male"]}
    found = answer_table(gender, [*RECORDS, NOBODY], said).set_index("told")
    assert found["value"].to_dict() == {"withheld": 0.75, "shown": 1.0, "most common": 0.75}
    assert found.loc["withheld", "names"] == 0.6 and set(found["n"]) == {4}, "of nobody the right answer is unknown"


def test_one_attribute_is_changed_and_the_rest_kept():
    changed = with_person(RECORDS[0], gender="female")
    assert dict(changed.person) == {"age": ("18",), "gender": ("female",)} and changed.history == RECORDS[0].history
