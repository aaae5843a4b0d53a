"""Check that the kit supports a family of language models, from its configuration before weights are downloaded."""

from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, DynamicCache, PreTrainedConfig, PreTrainedModel
from transformers.cache_utils import LinearAttentionCacheLayerMixin

from recx.errors import CheckpointError


def causal_class(config: PreTrainedConfig) -> type[PreTrainedModel]:
    """The class of a causal language model whose layers all attend to the full prefix.

    Prompts of different lengths are batched with right padding, and their caches are kept, selected and continued. A
    recurrent state, as in convolutions and linear attention, runs through padding and cannot be selected.

    Raises:
        CheckpointError: it is another kind of model, which the message names.
    """
    family = config.model_type
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise CheckpointError(
            f"Models of the family {family!r} are not causal language models, and only those can be aligned."
        )
    if config.is_encoder_decoder:
        raise CheckpointError(
            f"Models of the family {family!r} have an encoder and a decoder; only causal language models, which have "
            "only a decoder, can be aligned."
        )
    found: type[PreTrainedModel] = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    try:
        layers = DynamicCache(config=config).layers
    except Exception as error:  # a configuration that transformers cannot interpret as attention layers
        raise CheckpointError(
            f"The standard cache of transformers, which is required here, does not support models of the family "
            f"{family!r} ({error!r})."
        ) from error
    if found._is_stateful or any(isinstance(layer, LinearAttentionCacheLayerMixin) for layer in layers):
        raise CheckpointError(
            f"Models of the family {family!r} carry a recurrent state from token to token (convolution, linear "
            "attention or a state space) in some layers, so batched prompts would affect each other. Choose a model "
            "whose layers all use attention, such as Llama, Qwen3 or Gemma."
        )
    return found
