"""How XRec (Ma et al., Findings of EMNLP 2024) measures explanations: are they unique, are they near a reference?"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch

from recx.errors import SettingsError


def unique_ratio(texts: Sequence[str]) -> float:
    """Unique sentence ratio: different texts among all that are not empty, up to case and spaces; NaN without any."""
    plain = [" ".join(t.casefold().split()) for t in texts if t.strip()]
    return len(set(plain)) / len(plain) if plain else float("nan")


def bert_score(texts: Sequence[str], references: Sequence[str], encoder: str) -> np.ndarray:
    """BERTScore F1 (Zhang et al., ICLR 2020) without rescaling, by its authors' package.

    The vectors are those of the layer the authors recommend for the encoder, of the last one where they name none.

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

    # The package's own `score` fails with transformers 5 on an empty text, and on a tokenizer without a limit on
    # their length; what stands around it here helps it over both.
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
