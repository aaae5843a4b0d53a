"""Short test of a backbone before alignment: batched decoding must agree with single prompts."""

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from recx.decoding.state import DecodingState, position_limit
from recx.errors import CheckpointError
from recx.models.aligned_model import AlignedModel
from recx.prompts.tokens import Prompt

_TEXTS = ("Which of these would this person choose next, and why?", "Would they like this one?")


@torch.inference_mode()
def check_backbone(model: AlignedModel, tokenizer: PreTrainedTokenizerBase, max_tokens: int) -> None:
    """Compare batched decoding with the backbone itself on a few tokens: five passes, under a second for small models.

    Rows of different lengths are batched, extended by runs of different lengths, selected and repeated. After each
    step, the logits must match those of the backbone's own forward pass on each row alone.

    Args:
        model: without entities, in eval mode.
        tokenizer: tokenizer of the backbone.
        max_tokens: longest row that will occur (`align.max_tokens`).

    Raises:
        CheckpointError: the family is not supported, or has too few positions; the message says which and why.
    """
    config = model.backbone.config.get_text_config()
    limit = position_limit(model)
    if limit < max_tokens:
        raise CheckpointError(
            f"align.max_tokens is {max_tokens:,}, but the backbone supports only {limit:,} positions: set "
            f"align.max_tokens to at most {limit}."
        )
    rows = [np.array(tokenizer.encode(text, add_special_tokens=False)) for text in _TEXTS]
    heads, runs = [row[:-3] for row in rows], [rows[0][-3:-1], rows[1][-3:-2]]
    ends = [row[-1] for row in rows]
    try:
        alone = [_alone(model, np.r_[h, r, e]) for h, r, e in zip(heads, runs, ends, strict=True)]
        state = DecodingState(model, [Prompt(head) for head in heads])
        places = [len(head) - 1 for head in heads]
        _compare("prompts of different lengths are batched", state, alone, places)
        state.extend([run.tolist() for run in runs])
        places = [p + len(run) for p, run in zip(places, runs, strict=True)]
        _compare("a cached prompt is continued", state, alone, places)
        kept = [1, 0, 1]
        state.select(torch.tensor(kept))
        state.step(torch.tensor([int(ends[row]) for row in kept]))
        places = [p + 1 for p in places]
        _compare("prompts are selected and repeated", state, [alone[r] for r in kept], [places[r] for r in kept])
    except _DiffersError as difference:
        raise CheckpointError(
            f"Backbones of the family {config.model_type!r} are not supported: when {difference}. Set "
            "align.backbone.name to one of another family."
        ) from None
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise CheckpointError(
            f"The backbone does not fit into the memory of {model.device}: {error}. Set align.backbone.name to a "
            "smaller one, or align.backbone.quantize=nf4 on a GPU."
        ) from error
    except Exception as error:  # a family may lack any method or argument
        raise CheckpointError(
            f"Backbones of the family {config.model_type!r} are not supported ({error!r}). Set align.backbone.name to "
            "one of another family."
        ) from error


class _DiffersError(Exception):
    pass


def _alone(model: AlignedModel, ids: np.ndarray) -> torch.Tensor:
    """Logits (T, V) after each token of a row, from the backbone's own forward pass."""
    batch = torch.from_numpy(ids.astype(np.int64))[None].to(model.device)
    return model.backbone(input_ids=batch, use_cache=False).logits[0].float()


def _compare(when: str, state: DecodingState, alone: list[torch.Tensor], places: list[int]) -> None:
    expected = torch.stack([logits[place] for logits, place in zip(alone, places, strict=True)])
    # Rounding alone changes logits by about 1e-5 of their spread, in 16 bits by some hundredths.
    allowed = (2e-3 if state.model.backbone.dtype == torch.float32 else 0.2) * expected.std(-1).mean()
    largest = (state.logits - expected).abs().max()
    if not largest <= allowed:  # so that NaN counts as a difference
        raise _DiffersError(
            f"{when}, logits differ by up to {largest:.2g} from those of each prompt alone (rounding: {allowed:.1g})"
        )
