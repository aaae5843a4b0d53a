"""Texts after prompts, kept by the hash of all that decides about them."""

import hashlib
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from tqdm.auto import tqdm

from recx.decoding import free as generation
from recx.decoding.held_quotes import Quotes
from recx.models.aligned_model import AlignedModel
from recx.prompts.tokens import Encoder
from recx.storage.text_store import TextStore

BATCH = 128  # texts written at once


class Writer:
    """Writes greedily, many texts at once.

    Args:
        model: in eval mode; holds the user vectors that the prompts name.
        encoder: of its prompts.
        precision: of the matrix products.
    """

    def __init__(self, model: AlignedModel, encoder: Encoder, precision: str) -> None:
        self.model, self.encoder, self.precision = model, encoder, precision

    def write(
        self,
        encoded: Sequence[np.ndarray],
        max_tokens: int,
        store: TextStore | None = None,
        show_progress: bool = False,
        quotes: Sequence[Quotes] | None = None,
    ) -> list[str]:
        """Texts after the prompts, like lengths together; each batch is kept before the next begins.

        Args:
            encoded: R prompts.
            max_tokens: longest text.
            store: where texts are kept; what it holds is not written again.
            show_progress: show a bar.
            quotes: what each text may quote; anything unless told.
        """
        store = TextStore(None) if store is None else store
        held: Sequence[Quotes | None] = quotes or [None] * len(encoded)
        keys = [str(n) for n in range(len(encoded))]
        if store.path:
            keys = [self.key(ids, max_tokens, quote) for ids, quote in zip(encoded, held, strict=True)]
        missing = [n for n in range(len(encoded)) if store.get(keys[n]) is None]
        missing.sort(key=lambda n: len(encoded[n]))
        with tqdm(total=len(encoded), initial=len(encoded) - len(missing), desc="texts", unit="text",
                  disable=not show_progress, leave=False) as bar:  # fmt: skip
            for start in range(0, len(missing), BATCH):
                rows = missing[start : start + BATCH]
                tokens = generation.greedy_text(
                    self.model,
                    [encoded[n] for n in rows],
                    int(self.encoder.end[0]),
                    max_tokens,
                    precision=self.precision,
                    quotes=[quotes[n] for n in rows] if quotes else None,
                )
                texts = [self.encoder.tokenizer.decode(t).strip() for t in tokens]
                store.keep(dict(zip([keys[n] for n in rows], texts, strict=True)))
                bar.update(len(rows))
        return [store.get(key) for key in keys]

    def key(self, ids: np.ndarray, max_tokens: int, quotes: Quotes | None = None) -> str:
        """Hash of all that decides about a text: model, prompt, the vectors of its user, and how it is decoded."""
        first = self.encoder.vocabulary + self.encoder.n_items
        users = ids[ids >= first]
        vectors = self.model.entities.users[torch.from_numpy(users.astype(np.int64) - first)] if len(users) else None
        told = hashlib.sha256(f"{self.identity} {max_tokens} {self.precision} ".encode())
        told.update(np.where(ids >= first, first, ids).tobytes())  # the place of a user vector is not its content
        told.update(b"" if vectors is None else vectors.float().cpu().numpy().tobytes())
        told.update(b"" if quotes is None else quotes.told())
        return told.hexdigest()[:32]

    @cached_property
    def identity(self) -> str:
        """Hash of the model's weights and item vectors; those of persons come and go and are no part of it."""
        told, tensors = hashlib.sha256(), dict(self.model.state_dict())
        if self.model.entities is not None:
            tensors["items"] = self.model.entities.items
        for name, value in sorted(tensors.items()):
            told.update(name.encode())
            told.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
        return told.hexdigest()[:16]
