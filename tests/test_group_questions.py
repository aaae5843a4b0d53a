import numpy as np

from recx.data.demo import demo_catalogue
from recx.explaining.group_questions import SENTENCES, TOLD, group_question, ranked, template_answer
from recx.parsing.stated_rule import stated_rules
from recx.prompts.pieces import as_text
from recx.recommenders.group_rules import RULES

CATALOGUE = demo_catalogue()
HISTORIES = [np.array([1, 2, 3, 4]), np.array([5])]


def test_members_their_latest_titles_and_their_places_are_shown():
    question = group_question(HISTORIES, 9, (0.937, 0.5), shown=2)
    text = as_text(question.pieces("hybrid"), CATALOGUE)
    label = CATALOGUE.labels
    assert text.startswith(f'Member 1 picked "{label[3]}"; "{label[4]}". Member 2 picked "{label[5]}". The recommender')
    assert "above 94 of 100 titles for member 1 and above 50 of 100 titles for member 2." in text
    assert label[2] not in text and question.history.tolist() == [3, 4, 5]
    assert stated_rules(text) == (), "the prompt does not give the rule away"


def test_a_prompt_that_is_told_the_rule_has_it_and_differs_in_nothing_else():
    plain, told = (
        as_text(group_question(HISTORIES, 9, (1, 0), r).pieces("behavior"), CATALOGUE) for r in ("", "approval")
    )
    sentence = f"It was chosen as {TOLD['approval']}. "
    assert sentence in told and told.replace(sentence, "") == plain


def test_the_template_names_each_rule_so_that_a_reader_finds_it_and_grows_with_the_group():
    assert set(SENTENCES) == set(TOLD) == set(RULES)
    question = group_question(HISTORIES, 9, (0.9, 0.2))
    for rule in RULES:
        assert stated_rules(template_answer(question, rule, CATALOGUE).replace(CATALOGUE.labels[9], "")) == (rule,)
        assert stated_rules(TOLD[rule]) == (rule,)
    larger = group_question([*HISTORIES, HISTORIES[0]], 9, (0.9, 0.2, 0.4))
    assert len(template_answer(larger, "approval", CATALOGUE)) > len(template_answer(question, "approval", CATALOGUE))
    assert group_question(HISTORIES, 9, (0.29, 1.0)).places == (29, 99), "the item itself is one of the hundred"
    assert ranked((7,)) == "It ranks above 7 of 100 titles for member 1."
