import numpy as np
import pytest
import torch
from bag_target import Bag

from recx.errors import DataError, SettingsError
from recx.recommenders.group_rules import RULES, best_for_group, satisfactions

# Four items that are new to three members; each rule prefers another one.
MEMBERS = np.array(
    [
        [np.nan, 0.79, 0.50, 1.00, 0.85],
        [np.nan, 0.79, 0.60, 0.30, 0.85],
        [np.nan, 0.40, 0.55, 0.30, 0.05],
    ]
)


@pytest.mark.parametrize(
    ("rule", "item"), [("additive utilitarian", 1), ("least misery", 2), ("most pleasure", 3), ("approval", 4)]
)
def test_every_rule_has_a_choice_of_its_own(rule, item):
    assert best_for_group(MEMBERS, rule) == item


def test_of_equal_items_the_one_with_the_highest_sum_is_chosen():
    members = np.array([[np.nan, 1.0, 0.2, 0.9], [np.nan, 0.1, 1.0, 0.9]])
    assert best_for_group(members, "most pleasure") == 2  # 1.0 as well, but 1.2 in sum
    with pytest.raises(SettingsError, match="no rule 'random'"):
        best_for_group(members, "random")


def test_satisfaction_is_the_share_of_new_items_with_a_lower_score():
    target = Bag(items=6)
    histories = [np.array([1, 2]), np.array([3])]
    told = satisfactions(target, histories, 10)
    assert told.shape == (2, 7) and np.isnan(told[:, :4]).all(), "what any member has seen is for nobody"
    for row, history in enumerate(histories):
        scores = target.score(torch.tensor([history.tolist()]))[0].numpy()
        new = [i for i in range(1, 7) if i not in history]
        for item in (4, 5, 6):
            assert told[row, item] == pytest.approx(np.mean([scores[i] < scores[item] for i in new if i != item]))


def test_a_group_that_has_seen_everything_is_refused():
    with pytest.raises(DataError, match="new to all members"):
        satisfactions(Bag(items=4), [np.array([1, 2]), np.array([3])], 10)


def test_rules_do_not_depend_on_the_order_of_members():
    members = np.random.default_rng(0).random((5, 30))
    for rule in RULES:
        assert best_for_group(members, rule) == best_for_group(members[::-1], rule)
