"""A short test of a backbone before it is aligned: what is decoded side by side is what it says alone."""

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from recx.decoding.state import DecodingState
from recx.errors import CheckpointError
from recx.models.aligned_model import AlignedModel
from recx.prompts.tokens import Prompt

_TEXTS = ("Which of these would this person choose next, and why?", "Would they like this one?")


@torch.inference_mode()
def check_backbone(model: AlignedModel, tokenizer: PreTrainedTokenizerBase, max_tokens: int) -> None:
    """Hold decoding against the backbone itself, with a few tokens: five passes, under a second for a small model.

    Rows of different lengths are read side by side, gone on with by runs of different lengths, selected and repeated.
    After each the logits must be those that the backbone's own forward pass gives for that row alone.

    Args:
        model: without entities, in eval mode.
        tokenizer: of the backbone.
        max_tokens: longest row to come (`align.max_tokens`).

    Raises:
        CheckpointError: the family cannot be decoded so, or knows fewer positions; the message names family and reason.
    """
    config = model.backbone.config.get_text_config()
    limit = getattr(config, "max_position_embeddings", None)
    if isinstance(limit, int) and 0 < limit < max_tokens:
        raise CheckpointError(
            f"align.max_tokens is {max_tokens:,}, but the backbone knows {limit:,} positions: set align.max_tokens to "
            f"at most {limit}."
        )
    rows = [np.array(tokenizer.encode(text, add_special_tokens=False)) for text in _TEXTS]
    heads, runs = [row[:-3] for row in rows], [rows[0][-3:-1], rows[1][-3:-2]]
    ends = [row[-1] for row in rows]
    try:
        alone = [_alone(model, np.r_[h, r, e]) for h, r, e in zip(heads, runs, ends, strict=True)]
        state = DecodingState(model, [Prompt(head) for head in heads])
        places = [len(head) - 1 for head in heads]
        _compare("prompts of different lengths are read side by side", state, alone, places)
        state.extend([run.tolist() for run in runs])
        places = [p + len(run) for p, run in zip(places, runs, strict=True)]
        _compare("a prompt that was read is gone on with", state, alone, places)
        kept = [1, 0, 1]
        state.select(torch.tensor(kept))
        state.step(torch.tensor([int(ends[row]) for row in kept]))
        places = [p + 1 for p in places]
        _compare("prompts are selected and repeated", state, [alone[r] for r in kept], [places[r] for r in kept])
    except _DiffersError as difference:
        raise CheckpointError(
            f"Backbones of the family {config.model_type!r} cannot be decoded here: where {difference}. Name one of "
            "another family as align.backbone.name."
        ) from None
    except Exception as error:  # a family may lack any method or argument
        raise CheckpointError(
            f"Backbones of the family {config.model_type!r} cannot be decoded here ({error!r}). Name one of another "
            "family as align.backbone.name."
        ) from error


class _DiffersError(Exception):
    pass


def _alone(model: AlignedModel, ids: np.ndarray) -> torch.Tensor:
    """Logits (T, V) after each token of a row, by the backbone's own forward pass."""
    batch = torch.from_numpy(ids.astype(np.int64))[None].to(model.device)
    return model.backbone(input_ids=batch, use_cache=False).logits[0].float().cpu()


def _compare(when: str, state: DecodingState, alone: list[torch.Tensor], places: list[int]) -> None:
    expected = torch.stack([logits[place] for logits, place in zip(alone, places, strict=True)])
    # Rounding alone differs by a hundred-thousandth of the logits' spread, in 16 bits by some hundredths.
    allowed = (2e-3 if state.model.backbone.dtype == torch.float32 else 0.2) * expected.std(-1).mean()
    largest = (state.logits - expected).abs().max()
    if not largest <= allowed:  # so that what is no number differs, too
        raise _DiffersError(
            f"{when}, logits differ by up to {largest:.2g} from those of each prompt alone (rounding: {allowed:.1g})"
        )
