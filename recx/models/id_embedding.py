"""Users and items as learnt vectors of their ids: the language models of PETER and PEPLER."""

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from recx.models.aligned_model import AlignedModel
from recx.prompts.tokens import IGNORED

PETER_WIDTH, PETER_LAYERS, PETER_HEADS = 256, 2, 4


class IdEmbedding(nn.Module):
    """Input embedding for ordinary tokens and for ids above the vocabulary, which have a learnt vector each.

    Args:
        base: the language model's own embedding.
        known: (M,) whether an id, counted from the vocabulary, occurs in training; the vectors of others are zero.
    """

    def __init__(self, base: nn.Embedding, known: Tensor) -> None:
        super().__init__()
        self.base, self.vocabulary = base, base.num_embeddings
        self.vectors = nn.Embedding(len(known), base.embedding_dim)
        nn.init.normal_(self.vectors.weight, std=float(base.weight.detach().float().std()))
        self.register_buffer("known", known, persistent=False)

    @property
    def weight(self) -> Tensor:
        """The ordinary table, for code that ties input and output embeddings."""
        return self.base.weight

    def forward(self, ids: Tensor, users: Tensor | None = None) -> Tensor:
        """Token ids (B, T) to embeddings (B, T, hidden); `users` is not used."""
        entity = ids >= self.vocabulary
        text = self.base(ids.masked_fill(entity, 0))
        rows = (ids - self.vocabulary).clamp_min(0)
        own = self.vectors(rows) * self.known[rows][..., None]
        return torch.where(entity[..., None], own.to(text.dtype), text)


class ContextModel(AlignedModel):
    """PETER's second loss: from the last id alone, all words of the text are to be predicted, in no order."""

    def forward(self, input_ids: Tensor, labels: Tensor, **inputs: Tensor) -> dict[str, Tensor]:
        """Sum of the mean cross-entropies of the text and of its words from the ids; arguments as in the base class."""
        targets = functional.pad(labels[:, 1:], (0, 1), value=IGNORED)
        learnt = targets != IGNORED
        states = self.decoder_outputs(input_ids=input_ids, use_cache=False, **inputs).last_hidden_state
        text = functional.cross_entropy(self.logits(states[learnt]).float(), targets[learnt])
        last = (input_ids >= self.entities.vocabulary).int().cumsum(1).argmax(1)
        # One distribution per row; repeating it for every word of the text took a third of a step.
        log_probs = functional.log_softmax(self.logits(states[torch.arange(len(last)), last]).float(), dim=1)
        return {"loss": text - log_probs[learnt.nonzero()[:, 0], targets[learnt]].mean()}


def pepler(backbone: PreTrainedModel, known: Tensor) -> AlignedModel:
    """PEPLER (Li et al., TOIS 2023, arXiv 2202.07371): a pretrained model with two ids as a continuous prompt.

    Args:
        backbone: the pretrained model.
        known: as in `IdEmbedding`.
    """
    return _with_ids(AlignedModel(backbone), known)


def peter(backbone: PreTrainedModel, known: Tensor, seed: int = 0) -> AlignedModel:
    """PETER (Li et al., ACL 2021, arXiv 2105.11601): a small transformer that learns from its texts alone.

    It has two layers and predicts the words of a text from the ids as well. Unlike the original, it shares the
    vocabulary of a language model, the user's id does not see the item's, and no rating is predicted.

    Args:
        backbone: a model whose vocabulary is used; none of its weights are.
        known: as in `IdEmbedding`.
        seed: random seed of the weights.
    """
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=backbone.get_input_embeddings().num_embeddings,
        hidden_size=PETER_WIDTH,
        intermediate_size=4 * PETER_WIDTH,
        num_hidden_layers=PETER_LAYERS,
        num_attention_heads=PETER_HEADS,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )
    small = LlamaForCausalLM(config)
    small.generation_config.eos_token_id = backbone.generation_config.eos_token_id
    return _with_ids(ContextModel(small), known)


def _with_ids(model: AlignedModel, known: Tensor) -> AlignedModel:
    model.entities = IdEmbedding(model.backbone.get_input_embeddings(), known)
    model.backbone.set_input_embeddings(model.entities)
    return model
