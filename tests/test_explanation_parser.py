import time

import pytest

from recx.alignment.own_words import is_faithful
from recx.data.catalogue import build_catalogue
from recx.parsing.explanation_parser import ExplanationParser
from recx.prompts.evidence import _FIRST
from recx.prompts.templates import phrase

PORTAL, PORTAL2, HALO, OKAMI = 1, 2, 3, 4


def read(catalogue, text, history=(PORTAL, HALO), item=PORTAL2):
    return ExplanationParser(catalogue).parse(text, history, item)


@pytest.mark.parametrize(
    "text, decision", [("Yes. a", True), ("no, a", False), (' "Yes', True), ("Perhaps", None), ("Note", None)]
)
def test_decision_is_the_first_word(small_catalogue, text, decision):
    assert read(small_catalogue, text).decision is decision


def test_a_series_that_begins_with_an_article_is_phrased_and_read_with_one():
    assert phrase("series", "The Witcher") == "part of the Witcher series" == phrase("series", "Witcher")
    series = {"series": [("The Witcher",), ("Theatrhythm",)]}
    catalogue = build_catalogue(["a", "b"], ["Geralt", "Curtain Call"], series)
    for said in (phrase("series", "The Witcher"), "part of the The Witcher series"):
        (one,) = ExplanationParser(catalogue).parse(f'Yes. "Geralt" is {said}.', [1], 2).statements
        assert one.value == "The Witcher" and one.true
    (one,) = ExplanationParser(catalogue).parse('Yes. "Geralt" is part of the Theatrhythm series.', [1], 2).statements
    assert one.value == "Theatrhythm" and not one.true


@pytest.mark.parametrize(
    "text, unverified",
    [
        ('No. "Portal" is for PlayStation 4, and so is "Halo 3".', ["PlayStation 4"]),
        ('Yes. "Portal" is a Hack and Slash title, while "Halo 3" is a Shooter title.', ["Hack and Slash"]),
        ('Yes. "Halo 3" is part of the Portal series; "Portal" is from 2007.', ["Portal", "2007"]),
        ('Yes. “Portal” is an RPG title as "Halo 3" is made by Bungie Inc.', ["RPG", "Bungie Inc"]),
        ('Yes. "Portal" is a Puzzle title and "Halo 3" is for Xbox 360.', []),
        ('Yes. "Portal" is for fans of puzzles; "Halo 3" is a Japanese game, and it is a great title.', []),
    ],
)
def test_attributes_of_no_title_are_unverified_and_no_statements(small_catalogue, text, unverified):
    reading = read(small_catalogue, text)
    assert [text[start:end] for start, end in reading.unverified] == unverified
    assert not any(s.value in unverified for s in reading.statements)
    assert sum(c.title == "Portal" for c in reading.citations) == 1, "the name of a series cites nothing"


def test_citations_leave_the_item_out_and_spot_inventions(small_catalogue):
    reading = read(small_catalogue, 'Yes. "Portal 2" is like "Portal", "Okami (Wii)" and "Half-Life 9".')
    assert [(c.title, c.in_history) for c in reading.citations] == [
        ("Portal", True), ("Okami (Wii)", False), ("Half-Life 9", False),
    ]  # fmt: skip
    assert [c.title for c in reading.citations if c.item is None] == ["Half-Life 9"]


@pytest.mark.parametrize(
    "text, cited",
    [
        ('Yes. "Portal 2" is a Puzzle title. From the history, "Portal 2" is a Puzzle title.', ["Portal 2"]),
        ('Yes. From the history, "Portal" is a Puzzle title; "Portal 2" is one too.', ["Portal", "Portal 2"]),
        ('Yes. From the history, "Portal" is a Puzzle title, like "Portal 2".', ["Portal"]),
        ('Yes. From the history, "Portal" is a Puzzle title. "Portal 2" is one.', ["Portal"]),
    ],
)
def test_the_item_itself_is_cited_where_it_is_claimed_to_be_of_the_history(small_catalogue, text, cited):
    found = read(small_catalogue, text).citations
    assert [c.title for c in found] == cited
    assert [c.in_history for c in found] == [title == "Portal" for title in cited]


@pytest.mark.parametrize("wording", [w for liked in (True, False) for w in _FIRST[liked]])
def test_the_item_itself_is_no_cause(small_catalogue, wording):
    first = f'Yes. {wording.format(a=chr(34) + "Portal 2" + chr(34))}, and after that "Portal". "Portal 2" is for PC.'
    assert [(c.title, c.in_history) for c in read(small_catalogue, first).citations] == [
        ("Portal 2", False), ("Portal", True),
    ]  # fmt: skip
    second = f'Yes. {wording.format(a=chr(34) + "Portal" + chr(34))}, and after that "Portal 2". "Portal 2" is for PC.'
    assert [c.title for c in read(small_catalogue, second).citations] == ["Portal", "Portal 2"]


