"""Sentences that a reader of the parser found misread: what is cited, stated of which title, and decided."""

import pytest

from recx.data.demo import demo_catalogue
from recx.evaluation.judges import ExplanationToRate
from recx.evaluation.reference_judge import ReferenceJudge
from recx.parsing.explanation_parser import ExplanationParser
from recx.parsing.stated_decision import stated_decision

CATALOGUE = demo_catalogue()
PARSER = ExplanationParser(CATALOGUE)
LABELS = CATALOGUE.labels
# A Shooter for Xbox 360, another one, an Action game for Wii, and a Puzzle game for PC by Valve.
HISTORY = [CATALOGUE.index_of_label[t] for t in ("Halo 3", "Gears of War 2", "Okami (Wii)", "Portal")]
ITEM = CATALOGUE.index_of_label["Halo: Reach"]


def read(text):
    return PARSER.parse(text, HISTORY, ITEM)


def stated(text):
    """The statements of a text: value, items by label, truth."""
    return [(s.value, [LABELS[i] for i in s.items], s.true) for s in read(text).statements]


@pytest.mark.parametrize("title", ["Halo 2", "Portal 3", "Mass Effect 4", "Kingdom Hearts 9"])
def test_an_invented_sequel_is_cited_and_unknown(title):
    found = read(f'Yes. "{title}" counts most for it.')
    assert [(c.title, c.item) for c in found.citations] == [(title, None)] and not found.statements


def test_what_is_nothing_but_values_is_no_title():
    assert not read('Yes. It is a "Shooter" and "Action Adventure" game.').citations


def test_invented_sequels_earn_no_points():
    text = 'Yes. "Halo 2" counts most for it. Like "Halo 3", it is a Shooter. "Gears of War 2" is a Shooter.'
    rating = ReferenceJudge(CATALOGUE).rate([ExplanationToRate(tuple(HISTORY), ITEM, True, text)])[0]
    assert rating.score < 3 and not rating.points["cites"]


def test_a_title_with_its_platform_is_the_title():
    assert [c.item for c in read('"Portal (PC)" counts most for it.').citations] == [HISTORY[3]]
    assert [c.item for c in read('"Portal (Wii)" counts most for it.').citations] == [None]
    assert [c.item for c in read("Yes. Halo 3 counts most for it.").citations] == [HISTORY[0]]


PUZZLE, SHOOTER = ("Puzzle", ["Portal"], True), ("Shooter", ["Halo 3"], True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('"Halo 3" and the Puzzle game "Portal" count for it.', [PUZZLE]),
        ('"Halo 3" counts most, followed by the Puzzle game "Portal".', [PUZZLE]),
        ('Valve made "Portal", and Bungie made "Halo 3".', [("Valve", ["Portal"], True), ("Bungie", ["Halo 3"], True)]),
        ('After "Portal", Bungie\'s "Halo 3" counts.', [("Bungie", ["Halo 3"], True)]),
        ('They chose a Shooter, "Halo 3", and a Puzzle game, "Portal".', [SHOOTER, PUZZLE]),
        ('Shooters ("Halo 3") and Puzzle games ("Portal") speak for it.', [SHOOTER, PUZZLE]),
        (
            'You loved the Puzzle game "Halo 3" and the Shooter "Portal".',
            [("Puzzle", ["Halo 3"], False), ("Shooter", ["Portal"], False)],
        ),
        ('You enjoyed the Shooter "Portal".', [("Shooter", ["Portal"], False)]),
        ('Your history includes the Shooter "Portal".', [("Shooter", ["Portal"], False)]),
        ('They are fans of the Shooter "Portal".', [("Shooter", ["Portal"], False)]),
        ('From the history, the Shooter "Portal" counts.', [("Shooter", ["Portal"], False)]),
        ('Your history includes a Puzzle game, "Portal".', [PUZZLE]),
        ('You liked Shooters: "Halo 3", "Portal".', [("Shooter", ["Halo 3", "Portal"], False)]),
        ('You liked Shooters, e.g. "Halo 3" and "Portal".', [("Shooter", ["Halo 3", "Portal"], False)]),
    ],
)
def test_a_value_beside_a_title_is_said_of_it(text, said):
    assert stated(text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('"Portal" counts for it, since both are Shooters.', [("Shooter", ["Halo: Reach", "Portal"], False)]),
        ('You liked "Halo 3" and "Portal". They are Shooters.', [("Shooter", ["Halo 3", "Portal"], False)]),
        ('You liked "Halo 3" and "Portal"; these are Shooters.', [("Shooter", ["Halo 3", "Portal"], False)]),
        ('"Halo 3" and "Portal" were enjoyed, both being Shooters.', [("Shooter", ["Halo 3", "Portal"], False)]),
        ('It is a Shooter, as is "Portal".', [("Shooter", ["Halo: Reach", "Portal"], False)]),
        ('It is a Shooter, and "Portal" is one.', [("Shooter", ["Halo: Reach", "Portal"], False)]),
        ('It is in the same genre as "Portal", a Shooter.', [("Shooter", ["Portal"], False)]),
        ('"Halo 3" is a Shooter and "Gears of War 2" is too.', [("Shooter", ["Halo 3", "Gears of War 2"], True)]),
        (
            '"Halo 3" is a Shooter, and "Gears of War 2" is one as well.',
            [("Shooter", ["Halo 3", "Gears of War 2"], True)],
        ),
        ('"Halo 3", unlike "Okami (Wii)", is a Shooter.', [SHOOTER]),
        ('"Halo: Reach", like "Portal", is a Shooter.', [("Shooter", ["Halo: Reach", "Portal"], False)]),
        ('"Halo: Reach" (after "Gears of War 2") is made by Bungie.', [("Bungie", ["Halo: Reach"], True)]),
        ('It is close to "Portal" and is made by Bungie.', [("Bungie", ["Halo: Reach"], True)]),
        (
            '"Halo 3" and "Portal" are a Shooter and a Puzzle game, respectively.',
            [SHOOTER, PUZZLE],
        ),
        (
            "Bungie made this Shooter for Xbox 360.",
            [(v, ["Halo: Reach"], True) for v in ("Bungie", "Shooter", "Xbox 360")],
        ),
    ],
)
def test_several_titles_have_what_is_said_of_all(text, said):
    assert stated(text) == said


