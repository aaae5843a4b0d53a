"""Generating texts from prompts, cached by a hash of everything that determines them."""

import copy
import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Self

import torch
from tqdm.auto import tqdm

from recx.decoding import generation
from recx.decoding.quote_constraint import QuoteConstraint
from recx.models.aligned_model import AlignedModel
from recx.prompts.tokens import Prompt, PromptEncoder
from recx.storage.text_store import TextStore

BATCH = 128  # texts generated at once


class TextGenerator:
    """Generates texts greedily and in batches, without a cache unless `with_store` gives one.

    Args:
        model: the model, in eval mode.
        encoder: encoder of its prompts.
        precision: precision of the matrix products.
    """

    def __init__(self, model: AlignedModel, encoder: PromptEncoder, precision: str) -> None:
        self.model, self.encoder, self.precision = model, encoder, precision
        self.store: TextStore | None = None

    def with_store(self, store: TextStore) -> Self:
        """Return a copy of this generator that caches its texts."""
        _ = self.identity  # computed once for all copies
        other = copy.copy(self)
        other.store = store
        return other

    def write(
        self,
        prompts: Sequence[Prompt],
        max_tokens: int,
        show_progress: bool = False,
        quotes: Sequence[QuoteConstraint] | None = None,
        min_tokens: int = 0,
    ) -> list[str]:
        """Generate texts for R prompts, batched by length; each batch is saved before the next begins.

        Args:
            prompts: R prompts.
            max_tokens: greatest length of a text.
            show_progress: show a progress bar.
            quotes: constraint on what each text may quote; unconstrained by default.
            min_tokens: smallest length of a text.
        """
        store = TextStore(None) if self.store is None else self.store
        held: Sequence[QuoteConstraint | None] = quotes or [None] * len(prompts)
        keys = [str(n) for n in range(len(prompts))]
        if self.store is not None:
            keys = [
                self.key(prompt, max_tokens, quote, min_tokens) for prompt, quote in zip(prompts, held, strict=True)
            ]
        missing = [n for n in range(len(prompts)) if store.get(keys[n]) is None]
        missing.sort(key=lambda n: len(prompts[n].ids))
        with tqdm(total=len(prompts), initial=len(prompts) - len(missing), desc="texts", unit="text",
                  disable=not show_progress, leave=False) as bar:  # fmt: skip
            for start in range(0, len(missing), BATCH):
                rows = missing[start : start + BATCH]
                tokens = generation.greedy_text(
                    self.model,
                    [prompts[n] for n in rows],
                    self.encoder.ends,
                    max_tokens,
                    precision=self.precision,
                    quotes=[quotes[n] for n in rows] if quotes else None,
                    min_tokens=min_tokens,
                )
                texts = [self.encoder.tokenizer.decode(t).strip() for t in tokens]
                store.keep(dict(zip([keys[n] for n in rows], texts, strict=True)))
                bar.update(len(rows))
        return [store.get(key) for key in keys]

    def key(self, prompt: Prompt, max_tokens: int, quotes: QuoteConstraint | None = None, min_tokens: int = 0) -> str:
        """Hash everything that determines a text: model, prompt, user vector and decoding options."""
        ends = sorted(self.encoder.ends | self.model.ends)
        digest = hashlib.sha256(f"{self.identity} {min_tokens} {max_tokens} {self.precision} {ends} ".encode())
        digest.update(prompt.ids.tobytes())
        digest.update(b"" if prompt.user is None else prompt.user.float().cpu().numpy().tobytes())
        digest.update(b"" if quotes is None else quotes.fingerprint())
        return digest.hexdigest()[:32]

    @cached_property
    def identity(self) -> str:
        """Hash of the model's weights and item vectors; user vectors belong to the prompts."""
        digest, tensors = hashlib.sha256(), dict(self.model.state_dict())
        if self.model.entities is not None:
            tensors["items"] = self.model.entities.items
        for name, value in sorted(tensors.items()):
            digest.update(name.encode())
            digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()[:16]
