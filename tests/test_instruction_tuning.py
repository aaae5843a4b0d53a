"""Tuning on instructions: only adapters learn, and the tuned model writes, chooses and names attributes."""

from dataclasses import replace

import pytest

from recx.alignment.instruction_tuning import instruction_rows, tune
from recx.errors import SettingsError
from recx.models.saved_models import SharedBackbone
from recx.settings import BackboneSettings, FitSettings
from recx.storage.tensors import trainable

BACKBONE = BackboneSettings(lora_rank=8)
HOW = FitSettings(batch_size=4, epochs=50, learning_rate=5e-3, precision="float32")
TAUGHT = [(f"A person chose {n}. Which letter?", "A" if n % 2 else "B") for n in range(8)]


@pytest.fixture(scope="module")
def shared():
    return SharedBackbone.load(BACKBONE)


@pytest.fixture(scope="module")
def tuned(shared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuned") / "checkpoints"
    model = tune(TAUGHT, BACKBONE, HOW, folder, shared=shared)
    assert not folder.exists()
    return model


def test_answers_are_learnt_and_the_shared_backbone_stays(shared, tuned):
    before = tune([], BACKBONE, HOW, None, shared=shared)
    assert tuned.loss(TAUGHT) < 0.7 * before.loss(TAUGHT)
    questions = [q for q, _ in TAUGHT]
    assert tuned.write(questions, 4) == [a for _, a in TAUGHT] != before.write(questions, 4)
    first = tuned.probability_of_first(questions)
    assert [p > 0.5 for p in first] == [a == "A" for _, a in TAUGHT]
    assert tuned.choose(questions, ["A", "B", "something else"]) == [a for _, a in TAUGHT]


def test_only_adapters_learn(tuned):
    assert all("lora_" in name for name in trainable(tuned.model))


def test_only_answers_count(tuned, capsys):
    rows = instruction_rows(tuned.encoder, TAUGHT[:1])
    kept = tuned.encoder.tokenizer.decode(rows.ids[rows.answer_mask], skip_special_tokens=True)
    assert kept.strip() == "B" and len(instruction_rows(tuned.encoder, TAUGHT, max_tokens=3)) == 0
    assert "8 of 8 examples are longer than 3 tokens" in capsys.readouterr().out


def test_without_adapters_there_is_nothing_to_tune(tmp_path):
    with pytest.raises(SettingsError, match="llmxrec.lora_rank"):
        tune(TAUGHT, replace(BACKBONE, lora_rank=0), HOW, tmp_path)