@pytest.mark.parametrize(
    "text",
    [
        "It is not only a Shooter but for Xbox 360 as well.",
        "It isn't only a Shooter.",
        "It is not merely a Shooter.",
        "It is no ordinary Shooter.",
        "It is free of Racing elements.",
        "You rarely watch Racing games.",
        "There is one Puzzle game in your history.",
        "One of your games is for Wii.",
        "Your history includes a Puzzle game.",
        "There are two Shooters in your history.",
    ],
)
def test_true_statements_are_true(text):
    said = read(text).statements
    assert said and all(s.true for s in said), said


@pytest.mark.parametrize(
    "text",
    [
        "Everything in your history is for Xbox 360.",
        "Your entire history is for Xbox 360.",
        "You only play Shooters.",
        "There are three Shooters in your history.",
        "There is only one Shooter in your history.",
        "Nearly all of your games are for PC.",
    ],
)
def test_wrong_amounts_are_false(text):
    assert [s.true for s in read(text).statements] == [False]


@pytest.mark.parametrize("text", ["They would like it even more if it were for PC.", "It came out after 2007."])
def test_what_is_not_claimed_is_no_statement(text):
    assert not read(text).statements


YES = (
    "While they do not usually enjoy shooters, I would recommend it.",
    "Although they don't like puzzles, I would recommend it.",
    "Since they do not like puzzle games, this shooter would suit them.",
    "Even though it does not match their usual genre, I would recommend it.",
    "The user does not like racing games, so this shooter would be a great pick.",
    "It wouldn't hurt to recommend it.",
    "They would hate to miss it.",
)
NO = (
    "While it would appeal to action fans, I would not recommend it to this person.",
    "Although many would love this game, this person would not.",
    "It aligns poorly with their taste.",
    "This fits badly.",
    "It would appeal to them very little.",
    "I'd advise them not to buy it.",
    "I would advise them to look elsewhere.",
    "I would suggest skipping it.",
    "There is only a slim chance that they would like it.",
    "Chances are slim that they would enjoy it.",
    "Someone else would enjoy it.",
    "They would enjoy other games more.",
    "This is the opposite of what they would enjoy.",
)


@pytest.mark.parametrize(
    ("text", "decision"),
    [*((t, True) for t in YES), *((t, False) for t in NO), ("I would recommend it only if they owned a Wii.", None)],
)
def test_the_decision_is_that_of_the_main_clause(text, decision):
    assert stated_decision(text)[0] is decision
