import pytest

from recx.models.saved_models import build_aligned
from recx.prompts.pieces import Entity, Title
from recx.prompts.token_view import tokens_shown
from recx.prompts.tokens import IGNORED, PromptEncoder
from recx.prompts.training_tasks import Example
from recx.settings import BackboneSettings


@pytest.fixture(scope="module")
def encoder():
    model, tokenizer = build_aligned(BackboneSettings(), None, None)
    return PromptEncoder(tokenizer, ["", "Halo 3", "Portal"], model.backbone.get_input_embeddings().num_embeddings)


def test_tokens_are_shown_in_order_with_vectors_and_what_the_loss_counts(encoder):
    prompt = [
        "User ",
        Entity("user", 5),
        " picked ",
        Entity("relation", 2),
        " ",
        Title(2),
        ". Like ",
        Entity("item", 1),
        "?",
    ]
    rows, _ = encoder.encode([Example("preference", ["Hello"], ["No"]), Example("preference", prompt, ["Yes"])], 200)
    shown = tokens_shown(encoder, rows, 1)
    assert len(shown) == rows.lengths[1]
    assert shown.query("kind != 'text'")["kind"].tolist() == ["user", "relation", "item"]
    text = "".join(shown["text"])
    assert "User " in text and ' picked  "Portal". Like ?' in text
    assert "".join(shown.query("counted")["text"]).startswith("Yes") and not shown["counted"].iloc[0]
    assert shown["counted"].tolist() == (rows[1]["labels"] != IGNORED).tolist()
