"""Checks that a tokenizer preserves the parts of prompts and answers: words, titles, turns."""

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from recx.errors import CheckpointError
from recx.parsing.title_forms import plain_title
from recx.prompts.tokens import PromptEncoder

_SHOWN = 3


def check_tokenizer(tokenizer: PreTrainedTokenizerBase) -> None:
    """Reject a tokenizer that cannot be used for alignment.

    Raises:
        CheckpointError: it is empty, cannot end an answer, encodes "Yes" and "No" alike, changes spaces, or has a chat
            template that accepts no question from a user.
    """
    if not _ids(tokenizer, "Would this person like it?"):
        raise CheckpointError(
            "its tokenizer produces no tokens, which happens if the tokenizer's files are missing. Save it into the "
            "model's folder: tokenizer.save_pretrained(folder)"
        )
    if tokenizer.eos_token_id is None:
        raise CheckpointError("its tokenizer has no end-of-text token, so answers would never end.")
    PromptEncoder(tokenizer, (), len(tokenizer)).choices("Yes", "No")


def check_titles(tokenizer: PreTrainedTokenizerBase, labels: Sequence[str]) -> list[str]:
    """Check that a tokenizer preserves every title, except for differences that the answer parser ignores.

    Args:
        tokenizer: the backbone's, as in `PromptEncoder.tokenizer`.
        labels: labels of items 0..N (row 0 is padding).

    Returns:
        Titles that change only in spaces or typography.

    Raises:
        CheckpointError: a title changes to a different text, or two titles have the same tokens; the message names
            some.
    """
    changed, lost = [], []
    written: dict[tuple[int, ...], str] = {}
    for label in labels[1:]:
        ids = tuple(_ids(tokenizer, f'"{label}"'))
        if (other := written.setdefault(ids, label)) != label:
            raise CheckpointError(
                f'The backbone\'s tokenizer writes "{label}" and "{other}" with the same tokens, so only one of these '
                "items could be recommended. Rename one, or choose a backbone whose tokenizer keeps all characters."
            )
        back = tokenizer.decode(list(ids)).strip()
        if back == f'"{label}"':
            continue
        (changed if plain_title(back) == plain_title(f'"{label}"') else lost).append((label, back))
    if lost:
        shown = ", ".join(f'"{label}" becomes {back}' for label, back in lost[:_SHOWN])
        raise CheckpointError(
            f"The backbone's tokenizer does not preserve {len(lost):,} of {len(labels) - 1:,} titles: {shown}. Their "
            "items could not be recommended or quoted. Choose a backbone whose tokenizer covers all characters, as "
            "every byte-level or byte-fallback tokenizer does."
        )
    return [label for label, _ in changed]


def _ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
