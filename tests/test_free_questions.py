import numpy as np
import pytest
from chat_server import ChatServer

from recx.data.demo import demo_catalogue
from recx.errors import SettingsError
from recx.explaining.aligned import AlignedExplainer
from recx.explaining.chat_explainer import ChatExplainer
from recx.explaining.free_questions import Question, answer, yes_probabilities
from recx.models.aligned_model import AlignedModel
from recx.prompts.pieces import as_text
from recx.settings import ChatSettings

CATALOGUE = demo_catalogue()
ASKED = [
    Question("explanation", np.array([3, 5]), (9,), wording="Why not {item}?"),
    Question("explanation", np.array([7]), (11,), wording="Should {item} be recommended? Give reasons."),
]


def test_a_chat_model_reads_the_question_as_it_is_worded_and_may_stay_silent():
    server = ChatServer(lambda messages, n: ["Because.", ""][CATALOGUE.labels[11] in messages[-1]["content"]])
    explainer = ChatExplainer(CATALOGUE, ChatSettings(server.address, "m", retries=0, replies=1, seconds=5), 10)
    assert answer(explainer, ASKED) == ["Because.", ""]
    server.stop()
    asked = {body["messages"][-1]["content"] for body in server.asked}
    assert asked == {as_text(question.pieces("behavior"), CATALOGUE) for question in ASKED}
    assert any(text.endswith(f'Why not "{CATALOGUE.labels[9]}"?') for text in asked)


def test_an_empty_answer_is_asked_for_again():
    server = ChatServer(lambda messages, n: "" if n < 2 else "Because.")
    explainer = ChatExplainer(CATALOGUE, ChatSettings(server.address, "m", retries=0, replies=4, seconds=5), 10)
    assert answer(explainer, ASKED[:1]) == ["Because."]
    server.stop()
    assert len(server.asked) == 3


def test_an_aligned_model_answers_and_leans_to_yes_or_no(backbone):
    model, tokenizer = backbone
    explainer = AlignedExplainer(AlignedModel(model).eval(), tokenizer, "behavior", CATALOGUE, None, 10)
    first, second = answer(explainer, ASKED)
    (known,) = explainer.explain([[7]], [11], "")
    plain = Question("explanation", np.array([7]), (11,), wording="Would the recommender suggest {item}? Say why.")
    assert answer(explainer, [plain]) == [known.text] and first != second, "the same words get the same answer"
    likely = yes_probabilities(explainer, ASKED)
    assert len(likely) == 2 and all(0 < p < 1 for p in likely)
    assert (likely[1] > 0.5) == second.startswith("Yes")


def test_who_only_has_texts_cannot_be_asked():
    with pytest.raises(SettingsError, match="object cannot be asked"):
        answer(object(), ASKED)
