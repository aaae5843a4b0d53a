"""A language model that reads the target's vectors and learns from answer tokens only."""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from recx.models.entities import EntityEmbedding
from recx.prompts.tokens import IGNORED


class AlignedModel(nn.Module):
    """A causal language model with entity tokens.

    Args:
        backbone: any causal model of transformers, or one wrapped by peft.
        items: item vectors of the target (N + 1, d), or None for a model without entities.
        users: user vectors of the target (U, d).
    """

    def __init__(self, backbone: PreTrainedModel, items: Tensor | None = None, users: Tensor | None = None) -> None:
        super().__init__()
        self.backbone = backbone
        self.entities: EntityEmbedding | None = None
        if items is not None:
            users = items[:0] if users is None else users
            self.entities = EntityEmbedding(backbone.get_input_embeddings(), items, users)
            backbone.set_input_embeddings(self.entities)
        self._answer: Tensor | None = None
        self.output_embeddings().register_forward_pre_hook(self._select)

    def output_embeddings(self) -> nn.Module:
        """The layer that turns hidden states into logits."""
        return self.backbone.get_output_embeddings()

    def _select(self, module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        """Hand the output layer only the positions whose logits are needed, as (1, M, hidden)."""
        return None if self._answer is None else (args[0][self._answer][None],)

    @contextlib.contextmanager
    def selecting(self, positions: Tensor) -> Iterator[None]:
        """Within this context logits are made at `positions` (B, T) only and come out as (1, M, V)."""
        self._answer = positions
        try:
            yield
        finally:
            self._answer = None

    def logits_at(self, ids: Tensor, positions: Tensor, **inputs: Tensor) -> Tensor:
        """Logits (M, V) after each of the M marked positions of `ids` (B, T), padded on the right."""
        with self.selecting(positions):
            return self.backbone(input_ids=ids, use_cache=False, **inputs).logits[0]

    def forward(self, input_ids: Tensor, labels: Tensor, **inputs: Tensor) -> dict[str, Tensor]:
        """Mean cross-entropy over answer tokens.

        Args:
            input_ids: (B, T), padded on the right; no mask is needed then.
            labels: (B, T), -100 where nothing is to be learnt.
            inputs: what else the backbone takes, e.g. `position_ids`.
        """
        # Position t predicts token t + 1.
        targets = functional.pad(labels[:, 1:], (0, 1), value=IGNORED)
        learnt = targets != IGNORED
        logits = self.logits_at(input_ids, learnt, **inputs)
        return {"loss": functional.cross_entropy(logits.float(), targets[learnt])}

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return next(self.parameters()).device