def test_the_item_asked_about_may_be_spoken_of(small_catalogue):
    text = 'Yes. "Portal 2" is a Puzzle title, and so is "Portal". Nothing speaks against "Portal 2". "Portal 2" it is.'
    assert [c.title for c in read(small_catalogue, text).citations] == ["Portal"]


@pytest.mark.parametrize(
    "text, truths",
    [
        ('Yes. "Portal 2" is a Puzzle title, like "Portal".', [True]),
        ('Yes. "Portal 2" is a Puzzle title, like "Halo 3".', [False]),
        ('No. "Portal 2" is for PC, while "Halo 3" is for Xbox 360.', [True, True]),
        ('No. "Portal 2" is for Wii, but "Halo 3" is a Shooter title.', [False, True]),
        ('Yes. "Portal 2" fits. It is also for PC, as "Portal" is.', [True]),
        ("No. Nothing in the history is for Wii.", [True]),
        ("No. Nothing in the history is for PC.", [False]),
        ("Yes. Most of the history is for PC.", [False]),
        ("Yes. It is a Shooter title.", [False]),
        ('Yes. "Nope" is for PC.', [False]),
        ("Yes. A fine match.", []),
        ('Yes. "Portal 2" is for pc, in any case a puzzle.', []),
        ('Yes. "Halo 3" is for XBox 360.', [True]),
        ('Yes. "Portal 2" is a Puzzle title. From the history, "Portal" is a Puzzle title as well.', [True, True]),
        ('Yes. "Portal 2" is a Puzzle title. From the history, "Halo 3" is a Shooter title as well.', [True, False]),
    ],
)
def test_statements_are_checked_clause_by_clause(small_catalogue, text, truths):
    assert [s.true for s in read(small_catalogue, text).statements] == truths


def test_values_that_are_numbers_leave_the_marks_of_titles_alone():
    catalogue = build_catalogue(
        list("abc"), ["Alpha", "Beta", "Gamma"], {"players": [["1"], ["2"], ["0"]], "platform": [["PC"]] * 3}
    )
    reading = ExplanationParser(catalogue).parse(
        'Yes. "Alpha" is for PC; "Beta" is for PC; "Gamma" is with the players 2.', [1, 2], 3
    )
    assert [(s.items, s.value, s.true) for s in reading.statements] == [
        ((1,), "PC", True), ((2,), "PC", True), ((3,), "2", False),
    ]  # fmt: skip
    assert [c.title for c in reading.citations] == ["Alpha", "Beta"]


@pytest.mark.parametrize(
    "text, kept",
    [
        ('Yes. "Portal 2" is a Puzzle title. From the history, "Portal" is a Puzzle title as well.', True),
        ('Yes. "Portal" is a Puzzle title; "Portal" is for PC.', False),
        ('Yes. "Okami (Wii)" is for Wii.', False),
        ('Yes. "Portal" is a Shooter title.', False),
        ("Yes. A fine match.", False),
        ('Yes. "Portal" is a Puzzle title.', False),
        ('Yes. "Portal" is a Puzzle title, and so it is.', True),
        ('Yes. "Portal" is for PC, by the Nadul studio. In short, good.', False),
    ],
)
def test_own_words_are_kept_where_they_hold(small_catalogue, text, kept):
    assert is_faithful(read(small_catalogue, text)) is kept


@pytest.mark.parametrize(
    "text, cited",
    [
        ("Yes. “Portal 2” is like “Portal”, «Halo 3» and „Half-Life 9“.", ["Portal", "Halo 3", "Half-Life 9"]),
        ("Yes. 'Portal 2' isn't like ‘Portal’ or 'Half-Life 9'.", ["Portal", "Half-Life 9"]),
        ("Yes. It is like “Halo 3,” “Rock & Roll” and “Portal.”", ["Halo 3", "Rock & Roll", "Portal"]),
        ("Yes. It is like « Portal » et « Half-Life 9 ».", ["Portal", "Half-Life 9"]),
        ('Yes. It is like "Halo 3 (2007)" and "Halo (2007)".', ["Halo 3", "Halo (2007)"]),
    ],
)
def test_titles_are_cited_in_quotation_marks_of_any_kind(small_catalogue, text, cited):
    found = read(small_catalogue, text).citations
    assert [c.title for c in found] == cited
    assert [c.item is None for c in found] == [
        title.startswith("Half-Life 9") or title == "Halo (2007)" for title in cited
    ]
    assert [c.in_history for c in found] == [title in ("Portal", "Halo 3") for title in cited]
    marks = "“”‘’„“«»'\"() 2007,."
    assert [text[slice(*c.span)].strip(marks) for c in found] == [c.title.strip(marks) for c in found]


