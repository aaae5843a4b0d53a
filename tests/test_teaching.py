import numpy as np
import pytest

from recx.data.demo import demo_catalogue
from recx.parsing.explanation_parser import ExplanationParser
from recx.prompts.controls import Control, random_control
from recx.prompts.pieces import Entity, Title, as_text
from recx.prompts.task_data import TaskData
from recx.prompts.templates import _CONCLUSIONS, templated_explanation
from recx.recommenders.labels import label_histories
from recx.teaching.content_rule import ContentRecommender
from recx.teaching.synthetic_titles import synthetic_catalogue
from recx.teaching.teaching_text import explanation, random_histories, write_rows


@pytest.mark.parametrize("catalogue", [demo_catalogue(), synthetic_catalogue(np.random.default_rng(0), 400)])
def test_every_argument_cites_the_history_and_states_the_truth(catalogue, rng):
    """The backbone cannot become more truthful than its training text, so that text must be true."""
    parser, stated = ExplanationParser(catalogue), 0
    for _ in range(1500):
        chosen = (rng.permutation(len(catalogue))[: rng.integers(2, 10)] + 1).tolist()
        history, item, yes = chosen[:-1], chosen[-1], bool(rng.integers(2))
        control = random_control(rng, catalogue.attributes)
        text = as_text(templated_explanation(rng, catalogue, history, item, yes, control), catalogue)
        reading = parser.parse(text, history, item)
        assert reading.decision is yes, text
        assert all(c.in_history for c in reading.citations), text
        assert all(s.true for s in reading.statements), text
        stated += len(reading.statements)
    assert stated > 1000


def test_the_last_sentence_admits_where_the_evidence_speaks_against_the_decision(rng, small_catalogue):
    """ "Portal" is like "Portal 2" in its genre and "Halo 3" is not."""
    for history, yes, against in (([1], True, False), ([3], True, True), ([3], False, False), ([1], False, True)):
        pieces = templated_explanation(rng, small_catalogue, history, 2, yes, Control(view="genre"))
        text = as_text(pieces, small_catalogue)
        ends = _CONCLUSIONS[yes, not against]
        assert text.endswith(ends), text
        assert (" as well" in text) == (history == [1]), text


def test_made_up_series_differ_in_their_ends_only():
    catalogue = synthetic_catalogue(np.random.default_rng(1), 600)
    series: dict[str, list[str]] = {}
    for title, stem in zip(catalogue.titles[1:], catalogue.attributes["series"][1:], strict=False):
        for name in stem:
            assert title.startswith(name)
            series.setdefault(name, []).append(title)
    assert 100 < sum(map(len, series.values())) < 400 and max(map(len, series.values())) >= 3


def test_controls_shape_the_argument(rng):
    catalogue = demo_catalogue()
    history, item = [1, 2, 3, 4], 60
    facts = catalogue.facts(item)
    for view in ("platform", "genre", "year"):
        text = as_text(templated_explanation(rng, catalogue, history, item, True, Control(view=view)), catalogue)
        assert any(v in text for v in facts[view]), (view, text)
    one = as_text(templated_explanation(rng, catalogue, history, item, True, Control(length="one sentence")), catalogue)
    long = as_text(templated_explanation(rng, catalogue, history, item, False, Control(length="detailed")), catalogue)
    normal = as_text(templated_explanation(rng, catalogue, history, item, False, Control()), catalogue)
    assert one.startswith("Yes, as") and len(one) < len(normal) < len(long)
    assert Control(view="genre").wording() and not Control().wording()


def test_entities_read_as_marks(small_catalogue):
    assert as_text(["a ", Entity("user", 3)], small_catalogue) == "a <user>"


def test_three_explanations_in_four_follow_the_content_rule(rng):
    catalogue = demo_catalogue()
    content, parser = ContentRecommender(catalogue), ExplanationParser(catalogue)
    histories = random_histories(catalogue, content, 600, rng)
    assert all(2 <= len(history) <= 10 and len(set(history)) == len(history) for history in histories)
    data = TaskData(catalogue, histories, label_histories(content, histories, content.max_history, rng), max_history=12)
    followed = []
    for row, history in enumerate(histories):
        example = explanation(data, row, rng)
        item = [piece.item for piece in example.prompt if isinstance(piece, Title)][-1]
        assert item in (data.labels.liked[row, 0], data.labels.disliked[row, 0])
        decision = parser.parse(as_text(example.response, catalogue), history, item).decision
        followed.append(decision == (item == data.labels.liked[row, 0]))
    assert np.mean(followed) == pytest.approx(3 / 4, abs=0.06)


@pytest.mark.parametrize("known", [True, False])
def test_facts_are_taught_about_the_known_catalogue_only(rng, known):
    examples = list(write_rows(demo_catalogue(), 400, rng, [], known))
    assert len(examples) == pytest.approx(400, rel=0.06)
    assert ("item" in {example.task for example in examples}) == known
