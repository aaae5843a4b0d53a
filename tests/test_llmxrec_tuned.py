"""`benchmarks/llmxrec_tuned.py`: texts given to somebody else, and the probabilities of a tuned discriminator."""

import sys

import pytest

from recx import paths
from recx.data.llmxrec_files import InstructionStudy
from recx.data.text_records import text_record
from recx.evaluation.pairwise_discriminator import preferences, win_ratios

sys.path.insert(0, str(paths.ROOT / "benchmarks"))

from llmxrec_tuned import ELSE, as_preferences, following, of_others, read_results  # noqa: E402


def record(dataset, n):
    return text_record({"dataset": dataset, "history": [f"Film {n}"], "item": "Item", "texts": {"GPT4": f"Text {n}."}})


PLACES = [("films", 0), ("games", 1), ("films", 2), ("games", 3), ("films", 4)]
STUDY = InstructionStudy([], [], [], [], {"mf": [record(*place) for place in PLACES]})
OURS = {"mf": [f"About {n}." for _, n in PLACES]}


def test_somebody_elses_text_is_about_another_person_of_the_same_data_set():
    assert following(STUDY, OURS) == {"mf": ["About 2.", "About 3.", "About 4.", "About 1.", "About 0."]}
    records, texts = of_others(STUDY, OURS)
    told = {}
    found = preferences(lambda r, a, b: told.update(zip(a, b, strict=True)) or [0.6] * len(a), records, texts)
    assert told == dict(zip(OURS["mf"], following(STUDY, OURS)["mf"], strict=True))
    assert set(found["against"]) == {ELSE} and len(found) == 5


def test_both_orders_of_a_tuned_discriminator_are_averaged():
    rows = [["mf", 0, "GPT4", 0.9, 0.3], ["mf", 1, "GPT4", 0.6, 0.2]]
    found = as_preferences(STUDY, "ours", rows)
    assert found["preference"].tolist() == pytest.approx([0.6, 0.4])
    assert found["dataset"].tolist() == ["films", "games"] and found["user"].nunique() == 2
    assert win_ratios(found, ["discriminator", "texts"]).loc[0, "value"] == 0.5


def test_results_are_read_in_the_order_of_their_amounts(tmp_path):
    for amount, seed in ((240, 1), (0, 0), (240, 0), (50, 0)):
        (tmp_path / f"texts-{amount}-{seed}.json").write_text(f'{{"amount": {amount}, "seed": {seed}}}')
    assert list(read_results(tmp_path)) == ["0-0", "50-0", "240-0", "240-1"]
