"""The reference judge, and deliberately corrupted explanations, on texts written by hand."""

import pytest

from recx.data.catalogue import build_catalogue
from recx.evaluation.corrupted_explanations import INVENTED, corrupt, corrupted_scores, undetected
from recx.evaluation.judges import RUBRIC, Choice, ExplanationToRate, Rating, scores
from recx.evaluation.reference_judge import ReferenceJudge


@pytest.fixture
def catalogue():
    titles = ["Portal", "Portal 2", "Halo 3", "Gears of War", "Okami", "Wii Fit"]
    genre = [["Puzzle"], ["Puzzle"], ["Shooter"], ["Shooter"], ["Adventure"], ["Sports"]]
    platform = [["PC"], ["PC"], ["Xbox 360"], ["Xbox 360"], ["Wii"], ["Wii"]]
    return build_catalogue(list("abcdef"), titles, {"genre": genre, "platform": platform})


SHOOTER = (3,)


def ask(text, decision=True, history=(1, 3), item=4):
    return ExplanationToRate(tuple(history), item, decision, text)


GOOD = 'Yes. "Gears of War" is a Shooter title. From the history, "Halo 3" is a Shooter title as well.'


@pytest.mark.parametrize(
    "text, decision, score",
    [
        (GOOD, True, 3),
        (GOOD, False, 0),
        ("Perhaps. It is a Shooter title.", True, 0),
        ("Yes.", True, 1),
        ("Yes. A fine choice for anyone.", True, 1),
        ('Yes. "Gears of War" is a Puzzle title. From the history, "Wii Fit" is a Sports title.', True, 1),
        ('Yes. "Gears of War" is a Shooter title. From the history, "Halo 3" is a Sports title.', True, 1),
        ('Yes. "Gears of War" is a Shooter title. From the history, "Portal" is a Puzzle title.', True, 2),
        ('No. "Gears of War" is a Shooter title. From the history, "Portal" is a Puzzle title.', False, 3),
    ],
)
def test_scores_follow_the_points(catalogue, text, decision, score):
    (rating,) = ReferenceJudge(catalogue).rate([ask(text, decision)])
    assert rating.score == score, rating.points


def test_points_are_shown(catalogue):
    (rating,) = ReferenceJudge(catalogue).rate([ask(GOOD)])
    assert rating.points == dict.fromkeys(("decision", "cites", "facts", "taste", "consistent"), True)
    assert set(RUBRIC) == {0, 1, 2, 3}


def test_without_attributes_citations_decide():
    plain = build_catalogue(list("abc"), ["One", "Two", "Three"], {})
    judge = ReferenceJudge(plain)
    good, bad = judge.rate([ask('Yes. It is close to "One".', history=(1,), item=3), ask("Yes.", history=(1,), item=3)])
    assert (good.score, bad.score) == (3, 1)


def test_corrupted_texts_fall(catalogue):
    judge = ReferenceJudge(catalogue)
    questions = [
        ask(GOOD),
        ask('No. "Portal 2" is for PC. From the history, "Okami" is for Wii.', False, (5, 6), 2),
        ask('Yes. "Wii Fit" is for Wii. From the history, "Okami" is for Wii as well.', True, (5,), 6),
    ]
    assert scores(judge.rate(questions)).tolist() == [3, 3, 3]
    bad = corrupt(questions, catalogue)
    assert INVENTED in bad["invented_title"][0].text and '"Gears of War"' in bad["invented_title"][0].text
    assert bad["flipped_decision"][1].text.startswith("Yes. ")
    assert all(a.text != b.text and a.item == b.item for a, b in zip(bad["another_user"], questions, strict=True))
    means = corrupted_scores(judge, questions, catalogue)
    assert means["as_written"] == 3 and means["flipped_decision"] == 0 and means["invented_title"] < 3
    assert undetected(means) == []


def test_corruption_leaves_missing_texts_out_and_finds_titles_in_any_quotes(catalogue):
    curly = "No. “Portal 2” is for PC. From the history, “Okami” is for Wii."
    questions = [ask(GOOD), ask(""), ask(curly, False, (5, 6), 2)]
    means = corrupted_scores(ReferenceJudge(catalogue), questions, catalogue)
    assert means["as_written"] == 3 and means["flipped_decision"] == 0 and undetected(means) == []
    (changed,) = corrupt(questions[2:], catalogue)["invented_title"]
    assert changed.text == f'No. "Portal 2" is for PC. From the history, "{INVENTED}" is for Wii.'


def test_only_texts_with_the_right_decision_are_corrupted(catalogue):
    """A flipped decision that was wrong is right, so that a sound judge would rate it higher."""
    wrong = [ask(GOOD, False, (5, 6), n) for n in (2, 3, 4)]
    other = ask('No. "Portal 2" is for PC. From the history, "Okami" is for Wii.', False, (5, 6), 2)
    means = corrupted_scores(ReferenceJudge(catalogue), [ask(GOOD), other, ask("It may fit."), *wrong], catalogue)
    assert means["as_written"] == 3 and means["flipped_decision"] == 0 and undetected(means) == []
    assert corrupted_scores(ReferenceJudge(catalogue), wrong, catalogue) == {}
    assert undetected({}) == ["corrupted texts, as no text begins with the right decision"]


def test_the_better_rated_text_is_preferred(catalogue):
    good, bad = ask(GOOD), ask("Yes.")
    choices = ReferenceJudge(catalogue).compare([good, bad, good], [bad, good, good])
    assert choices == [Choice(1, True), Choice(-1, True), Choice(0, True)]


def test_a_judge_that_likes_everything_is_unfit(catalogue):
    class Kind:
        name = "kind"

        def rate(self, questions):
            return [Rating(3) for _ in questions]

    means = corrupted_scores(Kind(), [ask(GOOD), ask(GOOD, True, (3,), 2)], catalogue)
    assert undetected(means) == ["another_user", "invented_title", "flipped_decision"]


def test_somebody_elses_text_is_about_another_history_and_item(catalogue):
    """One user's texts about two items, and two users' about one, are not written for somebody else."""
    judge = ReferenceJudge(catalogue)
    other = ask('No. "Portal 2" is for PC. From the history, "Okami" is for Wii.', False, (5, 6), 2)
    two = [ask(GOOD), ask(GOOD.replace("Halo", "Gears"), item=4)]
    assert corrupt(two, catalogue)["another_user"] == [] and "another_user" not in corrupted_scores(
        judge, two, catalogue
    )
    mixed = corrupt([*two, other], catalogue)["another_user"]
    assert [q.text for q in mixed[:2]] == [other.text] * 2 and mixed[2].text in {q.text for q in two}