def test_statements_about_titles_in_curly_quotes_are_checked(small_catalogue):
    text = "No. “Portal 2” is for Wii, but “Halo 3” is a Shooter title."
    assert [s.true for s in read(small_catalogue, text).statements] == [False, True]


def test_values_inside_titles_are_no_statements(small_catalogue):
    assert not read(small_catalogue, 'Yes. "Puzzle Quest" goes with "Portal".').statements


@pytest.mark.parametrize(
    "text, cited, truths",
    [
        (
            "I would recommend it, since Portal was liked and Okami was not.",
            [("Portal", True), ("Okami (Wii)", False)],
            [],
        ),
        (
            "As a fan of shooter games like Halo 3, you'll enjoy Portal 2, a puzzle game.",
            [("Halo 3", True)],
            [True, True],
        ),
        ("They moved on from Portal to Halo 3, which is a puzzle game.", [("Portal", True), ("Halo 3", True)], [False]),
        ("Portal 2 is a puzzle game, and whoever liked it will like Halo 3.", [("Halo 3", True)], [True]),
        ("They enjoy shooters, in any case.", [], [False]),
        ("With its puzzle gameplay, this game fits.", [], [True]),
        ("This shooter game has little to do with Portal.", [("Portal", True)], [False]),
        ("It is not only a puzzle game, it is for PC.", [], [True, True]),
        ('It is a "Puzzle" game, a "hidden gem".', [], [True]),
        ("They like \u201chalo 3\u201d and the music.", [("Halo 3", True)], []),
    ],
)
def test_free_prose_is_read_as_people_read_it(small_catalogue, text, cited, truths):
    reading = read(small_catalogue, text)
    assert [(c.title, c.in_history) for c in reading.citations] == cited
    assert [s.true for s in reading.statements] == truths
    assert all(text[slice(*c.span)].strip("\u201c\u201d").casefold() in c.title.casefold() for c in reading.citations)


def test_small_values_count_where_they_are_named_as_such():
    genre = [["indie"], ["indie"], ["sport"]]
    catalogue = build_catalogue(list("abc"), ["Alpha", "Beta", "Gamma"], {"genre": genre, "mood": [["calm"]] * 3})
    parser = ExplanationParser(catalogue)
    text = 'Yes. "Gamma" is a sport title with the mood calm. I like to sport a hat, calm and quiet.'
    assert [(s.value, s.true) for s in parser.parse(text, [1, 2], 3).statements] == [("sport", True), ("calm", True)]


def test_no_text_takes_long_to_read(small_catalogue):
    parser = ExplanationParser(small_catalogue)

    for unit in ('"Halo 3" Shooter ', "[[[[", "Halo ", "like ", "puzzle and ", "would not recommend might ", "'", " "):
        begun = time.process_time()
        parser.parse(f'"Portal" {unit * 2_000} Shooter like "Halo 3".', [1, 3], 2)
        assert time.process_time() - begun < 5, unit  # minutes, where time grows with more than the length


def test_values_of_marks_are_told_apart():
    catalogue = build_catalogue(list("abc"), ["Alpha", "Beta", "Gamma"], {"language": [["C"], ["C++"], ["C#"]]})
    reading = ExplanationParser(catalogue).parse('Yes. "Gamma" is with the language C#, "Beta" with C++.', [1, 2], 3)
    assert [(s.value, s.true) for s in reading.statements] == [("C#", True), ("C++", True)]


@pytest.fixture(scope="module")
def shop():
    """A parser; the history is Portal, Half-Life 2, Doom and Halo, and the item is Stardew Valley."""
    genre = [["Puzzle"], ["Action"], ["Action", "Horror"], ["Action"], ["Indie", "Simulation"]]
    catalogue = build_catalogue(
        list("abcde"), ["Portal", "Half-Life 2", "Doom", "Halo", "Stardew Valley"], {"genre": genre}
    )
    return ExplanationParser(catalogue)


