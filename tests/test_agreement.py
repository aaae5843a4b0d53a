import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from recx.errors import DataError
from recx.evaluation.agreement import agreement, krippendorff_alpha
from recx.evaluation.explanation_ratings import agreement_table, from_people
from recx.evaluation.human_ratings import HumanRating, read_ratings, write_ratings
from recx.evaluation.test_set import Pairs


def slow_alpha(ratings):
    """Krippendorff's alpha for interval data, computed pair by pair from the definition."""
    units = [[r for r in column if not np.isnan(r)] for column in ratings.T]
    units = [u for u in units if len(u) > 1]
    pooled = [r for u in units for r in u]
    n = len(pooled)
    observed = sum((a - b) ** 2 / (len(u) - 1) for u in units for i, a in enumerate(u) for j, b in enumerate(u)
                   if i != j) / n  # fmt: skip
    expected = sum((a - b) ** 2 for i, a in enumerate(pooled) for j, b in enumerate(pooled) if i != j) / (n * (n - 1))
    return 1 - observed / expected


@pytest.mark.parametrize("seed", range(5))
def test_alpha_is_that_of_the_definition(seed):
    rng = np.random.default_rng(seed)
    ratings = rng.integers(0, 4, (3, 30)).astype(float)
    ratings[rng.random(ratings.shape) < 0.3] = np.nan
    assert krippendorff_alpha(ratings) == pytest.approx(slow_alpha(ratings))


def test_alpha_of_a_published_example():
    """Krippendorff (2011), table C: four observers, twelve units, interval metric .849, nominal .743."""
    n = np.nan
    ratings = np.array([
        [1, 2, 3, 3, 2, 1, 4, 1, 2, n, n, n],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, n, 3],
        [n, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, n],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, n],
    ])  # fmt: skip
    assert krippendorff_alpha(ratings) == pytest.approx(0.849, abs=5e-4)
    assert krippendorff_alpha(ratings, "nominal") == pytest.approx(0.743, abs=5e-4)


def test_two_raters_against_the_libraries():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 4, 200).astype(float)
    b = np.clip(a + rng.integers(-1, 2, 200), 0, 3)
    b[::17] = np.nan
    both = ~np.isnan(b)
    found = agreement(a, b, resamples=300)
    assert found["n"] == both.sum()
    said = np.histogram2d(a[both], b[both], 4, [[0, 4]] * 2)[0] / both.sum()
    chance = np.outer(said.sum(1), said.sum(0))
    far = np.subtract.outer(range(4), range(4)) ** 2
    assert found["cohen_kappa"][0] == pytest.approx(1 - (1 - np.trace(said)) / (1 - np.trace(chance)))
    assert found["cohen_kappa_quadratic"][0] == pytest.approx(1 - (far * said).sum() / (far * chance).sum())
    assert found["spearman_rho"][0] == pytest.approx(spearmanr(a[both], b[both]).statistic)
    for value, low, high in (found[k] for k in found if k != "n"):
        assert low < value < high


def test_intervals_are_over_users_whose_explanations_are_alike():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 4, 60).astype(float)
    b = np.clip(a + rng.integers(-1, 2, 60), 0, 3)
    once = agreement(a, b, resamples=200)
    repeated = agreement(np.repeat(a, 4), np.repeat(b, 4), np.repeat(np.arange(60), 4), resamples=200)
    assert (once.pop("n"), repeated.pop("n")) == (60, 240)
    for measure, (_, low, high) in once.items():
        assert repeated[measure][2] - repeated[measure][1] == pytest.approx(high - low, rel=0.2), measure


def test_a_rater_who_always_says_the_same_has_no_value():
    found = agreement([2, 2, 2, 2], [0, 1, 2, 3], resamples=20)
    assert np.isnan(found["spearman_rho"][0])
    assert np.isnan(agreement([np.nan], [1], resamples=20)["cohen_kappa"][0])


def test_ratings_of_people_go_out_and_in(tmp_path):
    ratings = [HumanRating("ann", "hybrid/0", 3, 4.5), HumanRating("ben", "hybrid/0", 2), HumanRating("ann", "b/1", 0)]
    write_ratings(tmp_path / "a.jsonl", ratings)
    (tmp_path / "b.jsonl").write_text('{"rater": "ann", "question": "b/1", "score": 1}\n\n')
    found = read_ratings(tmp_path)
    assert found[:2] == ratings[:2] and found[2].score == 1  # her later rating counts
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("line", ["x", "[1]", '{"rater": "a"}', '{"rater": "a", "question": "q", "score": 4}',
                                  '{"rater": "a", "question": "q", "score": 1.5}', "[" * 5000,
                                  '{"rater": "a", "question": "q", "score": Infinity}'])  # fmt: skip
def test_other_lines_are_told_with_file_and_number(tmp_path, line):
    (tmp_path / "r.jsonl").write_text('{"rater": "a", "question": "q", "score": 1}\n' + line + "\n")
    with pytest.raises(DataError, match=r"r\.jsonl, line 2"):
        read_ratings(tmp_path / "r.jsonl")


def test_a_separator_within_a_name_ends_no_line(tmp_path):
    (tmp_path / "r.jsonl").write_text('{"rater": "a\u2028b\x85", "question": "q", "score": 1}\r\n', encoding="utf-8")
    assert read_ratings(tmp_path / "r.jsonl")[0].rater == "a\u2028b\x85"


def test_people_agree_with_people_and_with_judges():
    people = [
        HumanRating(who, f"hybrid/{n}", (n + late) % 4) for who, late in (("ann", 0), ("ben", 0)) for n in range(8)
    ]
    frame = from_people([*people, HumanRating("ann", "no pair", 1)])
    assert len(frame) == 16 and set(frame["judge"]) == {"person ann", "person ben"}
    judged = frame[frame["judge"] == "person ann"].assign(judge="reference", kind="judge")
    pairs = Pairs([np.array([1])] * 8, np.ones(8, int), np.ones(8, bool), np.arange(8))
    table = agreement_table(pd.concat([frame, judged]), pairs)
    kinds = table.groupby("kind")["value"].mean()
    assert kinds["human-human"] == pytest.approx(1) and len(table) == 12
    assert set(table["kind"]) == {"human-human", "judge-human"}
