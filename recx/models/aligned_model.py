"""A language model that reads the target's vectors and is trained on answer tokens only."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from recx.models.entities import EntityEmbedding
from recx.models.injection import inject_into, injecting
from recx.prompts.tokens import IGNORED
from recx.storage.tensors import trainable


class AlignedModel(nn.Module):
    """A causal language model with entity tokens. It is stateless between calls, so several threads may share one.

    Args:
        backbone: any causal model of transformers, or one wrapped by peft.
        items: item vectors of the target (N + 1, d), or None for a model without entities.
        users: user vectors of the target (U, d), to which training rows refer.
        relations: whether relation tokens are used.
        projector: kind of the projectors of items and users.
        inject: whether the vectors of entity tokens also enter every layer.

    Attributes:
        reads_told: whether it is trained to read measured roles from told tokens, like any model with relation tokens
            unless an earlier version aligned it.

    Raises:
        CheckpointError: `inject`, and the backbone's family does not support it.
    """

    def __init__(
        self,
        backbone: PreTrainedModel,
        items: Tensor | None = None,
        users: Tensor | None = None,
        relations: bool = False,
        projector: str = "mlp",
        inject: bool = False,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.entities: EntityEmbedding | None = None
        self.projector, self.inject = projector, inject and items is not None
        self.reads_told = relations and items is not None
        if items is not None:
            users = items[:0] if users is None else users
            self.entities = EntityEmbedding(backbone.get_input_embeddings(), items, users, relations, projector)
            backbone.set_input_embeddings(self.entities)
        if self.inject:
            inject_into(backbone.get_decoder())

    def embed(self, ids: Tensor, users: Tensor | None = None) -> Tensor:
        """Token ids (B, T), and the user vectors (B, d) for their user tokens -> (B, T, hidden)."""
        return self.backbone.get_input_embeddings()(ids) if self.entities is None else self.entities(ids, users)

    @contextmanager
    def reading(self, ids: Tensor, users: Tensor | None = None) -> Iterator[Tensor]:
        """Embeddings (B, T, hidden) of prompts, as `embed` gives them, for a first pass within this context.

        Given embeddings instead of ids, the decoder could not tell which of them are entities to be injected.
        """
        embeddings = self.embed(ids, users)
        with injecting(self.entities.only_entities(ids, embeddings) if self.inject else None):
            yield embeddings

    def decoder_outputs(self, **inputs: Any) -> Any:
        """Output of the backbone's decoder, without logits: `last_hidden_state` (B, T, hidden), `past_key_values`."""
        return self.backbone.get_decoder()(**inputs)

    def logits(self, states: Tensor) -> Tensor:
        """Logits (M, V) for the hidden states (M, hidden) of M positions.

        Most positions in a batch belong to prompts and need no logits.
        """
        return self._scaled(self.backbone.get_output_embeddings()(states[None])[0])

    def precise_logits(self, states: Tensor, tokens: Tensor) -> Tensor:
        """Logits (M, K) of K tokens in float32, also under autocast.

        In bfloat16, logits between 8 and 16 lie 1/16 apart: sure decisions about different items would be tied.
        """
        head = self.backbone.get_output_embeddings()
        bias = None if getattr(head, "bias", None) is None else head.bias[tokens].float()
        with torch.autocast(states.device.type, enabled=False):
            return self._scaled(functional.linear(states.float(), head.weight[tokens].float(), bias))

    def _scaled(self, logits: Tensor) -> Tensor:
        """Scale or cap logits after the output layer, as some families do (Gemma 2, Granite, Cohere)."""
        config = self.backbone.config.get_text_config()
        if getattr(config, "logits_scaling", None):
            logits = logits / config.logits_scaling
        if getattr(config, "logit_scale", None):
            logits = logits * config.logit_scale
        cap = getattr(config, "final_logit_softcapping", None)
        return torch.tanh(logits / cap) * cap if cap else logits

    def forward(
        self,
        input_ids: Tensor,
        labels: Tensor,
        users: Tensor | None = None,
        token_wise: bool = False,
        **inputs: Tensor,
    ) -> dict[str, Tensor]:
        """Mean cross-entropy over answer tokens.

        Args:
            input_ids: (B, T), right-padded; no mask is needed then.
            labels: (B, T), -100 at positions without a loss.
            users: (B, d), the target's vectors for the user ids of each row; by default, those of training.
            token_wise: return instead `log_probs` (B, T) of the answer tokens, 0 at all other positions.
            inputs: further inputs of the backbone, e.g. `position_ids`.
        """
        # Position t predicts token t + 1.
        targets = functional.pad(labels[:, 1:], (0, 1), value=IGNORED)
        learnt = targets != IGNORED
        if users is None:
            states = self.decoder_outputs(input_ids=input_ids, use_cache=False, **inputs).last_hidden_state
        else:
            with self.reading(input_ids, users) as embeddings:
                states = self.decoder_outputs(inputs_embeds=embeddings, use_cache=False, **inputs).last_hidden_state
        logits = self.logits(states[learnt]).float()
        if token_wise:
            each = functional.cross_entropy(logits, targets[learnt], reduction="none")
            log_probs = each.new_zeros(targets.shape).masked_scatter(learnt, -each)
            return {"log_probs": functional.pad(log_probs[:, :-1], (1, 0))}
        loss = functional.cross_entropy(logits, targets[learnt])
        if torch.is_grad_enabled() and not loss.requires_grad:
            # Rows without entities teach nothing where only projectors are tuned, but a step needs gradients.
            loss = loss + sum(0.0 * p.sum() for p in trainable(self).values())
        return {"loss": loss}

    @property
    def ends(self) -> frozenset[int]:
        """Ids of the end tokens in the backbone's generation config; often several."""
        named = self.backbone.generation_config.eos_token_id
        return frozenset([] if named is None else np.atleast_1d(named).tolist())

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return next(self.parameters()).device
