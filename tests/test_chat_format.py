"""What chat templates put around turns, and what ends a turn."""

import copy
from dataclasses import replace

import pytest

from recx.errors import CheckpointError
from recx.prompts.chat_format import read_chat_format
from recx.prompts.tokens import IGNORED, PromptEncoder
from recx.prompts.training_example import Example

SPECIAL = ["<turn>", "</turn>", "<|return|>", "<think>", "</think>", "<s>"]
LOOP = "{% for m in messages %}<turn>{{ m['role'] }}\n{{ m['content'] }}</turn>\n{% endfor %}"
ASKS = "{% if add_generation_prompt %}<turn>assistant\n{% endif %}"
SYSTEM = "{% if messages[0]['role'] != 'system' %}<turn>system\nBe kind.</turn>\n{% endif %}"
CHANNELS = (
    "{% for m in messages %}{% if m['role'] == 'assistant' %}<turn>assistant<think>final</think>{{ m['content'] }}"
    "{{ '<|return|>' if loop.last else '</turn>' }}{% else %}<turn>{{ m['role'] }}\n{{ m['content'] }}</turn>"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}<turn>assistant{% endif %}"
)
STRICT = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('turns must alternate') }}{% endif %}{% endfor %}"
)


@pytest.fixture
def tokenizer(backbone):
    _, plain = backbone
    tokenizer = copy.deepcopy(plain)
    tokenizer.add_special_tokens({"additional_special_tokens": SPECIAL})
    return tokenizer


def encoder_of(tokenizer, template):
    tokenizer.chat_template = template
    return PromptEncoder(tokenizer, ["", "Red Fox"], len(tokenizer))


def names(tokenizer, ids):
    return {tokenizer.convert_ids_to_tokens(int(token)) for token in ids}


@pytest.mark.parametrize(
    ("template", "system"), [(LOOP + ASKS, ()), (SYSTEM + LOOP + ASKS, ("",)), (STRICT + LOOP + ASKS, ())]
)
def test_answers_end_as_the_template_ends_a_turn(tokenizer, template, system):
    encoder = encoder_of(tokenizer, template)
    assert names(tokenizer, encoder.end) == {"</turn>"} and names(tokenizer, encoder.ends) == {"</turn>", "<|end|>"}
    prompt = encoder.prompt(["Why?"], shots=[(["Who?"], ["Me."])]).ids
    turns = [{"role": "system", "content": text} for text in system]
    turns += [{"role": r, "content": c} for r, c in (("user", "Who?"), ("assistant", "Me."), ("user", "Why?"))]
    assert tokenizer.decode(prompt) == tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)


def test_an_empty_system_message_stands_once_in_place_of_the_default_one(tokenizer):
    encoder = encoder_of(tokenizer, SYSTEM + LOOP + ASKS)
    example = Example("conversation", ("Why?",), ("So.",), earlier=("Who?", "Me. </turn>"))
    rows, _ = encoder.encode([example, replace(example, earlier=(), further=((("And?",), ("Then.",)),))], 500)
    for row in range(2):
        told = tokenizer.decode(rows[row]["input_ids"])
        assert told.count("<turn>system") == 1 and "Be kind." not in told
    told = tokenizer.decode(rows[0]["input_ids"])
    assert told.endswith("<turn>user\nWho?</turn>\n<turn>assistant\nMe. </turn></turn>\n<turn>user\nWhy?</turn>\n"
                         "<turn>assistant\nSo.</turn>")  # fmt: skip
    ends = rows[0]["input_ids"] == encoder.end[0]
    assert ends.sum() == 1 + 4, "the system message, two questions and two answers; what a person wrote ends nothing"
    learnt = rows[1]["labels"][rows[1]["labels"] != IGNORED]
    assert tokenizer.decode(learnt) == "So.</turn>Then.</turn>"


def test_a_last_turn_may_end_otherwise_and_answers_stand_in_their_channel(tokenizer):
    encoder = encoder_of(tokenizer, CHANNELS)
    assert names(tokenizer, encoder.end) == {"<|return|>"}
    assert names(tokenizer, encoder.ends) == {"<|return|>", "</turn>", "<|end|>"}
    assert (
        tokenizer.decode(encoder.prompt(["Why?"]).ids) == "<turn>user\nWhy?</turn><turn>assistant<think>final</think>"
    )


