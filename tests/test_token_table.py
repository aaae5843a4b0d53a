import numpy as np

from recx.prompts.entity_ids import EntityIds
from recx.prompts.modes import MODE_SPECS
from recx.prompts.pieces import as_text
from recx.prompts.requests import person_prompt
from recx.prompts.token_table import token_table
from recx.prompts.tokens import PromptEncoder
from recx.prompts.training_example import Example


class Letters:
    """A tokenizer whose tokens are letters."""

    def decode(self, ids):
        return "".join(chr(97 + i) for i in ids)


def test_ids_above_the_vocabulary_are_named_by_what_they_stand_for():
    # 64 ordinary tokens, 6 items and as many relations, 5 roles, any number of users
    ids = np.array([0, 64 + 5, 64 + 6 + 3, 64 + 12 + 4, 64 + 17 + 1, 64 + 17 + 9, 2])
    table = token_table({"input_ids": ids, "labels": np.where(ids < 3, ids, -100)}, Letters(), EntityIds(64, 6))
    assert table["kind"].tolist() == ["text", "item", "relation", "told", "user", "user", "text"]
    assert table["text"].tolist() == ["a", "item", "relation", "told", "user", "user", "c"]
    assert table["counted"].tolist() == [True, *[False] * 5, True]


def test_a_row_reads_as_its_prompt_in_every_mode(backbone, small_catalogue):
    model, tokenizer = backbone
    encoder = PromptEncoder(tokenizer, small_catalogue.labels, model.get_input_embeddings().weight.shape[0])
    marks = {"user": "<user>", "item": "<item>", "relation": "<relation>", "text": ""}
    for mode in MODE_SPECS:
        prompt = person_prompt(mode, 0, [1, 3], 0, "Does {item} fit?", [2])
        rows, _ = encoder.encode([Example("preference", prompt, ["Yes"])], 300)
        table = token_table(rows[0], tokenizer, encoder.entity_ids)
        asked = table[~table["counted"]][1:-1]
        shown = "".join(marks[k] or t for k, t in zip(asked["kind"], asked["text"], strict=True))
        assert shown == as_text(prompt, small_catalogue)
        assert table[table["counted"]]["text"].tolist()[0] == "Yes"


class Bytes:
    """A tokenizer whose tokens are bytes."""

    def decode(self, ids):
        return bytes(ids).decode("utf-8", errors="replace")


def test_the_parts_of_one_character_share_a_row():
    ids = np.frombuffer("aжя".encode(), dtype=np.uint8).astype(int)
    labels = np.array([-100, -100, -100, *ids[3:]])
    table = token_table({"input_ids": ids, "labels": labels}, Bytes(), EntityIds(256, 6))
    assert table["text"].tolist() == ["a", "ж", "я"] and table["counted"].tolist() == [False, False, True]
    cut = token_table({"input_ids": ids[:2], "labels": labels[:2]}, Bytes(), EntityIds(256, 6))
    assert cut["text"].tolist() == ["a", "\ufffd"]
