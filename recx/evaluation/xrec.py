"""How XRec (Ma et al., Findings of EMNLP 2024) measures explanations: are they unique, are they near a reference?"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm.auto import tqdm

from recx.errors import SettingsError


def unique_ratio(texts: Sequence[str]) -> float:
    """Unique sentence ratio: different texts among all texts, up to case and spaces; NaN where there is none."""
    return len({" ".join(t.casefold().split()) for t in texts}) / len(texts) if texts else float("nan")


@torch.inference_mode()
def bert_score(
    texts: Sequence[str], references: Sequence[str], encoder: str, batch: int = 32, show_progress: bool = False
) -> np.ndarray:
    """BERTScore F1 (Zhang et al., ICLR 2020) without rescaling: tokens matched greedily by cosine similarity.

    Args:
        texts: N texts.
        references: N reference texts.
        encoder: hub id or folder of any encoder with its tokenizer.
        batch: texts at once.
        show_progress: show a bar.

    Returns:
        (N,) F1; 0 for an empty text.

    Raises:
        SettingsError: the encoder cannot be loaded.
    """
    from transformers import AutoModel, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(encoder)
        model = AutoModel.from_pretrained(encoder).eval()
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"The encoder {encoder!r} cannot be loaded ({str(error).splitlines()[0][:200]})."
        ) from error
    found = []
    for start in tqdm(range(0, len(texts), batch), desc="BERTScore", disable=not show_progress, leave=False):
        own, other = (
            _vectors(model, tokenizer, side[start : start + batch]) for side in (list(texts), list(references))
        )
        found += [_f1(a, b) for a, b in zip(own, other, strict=True)]
    return np.array(found)


def _vectors(model: torch.nn.Module, tokenizer: object, texts: list[str]) -> list[Tensor]:
    """Unit vectors (T, d) of each text's tokens, special ones left out."""
    limit = min(getattr(model.config, "max_position_embeddings", 512), 512)
    # Positions of some encoders (RoBERTa) begin after the padding index.
    inputs = tokenizer(
        texts, padding=True, truncation=True, max_length=limit - 2, return_tensors="pt", return_special_tokens_mask=True
    )
    special = inputs.pop("special_tokens_mask").bool()
    states = functional.normalize(model(**inputs).last_hidden_state.float(), dim=-1)
    return [s[~skip] for s, skip in zip(states, special, strict=True)]


def _f1(text: Tensor, reference: Tensor) -> float:
    if not len(text) or not len(reference):
        return 0.0
    near = text @ reference.T
    precision, recall = near.max(1).values.mean(), near.max(0).values.mean()
    total = precision + recall
    return float(2 * precision * recall / total) if total > 0 else 0.0
