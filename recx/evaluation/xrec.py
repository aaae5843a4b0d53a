"""Metrics of XRec (Ma et al., Findings of EMNLP 2024): uniqueness, and similarity to a reference text."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch

from recx.errors import SettingsError


def unique_ratio(texts: Sequence[str]) -> float:
    """Share of distinct texts among the non-empty ones, ignoring case and white space; NaN if all are empty."""
    plain = [" ".join(t.casefold().split()) for t in texts if t.strip()]
    return len(set(plain)) / len(plain) if plain else float("nan")


def bert_score(texts: Sequence[str], references: Sequence[str], encoder: str) -> np.ndarray:
    """Compute BERTScore F1 (Zhang et al., ICLR 2020) without rescaling, with its authors' package.

    It uses the layer that the authors recommend for the encoder, or the last one if they recommend none.

    Args:
        texts: N texts.
        references: N reference texts.
        encoder: hub id or folder of any encoder with its tokenizer.

    Returns:
        (N,) F1; NaN for an empty text.

    Raises:
        SettingsError: the encoder cannot be loaded.
    """
    # Imported here: it takes half a second, and most runs name no encoder.
    from bert_score.utils import bert_cos_score_idf, get_model, model2layers
    from transformers import AutoModel, AutoTokenizer

    # With transformers 5 the package's own `score` fails on empty texts and on tokenizers without a length limit; the
    # code below works around both.
    try:
        tokenizer = AutoTokenizer.from_pretrained(encoder)
        known = model2layers.get(encoder)
        model = get_model(encoder, known) if known else AutoModel.from_pretrained(encoder).eval()
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"The encoder {encoder!r} cannot be loaded ({str(error).splitlines()[0][:200]})."
        ) from error
    device = "cuda" if torch.cuda.is_available() else "cpu"
    # Positions of some encoders (RoBERTa) begin after the padding index.
    max_length = min(getattr(model.config, "max_position_embeddings", 512), 512) - 2
    tokenizer.model_max_length = min(tokenizer.model_max_length, max_length)
    weights = defaultdict(lambda: 1.0, {tokenizer.sep_token_id: 0.0, tokenizer.cls_token_id: 0.0})
    scores = np.full(len(texts), np.nan)
    rows = [n for n, both in enumerate(zip(texts, references, strict=True)) if all(map(str.strip, both))]
    if rows:
        own, other = ([side[n] for n in rows] for side in (texts, references))
        measures = bert_cos_score_idf(model.to(device), other, own, tokenizer, weights, batch_size=32, device=device)
        scores[rows] = measures[:, 2].numpy()  # precision, recall, F1
    return scores
