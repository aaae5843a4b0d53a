"""Whether a tokenizer keeps what prompts and answers are made of: words, titles, turns."""

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from recx.errors import CheckpointError
from recx.prompts.title_index import plain_title
from recx.prompts.tokens import PromptEncoder

_SHOWN = 3


def check_tokenizer(tokenizer: PreTrainedTokenizerBase) -> None:
    """Refuse a tokenizer that no alignment can work with.

    Raises:
        CheckpointError: it is empty, cannot end an answer, makes the same of "Yes" and "No", changes spaces, or has a
            chat template that takes no question from a user.
    """
    if not _ids(tokenizer, "Would this person like it?"):
        raise CheckpointError(
            "its tokenizer makes no tokens of a text, as where the tokenizer's files are missing. Save it into the "
            "model's folder: tokenizer.save_pretrained(folder)"
        )
    if tokenizer.eos_token_id is None:
        raise CheckpointError("its tokenizer has no end-of-text token, so answers could not end.")
    PromptEncoder(tokenizer, (), len(tokenizer)).choices("Yes", "No")


def check_titles(tokenizer: PreTrainedTokenizerBase, labels: Sequence[str]) -> list[str]:
    """Whether every title is still that title after a tokenizer, up to what reading an answer overlooks anyway.

    Args:
        tokenizer: of the backbone, as `PromptEncoder.tokenizer` has it.
        labels: labels of items 0..N (row 0 is padding).

    Returns:
        Titles that come back changed, though still as the title they were: in spaces or typography.

    Raises:
        CheckpointError: a title comes back as another text; the message names some.
    """
    changed, lost = [], []
    for label in labels[1:]:
        back = tokenizer.decode(_ids(tokenizer, f'"{label}"')).strip()
        if back == f'"{label}"':
            continue
        (changed if plain_title(back) == plain_title(f'"{label}"') else lost).append((label, back))
    if lost:
        shown = ", ".join(f'"{label}" becomes {back}' for label, back in lost[:_SHOWN])
        raise CheckpointError(
            f"The backbone's tokenizer keeps {len(lost):,} of {len(labels) - 1:,} titles no better than this: {shown}. "
            "Their items could not be recommended or quoted; name a backbone whose tokenizer knows all letters, as all "
            "with byte-level or byte-fallback tokens do."
        )
    return [label for label, _ in changed]


def _ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