def test_marks_that_are_not_called_special_are_text_all_the_same(tokenizer):
    tokenizer.add_tokens(["<|im_start|>", "<|im_end|>"])
    encoder = encoder_of(tokenizer, LOOP.replace("<turn>", "<|im_start|>").replace("</turn>", "<|im_end|>") + ASKS)
    assert names(tokenizer, encoder.end) == {"<|im_end|>"}
    text = "Red <|im_end|>\n<|im_start|>user <|im_end|>"
    (ids,) = encoder.pieces([text])
    assert tokenizer.decode(ids) == text and not set(ids.tolist()) & set(tokenizer.added_tokens_decoder)


def test_what_opens_a_question_ends_no_answer(tokenizer):
    encoder = encoder_of(
        tokenizer,
        "{% for m in messages %}{{ '<turn>' if m['role'] == 'user' else '<s>' }}{{ m['content'] }}{% endfor %}"
        "{{ '<s>' if add_generation_prompt else '</turn>' }}",
    )
    assert names(tokenizer, encoder.ends) == {"</turn>", "<|end|>"}
    rows, _ = encoder.encode([Example("conversation", ("Why?",), ("So.",), further=((("And?",), ("Then.",)),))], 500)
    assert tokenizer.decode(rows[0]["input_ids"]) == "<turn>Why?<s>So.</turn><turn>And?<s>Then.</turn>"


def test_thinking_is_off(tokenizer):
    off = "add_generation_prompt and enable_thinking is defined and not enable_thinking"
    switch = f"{{% if {off} %}}<think></think>{{% endif %}}"
    encoder = encoder_of(tokenizer, LOOP + ASKS + switch)
    prompt = tokenizer.decode(encoder.prompt(["Why?"], shots=[(["Who?"], ["Me."])]).ids)
    assert prompt.endswith("assistant\n<think></think>") and prompt.count("<think>") == 1
    encoder = encoder_of(tokenizer, LOOP + ASKS + "{% if add_generation_prompt %}<think>\n{% endif %}")
    assert tokenizer.decode(encoder.prompt(["Why?"]).ids).endswith("assistant\n<think>\n\n</think>\n\n")


def test_prompts_do_not_change_from_day_to_day(tokenizer):
    dated = "Today: {{ strftime_now('%d %b %Y') }}\n"
    assert read_chat_format(encoder_of(tokenizer, dated + LOOP + ASKS).tokenizer).head.startswith(
        "Today: 26 Jul 2024\n"
    )


def test_without_a_template_turns_are_plain_and_vicuna_has_its_own(tokenizer):
    encoder = encoder_of(tokenizer, None)
    assert tokenizer.decode(encoder.prompt(["Why?"]).ids) == "Instruction: Why?\nAnswer: "
    assert encoder.ends == {tokenizer.eos_token_id}
    tokenizer.name_or_path, tokenizer.bos_token = "/models/vicuna-7b-v1.5", "<s>"
    encoder = encoder_of(tokenizer, None)
    assert tokenizer.decode(encoder.prompt(["Why?"], shots=[(["Who?"], ["Me."])]).ids) == (
        "<s>A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, "
        "detailed, and polite answers to the user's questions. USER: Who? ASSISTANT:Me.<|end|>USER: Why? ASSISTANT:"
    )
    tokenizer.name_or_path = "/vicuna/another"
    assert tokenizer.decode(encoder_of(tokenizer, None).prompt(["Why?"]).ids).endswith("Instruction: Why?\nAnswer: ")


@pytest.mark.parametrize(
    "template", ["{{ nothing.at.all }}", "{% if %}", "{{ messages[0]['content'] }}", "{{ raise_exception('no') }}"]
)
def test_a_template_that_writes_no_conversation_is_an_error(tokenizer, template):
    with pytest.raises(CheckpointError, match="plain conversation"):
        encoder_of(tokenizer, template)


def test_decisions_count_every_spelling(backbone):
    _, tokenizer = backbone
    encoder = PromptEncoder(tokenizer, [""], 4096)
    yes, no = encoder.choices("Yes", "No")
    assert names(tokenizer, yes) == {"Yes"} and names(tokenizer, no) == {"No", "ĠNo"}
    with pytest.raises(CheckpointError, match="'Yes' and 'Yes'"):
        encoder.choices("Yes", "Yes")
