"""Chat format of a model: what its chat template puts around questions and answers."""

import contextlib
from dataclasses import dataclass
from pathlib import PurePath

from transformers import PreTrainedTokenizerBase

from recx.errors import CheckpointError

_MARK = "\x02"
_PLAIN_QUESTION, _PLAIN_ANSWER = "Instruction: ", "\nAnswer: "
_THINKING = "<think>"
# Prompts must not change from one day to the next; this is the default date of Llama 3.1's template.
_DATE = "{%- macro strftime_now(form) -%}{{ {'%Y-%m-%d': '2024-07-26'}.get(form, '26 Jul 2024') }}{%- endmacro -%}"
# Vicuna 1.1 and later; its tokenizer has no template (https://github.com/lm-sys/FastChat, conversation.py).
_VICUNA = (
    "{{ bos_token }}A chat between a curious user and an artificial intelligence assistant. The assistant gives "
    "helpful, detailed, and polite answers to the user's questions. {% for message in messages %}"
    "{% if message['role'] == 'user' %}USER: {{ message['content'] }} "
    "{% else %}ASSISTANT: {{ message['content'] }}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)


@dataclass(frozen=True)
class ChatFormat:
    """Texts around the turns of a conversation.

    Attributes:
        head: before the first question. If a template adds its own system message, an empty one is used instead: it
            says nothing about the tasks, and every row would have to include it.
        middle: between a question and its answer, if further turns follow.
        between: between an answer and the next question, starting with the end of the answer's turn.
        tail: between a question and the answer to be generated.
        close: after the last answer.
    """

    head: str
    middle: str
    between: str
    tail: str
    close: str


def read_chat_format(tokenizer: PreTrainedTokenizerBase) -> ChatFormat:
    """Extract the format of a tokenizer's chat template, or a plain format if it has none.

    Models that can think before they answer are asked not to: if the template has a switch, it is off; a tail that
    opens a thought closes it. Templates that insert today's date get a fixed one.

    Raises:
        CheckpointError: the template cannot write a plain conversation of question, answer and question.
    """
    vicuna = "vicuna" in PurePath(tokenizer.name_or_path).name.lower()
    if not tokenizer.chat_template and not vicuna:
        head = (tokenizer.bos_token or "") + _PLAIN_QUESTION
        return ChatFormat(head, _PLAIN_ANSWER, "\n" + _PLAIN_QUESTION, _PLAIN_ANSWER, "")

    def written(roles: tuple[str, ...], add_generation_prompt: bool, system: tuple[str, ...] = ()) -> list[str]:
        template = tokenizer.get_chat_template() if tokenizer.chat_template else _VICUNA
        text = tokenizer.apply_chat_template(
            [{"role": "system", "content": text} for text in system]
            + [{"role": role, "content": _MARK} for role in roles],
            chat_template=_DATE + template,
            tokenize=False,
            add_generation_prompt=add_generation_prompt,
            enable_thinking=False,
        )
        parts = text.split(_MARK)
        if len(parts) != len(roles) + 1:
            raise ValueError("a turn's text is missing or comes twice")
        return parts

    try:
        head, middle, between, tail = written(("user", "assistant", "user"), True)
        close = written(("user", "assistant"), False)[-1]
    except Exception as error:  # a template is an external program that may raise anything
        raise CheckpointError(
            f"The chat template of {tokenizer.name_or_path!r} does not support a plain conversation of question, "
            f"answer and question ({error})."
        ) from error
    with contextlib.suppress(Exception):  # some do not support a system message
        silent = written(("user", "assistant"), False, system=("",))[0]
        head = min(head, silent, key=len)
    if middle.rstrip() == tail.rstrip():
        middle = tail  # a space before an answer would be a separate token
    elif middle.startswith(tail):
        tail = middle  # the channel for answers
    if tail.rstrip().endswith(_THINKING):
        tail = tail.rstrip() + "\n\n</think>\n\n"
    return ChatFormat(head, middle, between, tail, close)