@pytest.mark.parametrize(
    "text, truths",
    [
        # "as well" and "too"
        ("It is an Indie game as well as a Simulation game.", [True, True]),
        ('"Doom" as well as "Halo" is an Action game.', [True]),
        ('"Portal" as well as "Halo" is an Action game.', [False]),
        ('"Doom" is a Horror game that some find too dark.', [True]),
        ("This Simulation game is not too hard.", [True]),
        ('The history is full of Action games, and "Halo" is an Action game, too.', [True, True]),
        ('"Halo" is an Action game, too.', [False]),
        ('"Doom" is an Action game. "Portal" is a Puzzle game, too.', [True, False]),
        # negations before the titles, behind the value, and further ones
        ('Neither "Doom" nor "Halo" is an Action game.', [False]),
        ('Neither "Doom" nor "Portal" is a Simulation game.', [True]),
        ('None of "Portal", "Half-Life 2" and "Halo" is a Horror game.', [True]),
        ('None of "Portal", "Doom" and "Halo" is a Horror game.', [False]),
        ('"Portal" lacks Horror.', [True]),
        ('"Doom" lacks Horror.', [False]),
        ('"Portal" hasn\'t any Horror elements.', [True]),
        ("It cannot be called a Horror game.", [True]),
        ("It won't be a Horror game.", [True]),
        ("You can't go wrong with this Simulation game.", [True]),
        ("It is hardly a Horror game.", [True]),
        ('Horror is not one of the genres of "Portal".', [True]),
        ('Horror is not one of the genres of "Doom".', [False]),
        ("Action is not among its genres.", [True]),
        ("This is a Simulation game rather than an Action game.", [True, True]),
        ("This is an Action game rather than a Simulation game.", [False, False]),
        # of what else a value is said
        ('It shares the Action genre with "Portal".', [False]),
        ('"Halo" shares the Action genre with "Doom".', [True]),
        ('"Doom" and this game are both Action.', [False]),
        ('Both "Portal" and this game are Puzzle games.', [False]),
        ('This game and "Doom" are Action games.', [False]),
        ('Like "Portal", it is a Simulation game.', [False]),
        ('You liked "Doom" and this game is an Indie game.', [True]),
        ('You liked "Doom," and it is an Indie game.', [True]),
        ("I cannot say why, as it is an Indie game.", [True]),
        ('It blends genres you like: Puzzle, from games like "Portal".', [True]),
        ("You enjoy Action games, and all these genres are in it.", [True]),
        ('As with "Portal", you liked "Halo". It is an Indie game.', [True]),
        ("This is an Indie game.", [True]),
        ("This is an Action game.", [False]),
        ("The recommendation is Indie.", [True]),
        ("That game is an Indie game.", [True]),
        # clauses that go on
        ("It is not only an Indie game but also a Simulation game.", [True, True]),
        ("It is not only an Indie game but also an Action game.", [True, False]),
        ('"Portal" is not an Action game but a Puzzle game.', [True, True]),
        ('"Portal" is not an Action game but a Horror game.', [True, False]),
        ("It has two genres: Indie and Simulation.", [True, True]),
        ('"Doom" has two genres: Action and Puzzle.', [True, False]),
        ("Its genres: Indie and Simulation.", [True, True]),
        ("It is an Indie game, but the history is full of Action games.", [True, True]),
        # by the way, in contrast
        ('"Portal" in your history is an Action game.', [False]),
        ('"Portal" from your history is a Puzzle game.', [True]),
        ('"Portal", which you enjoyed, is a Puzzle game.', [True]),
        ('Unlike "Portal", "Halo" is an Action game.', [True]),
        ('In contrast to "Halo", "Portal" is an Action game.', [False]),
        ('Compared with "Portal", "Halo" is an Action game.', [True]),
        # how many of the history
        ("Every title of the history is an Action game.", [False]),
        ("All of your games are Action games.", [False]),
        ("Not all titles of the history are Action games.", [True]),
        ("All in all, the history is full of Action games.", [True]),
        ("Most of the history are Action games.", [True]),
        ("No other title in the history is a Horror game.", [False]),
        # several values, each with its titles
        ('You moved from Action games such as "Doom" to Puzzle games such as "Portal".', [True, True]),
        ('You moved from Action games such as "Portal" to Puzzle games such as "Portal".', [False, True]),
        ('They chose Action games ("Doom") and Puzzle games ("Portal").', [True, True]),
        ('"Doom" is an Action game such as "Halo".', [True]),
        ('"Portal" is an Action game such as "Halo".', [False]),
    ],
)
def test_values_are_checked_on_what_they_are_said_of(shop, text, truths):
    assert [s.true for s in shop.parse(text, [1, 2, 3, 4], 5).statements] == truths


def test_what_counts_for_it_is_not_against_it(shop):
    text = '"Portal" counts most for it, while "Doom" pulls the other way. On the other hand, "Halo" is against it.'
    assert [c.against for c in shop.parse(text, [1, 2, 3, 4], 5).citations] == [False, True, True]


def test_a_possessive_is_no_plural():
    parser = ExplanationParser(build_catalogue(list("abc"), ["Alien", "Aliens", "Heat"], {}))
    assert [c.title for c in parser.parse("You liked Alien's mood and Aliens.", [1, 2], 3).citations] == [
        "Alien",
        "Aliens",
    ]
