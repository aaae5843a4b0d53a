import numpy as np

from recx.alignment.model import AlignedModel
from recx.alignment.reading import Reader
from recx.data.catalogue import build_catalogue
from recx.data.demo import demo_catalogue
from recx.explaining.answers import Explanation
from recx.explaining.explainer import Explainer
from recx.widgets.playground import playground, render


def test_titles_and_text_are_escaped_and_citations_marked():
    catalogue = build_catalogue(["a", "b", "c"], ["<script>x</script>", "Portal", "Halo"], {"genre": [["Puzzle"]] * 3})
    text = 'Yes. "Portal" and "Halo" fit <b>well</b>; "<script>x</script>" is a Puzzle title.'
    reading = Reader(catalogue).read(text, [2], 1)
    shown = render(Explanation(1, catalogue.labels[1], True, text, reading.citations, reading.statements))
    assert "<script>" not in shown and "<b>well</b>" not in shown
    assert '"Portal"&nbsp;\u2713' in shown
    # "Portal" and the genre hold, "Halo" is not in the history.
    assert shown.count("\u2713") == 2 and shown.count("\u2717") == 1


def test_form_answers_and_says_what_it_did_not_understand(backbone):
    model, tokenizer = backbone
    explainer = Explainer(AlignedModel(model).eval(), tokenizer, "behavior", demo_catalogue(), None, 10)
    form = playground({"unaligned": explainer}, [np.array([3, 5]), np.array([7])])
    _, person, history, item, wish, ask, answer = form.children
    labels = explainer.catalogue.labels
    assert history.value.splitlines() == [labels[3], labels[5]]
    assert "Look at it from the genre side." in wish.options
    item.value, wish.value = labels[9], "Use one sentence."
    ask.click()
    assert "recommend" in answer.value and "Not answered" not in answer.value
    person.value = 1
    assert history.value == labels[7]
    item.value = "<i>No such game</i>"
    ask.click()
    assert "Not answered" in answer.value and "<i>No such" not in answer.value
    history.value, item.value = "", labels[9]
    ask.click()
    assert "empty" in answer.value
