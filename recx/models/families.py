"""Which families of language models the kit serves rightly, said from the configuration before weights are fetched."""

from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, DynamicCache, PreTrainedConfig, PreTrainedModel
from transformers.cache_utils import LinearAttentionCacheLayerMixin

from recx.errors import CheckpointError


def causal_class(config: PreTrainedConfig) -> type[PreTrainedModel]:
    """The class of a causal language model that attends to all that was read.

    Prompts of many lengths are read side by side, padded on the right, and what was read is kept, selected and gone on
    with. A recurrent state, as of convolutions and linear attention, runs through padding and cannot be selected.

    Raises:
        CheckpointError: it is another kind of model; the message says which.
    """
    family = config.model_type
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise CheckpointError(
            f"Models of the family {family!r} are no causal language models, which alone can be aligned."
        )
    if config.is_encoder_decoder:
        raise CheckpointError(
            f"Models of the family {family!r} read with an encoder and write with a decoder; only causal language "
            "models, which are a decoder alone, can be aligned."
        )
    found: type[PreTrainedModel] = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    try:
        layers = DynamicCache(config=config).layers
    except Exception as error:  # of a configuration that transformers cannot read as layers of attention
        raise CheckpointError(
            f"What models of the family {family!r} keep of a prompt is not known to transformers' ordinary cache "
            f"({error!r}), which is needed here."
        ) from error
    if found._is_stateful or any(isinstance(layer, LinearAttentionCacheLayerMixin) for layer in layers):
        raise CheckpointError(
            f"Models of the family {family!r} carry a recurrent state from token to token (convolution, linear "
            "attention or a state space) in some of their layers. Prompts that are read side by side would spoil each "
            "other's; name a model whose layers all attend, such as Llama, Qwen3 or Gemma."
        )
    return found
