"""A recommender of one's own decides how many items it reads; who shows its histories must know without loading it."""

import json

import pytest
import torch

from recx.errors import CheckpointError
from recx.profiles.resolve import resolve_settings
from recx.recommenders.blackbox import BlackBox
from recx.recommenders.target_kinds import save_target
from recx.recommenders.target_record import length_read

SETTINGS = resolve_settings("test").target


def test_the_length_is_that_of_the_target_and_not_that_of_the_settings(tmp_path):
    target = BlackBox(lambda histories: torch.zeros(len(histories), 4).numpy(), 3, SETTINGS.model.length + 5)
    save_target(target, 3, SETTINGS, tmp_path)
    assert length_read(tmp_path, SETTINGS) == SETTINGS.model.length + 5


def test_targets_without_it_have_the_length_of_the_settings(tmp_path):
    assert length_read(tmp_path, SETTINGS) == SETTINGS.model.length
    (tmp_path / "target.json").write_text(json.dumps({"kind": "sasrec"}))
    assert length_read(tmp_path, SETTINGS) == SETTINGS.model.length


@pytest.mark.parametrize("record", ["", "[]", '{"length": 0}', '{"length": "9"}', '{"length": true}'])
def test_a_damaged_record_is_named(tmp_path, record):
    (tmp_path / "target.json").write_text(record)
    with pytest.raises(CheckpointError, match="target.json.*Rerun notebook 02"):
        length_read(tmp_path, SETTINGS)
