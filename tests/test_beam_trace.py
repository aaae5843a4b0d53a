import numpy as np
import pytest

from recx.data.demo import demo_catalogue
from recx.errors import DataError
from recx.explaining.aligned import AlignedExplainer
from recx.explaining.beam_trace import trace_beams
from recx.models.aligned_model import AlignedModel

HISTORY = ["Halo 3", "Gears of War 2", "Okami (Wii)"]


@pytest.fixture(scope="module")
def explainer(backbone):
    model, tokenizer = backbone
    return AlignedExplainer(AlignedModel(model).eval(), tokenizer, "behavior", demo_catalogue(), None, 10, "float32")


@pytest.mark.parametrize("beams", [1, 5, 12])
def test_the_last_step_ends_where_the_recommender_does(explainer, beams):
    trace = trace_beams(explainer, HISTORY, beams)
    (answer,) = explainer.recommend([HISTORY], k=beams)
    last = trace[(trace["step"] == trace["step"].max()) & trace["kept"]]
    assert tuple(last["title"]) == answer.titles
    assert last["log_prob"].to_numpy() == pytest.approx(np.array(answer.scores), abs=1e-3)


def test_every_path_continues_one_that_was_kept(explainer):
    trace = trace_beams(explainer, HISTORY, 5)
    assert trace["path"].tolist() == list(range(1, len(trace) + 1))
    by_number = trace.set_index("path")
    for step, rows in trace.groupby("step"):
        kept = rows[rows["kept"]]
        assert len(kept) == 5
        assert kept["log_prob"].min() >= rows[~rows["kept"]]["log_prob"].max()
        if step == 1:
            assert set(rows["parent"]) == {0}
            # All ways from the root are there, save those that lead to titles of the history alone.
            assert np.exp(rows["log_prob"]).sum() == pytest.approx(1, abs=0.05)
        else:
            before = by_number.loc[rows["parent"]]
            assert before["kept"].all() and set(before["step"]) == {step - 1}
            assert (rows["log_prob"].to_numpy() <= before["log_prob"].to_numpy() + 1e-6).all()
    assert not set(trace["title"]) & set(HISTORY)


def test_tokens_along_a_path_spell_its_title(explainer):
    trace = trace_beams(explainer, HISTORY, 5)
    by_number = trace.set_index("path")
    for row in trace[trace["step"].eq(trace["step"].max()) & trace["kept"]].itertuples():
        text, number = "", row.path
        while number:
            text, number = by_number.loc[number, "text"] + text, by_number.loc[number, "parent"]
        assert len(text) > 1 and f'"{row.title}"'.startswith('"' + text.lstrip('"'))


def test_an_unknown_history_is_named(explainer):
    with pytest.raises(DataError, match="no such thing"):
        trace_beams(explainer, ["no such thing"])
