import numpy as np
import pytest
from bag_target import Bag, bag_pairs

from recx.attribution.removal import ValueFunction, value_function
from recx.data.demo import demo_catalogue
from recx.evaluation.faithfulness import PairEffects
from recx.evaluation.text_rewards import (
    effect_reward,
    is_true,
    listed_items,
    ranking_reward,
    rewritten,
    summary_rewards,
    top_unseen,
)
from recx.explaining.measured import template_explanations
from recx.explaining.records import explanation_of
from recx.parsing.explanation_parser import ExplanationParser
from recx.prompts.pieces import as_text
from recx.prompts.requests import Request

CATALOGUE = demo_catalogue()
PARSER = ExplanationParser(CATALOGUE)
TARGET = Bag(len(CATALOGUE))
LABEL = CATALOGUE.labels


class Known:
    """A value function whose items have the effects 3, 1, 0 and -2."""

    length, target = 10, None
    players = ValueFunction.players

    def __call__(self, history, kept, items):
        return (kept @ np.array([3.0, 1.0, 0.0, -2.0]))[:, None]


EFFECTS = PairEffects(Known(), np.array([11, 12, 13, 14]), 20, True)


def read(text, effects=EFFECTS):
    request = Request("explanation", effects.history, (effects.item,))
    return explanation_of(text, request, CATALOGUE, PARSER)


def quoted(*items):
    return [f'"{LABEL[i]}"' for i in items]


def test_the_effect_is_rewarded_and_what_is_not_true_costs_1():
    best, second, worst = (read(f"Yes. {t} counts most for it.") for t in quoted(11, 12, 14))
    rewards = [effect_reward(EFFECTS, e) for e in (best, second, worst)]
    assert rewards[0] == pytest.approx(1) and rewards[0] > rewards[1] > rewards[2] >= -1
    assert effect_reward(EFFECTS, read(f"No. {quoted(11)[0]} counts most for it.")) == pytest.approx(0)
    assert effect_reward(EFFECTS, read(f"Yes. {quoted(11)[0]}, then {quoted(77)[0]}.")) == pytest.approx(0)
    assert effect_reward(EFFECTS, read("No. A bad match.")) == -2
    assert effect_reward(EFFECTS, read("Yes. A good match.")) == -1
    everything = "Yes. {}, then {}, then {}, then {}.".format(*quoted(11, 12, 13, 14))
    assert effect_reward(EFFECTS, read(everything)) == 0, "no other set is as large"
    column = next(iter(CATALOGUE.attributes))
    own = CATALOGUE.attributes[column][20]
    other = next(v for values in CATALOGUE.attributes[column] for v in values if v not in own)
    false = read(f"Yes. {quoted(11)[0]} counts most for it. {quoted(20)[0]} is for {other}.")
    assert false.statements and not is_true(false, True) and effect_reward(EFFECTS, false) == pytest.approx(0)


def test_a_title_that_pulls_the_other_way_earns_nothing_as_a_cause():
    plain, more = f"Yes. {quoted(11)[0]} counts most for it.", f" {quoted(14)[0]} pulls the other way."
    assert effect_reward(EFFECTS, read(plain + more)) == effect_reward(EFFECTS, read(plain))


def test_a_list_names_each_title_once():
    a, b = quoted(5, 6)
    assert listed_items(f'{a}; {b}; {a}; "No such title"', CATALOGUE) == [5, 6, 0]


def test_repeating_the_best_title_does_not_beat_the_right_order():
    ideal = np.array([5, 6, 7, 8, 9])
    right, reverse = "; ".join(quoted(*ideal)), "; ".join(quoted(*ideal[::-1]))
    assert ranking_reward(right, ideal, CATALOGUE) == pytest.approx(1)
    assert ranking_reward("; ".join(quoted(5, 5, 5, 5, 5)), ideal, CATALOGUE) < 1
    assert 0 == ranking_reward("", ideal, CATALOGUE) < ranking_reward(reverse, ideal, CATALOGUE) < 0.8


def test_the_whole_history_as_its_summary_changes_nothing():
    histories = [np.array([3, 9, 27]), np.array([81, 2, 6])]
    assert summary_rewards(TARGET, [[3, 9, 27], []], histories, TARGET.length).tolist() == [1, 0]
    partly = summary_rewards(TARGET, [[27], [0, 2]], histories, TARGET.length)
    few = Bag(items=12)  # six items are left to recommend, fewer than ten
    assert summary_rewards(few, [[], [4, 5, 6]], [np.arange(1, 7), np.array([4, 5, 6])], few.length).tolist() == [0, 1]
    assert (partly > 0).any() and (partly < 1).all()
    ranked = top_unseen(TARGET, [histories[0]], [histories[0]], TARGET.length)[0]
    scores = TARGET.table[histories[0]].sum(0).numpy()
    scores[[0, *histories[0]]] = -np.inf
    assert ranked[:10].tolist() == np.argsort(-scores)[:10].tolist()


def test_only_the_first_three_titles_of_a_summary_are_read():
    history = [np.array([3, 9, 27, 81])]
    three, four = (summary_rewards(TARGET, [s], history, TARGET.length)[0] for s in ([3, 9, 27], [3, 9, 27, 81]))
    assert three == four < 1


def test_a_rewritten_text_names_the_measured_causes():
    said = read(f"Yes. {quoted(13)[0]} counts most for it, then {quoted(14)[0]}. {quoted(11)[0]} pulls the other way.")
    text = as_text(rewritten(said, EFFECTS, CATALOGUE), CATALOGUE)
    a, b, c = quoted(11, 12, 14)
    assert text == f"Yes. {a} counts most for it, then {b}. {c} pulls the other way."
    assert effect_reward(EFFECTS, read(text)) == pytest.approx(1)
    assert effect_reward(EFFECTS, said) < 0


def test_the_template_earns_nearly_all():
    pairs = bag_pairs(40, TARGET)
    value = value_function(TARGET, [one.history for one in pairs], TARGET.length)
    measured = [PairEffects(value, one.history, one.item, one.liked) for one in pairs]
    texts = template_explanations(value, CATALOGUE, [o.history for o in pairs], [o.item for o in pairs])
    rewards = [effect_reward(one, text) for one, text in zip(measured, texts, strict=True)]
    assert np.mean(rewards) > 0.7
    shuffled = [effect_reward(one, text) for one, text in zip(measured, texts[1:] + texts[:1], strict=True)]
    assert np.mean(shuffled) < np.mean(rewards) - 1
