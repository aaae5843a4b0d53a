"""Injection: the vectors of entity tokens also enter the queries, keys and values of every layer, as in XRec.

XRec (Ma et al. 2024, arXiv 2406.02377) adds the projected vector of a user or an item to the queries, keys and values
at the position of its token, in a copy of one family's code. Here it is added to what they are computed from, so that
it also fits where keys are narrower than the model (grouped queries), and hooks do it in any family with such layers.

The decoder's hook finds the entity tokens of a call and hands their vectors to every layer as one more keyword
argument, which the hook of each attention module takes out again. Nothing is kept between calls, and a layer that is
recomputed in the backward pass gets the same argument again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from recx.errors import CheckpointError

_ARGUMENT = "entity_vectors"
_PROJECTIONS = ({"q_proj", "k_proj", "v_proj"}, {"qkv_proj"})
_OUTPUTS = {"o_proj", "out_proj", "dense"}
_given: ContextVar[Tensor | None] = ContextVar("entity vectors of prompts given as embeddings", default=None)


@contextmanager
def injecting(vectors: Tensor | None) -> Iterator[None]:
    """Context in which the decoder, given embeddings, injects these vectors (B, T, hidden), zero at ordinary tokens.

    Each row may be repeated by the same number of times in a call, as beam search does.
    """
    token = _given.set(vectors)
    try:
        yield
    finally:
        _given.reset(token)


def inject_into(decoder: PreTrainedModel) -> None:
    """Register the hooks on a decoder whose input embedding is an `EntityEmbedding`.

    A pass over one token checks that the vectors reach every layer.

    Raises:
        CheckpointError: vectors cannot be injected into every layer of this family.
    """
    attentions = attention_modules(decoder)
    for attention in attentions:
        attention.register_forward_pre_hook(_add_vectors, with_kwargs=True)
    decoder.register_forward_pre_hook(_hand_down, with_kwargs=True)
    reached: list[nn.Module] = []

    def look(attention: nn.Module, _: Any, given: dict[str, Any]) -> None:
        if _ARGUMENT in given:
            reached.append(attention)

    looking = [a.register_forward_pre_hook(look, with_kwargs=True, prepend=True) for a in attentions]
    one = torch.ones_like(decoder.get_input_embeddings().weight[:1])[None]
    try:
        with torch.no_grad(), injecting(one):
            decoder(inputs_embeds=one, use_cache=False)
    except TypeError as error:  # a layer that accepts no further arguments
        raise _refusal(decoder) from error
    finally:
        for handle in looking:
            handle.remove()
    if reached != attentions or len(attentions) != decoder.config.num_hidden_layers:
        raise _refusal(decoder)


def attention_modules(decoder: nn.Module) -> list[nn.Module]:
    """The attention modules that read their input only to project it to queries, keys and values."""
    found = []
    for module in decoder.modules():
        matrices = {name for name, child in module.named_children() if any(p.ndim > 1 for p in child.parameters())}
        if matrices - _OUTPUTS in _PROJECTIONS:
            found.append(module)
    return found


def _refusal(decoder: PreTrainedModel) -> CheckpointError:
    return CheckpointError(
        f"align.inject=true is not supported for models of the family {decoder.config.model_type!r}: not every layer "
        "has projections to queries, keys and values that vectors can be added to. Set align.inject=false, or choose a "
        "family such as Llama, Mistral, Qwen2, Qwen3, Gemma or Phi-3 (align.backbone.name)."
    )


def _hand_down(decoder: PreTrainedModel, args: tuple[Any, ...], given: dict[str, Any]) -> Any:
    """Hook before a decoder: give the vectors of the call's entity tokens, if there are any, to all layers."""
    ids, embeddings = given.get("input_ids"), given.get("inputs_embeds")
    if embeddings is None:
        entities = decoder.get_input_embeddings()
        if not (ids >= entities.vocabulary).any():
            return None
        # Projected once, here: a second time would draw other noise in training.
        embeddings = entities(ids)
        vectors = entities.only_entities(ids, embeddings)
        given = given | {"input_ids": None, "inputs_embeds": embeddings}
    else:
        vectors = _given.get()
        if vectors is None:
            return None
        vectors = vectors.repeat_interleave(len(embeddings) // len(vectors), dim=0)
    return args, given | {_ARGUMENT: vectors}


def _add_vectors(_: nn.Module, args: tuple[Any, ...], given: dict[str, Any]) -> Any:
    """Hook before an attention module: add the vectors to its input (B, T, hidden)."""
    vectors = given.pop(_ARGUMENT, None)
    if vectors is None:
        return None
    if args:
        return (args[0] + vectors.to(args[0].dtype), *args[1:]), given
    states = given["hidden_states"]
    return args, given | {"hidden_states": states + vectors.to(states.dtype)}
