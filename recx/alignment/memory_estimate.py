"""Memory that an alignment needs, told from the backbone's configuration before its weights are loaded."""

import dataclasses
import functools
from dataclasses import dataclass

import psutil
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig
from transformers.pytorch_utils import Conv1D

from recx.alignment.trainer import device_batch_size
from recx.errors import CheckpointError, SettingsError
from recx.models.backbones import autocast, fastest_attention
from recx.models.families import causal_class
from recx.models.pretrained import backbone_folder, require_here
from recx.models.quantisation import frozen_dtype
from recx.prompts.tokens import EncodedRows
from recx.settings import BackboneSettings, FitSettings

_NF4 = 0.5 + 1 / 64 + 4 / (64 * 256)  # four bits, a scale of 8 bits for 64 weights, one of 32 for 256 of those
_OPTIMIZER = {"adamw": 8, "paged_adamw_8bit": 2}  # bytes of state for one tuned weight
_LOGIT = 16  # bytes: in the format of the products and in float32, its softmax, and the gradients
_MARGIN_GPU, _MARGIN_CPU = 1.15, 1.5  # what the allocator holds beside what was asked for, and passing buffers


@dataclass(frozen=True)
class MemoryEstimate:
    """What an alignment needs, on the device that it trains on.

    Attributes:
        parameters: weights of the backbone.
        tuned: weights that are tuned: of adapters and projectors, or all.
        dtype: number format of the frozen ones.
        weights: bytes of all weights.
        optimizer: bytes of gradients and the optimizer's state.
        activations: bytes kept for the backward pass of the longest batch, and its logits.
        free: bytes free at present.
    """

    parameters: int
    tuned: int
    dtype: str
    weights: float
    optimizer: float
    activations: float
    free: float

    @property
    def needed(self) -> float:
        """Bytes in all."""
        return self.weights + self.optimizer + self.activations

    def __str__(self) -> str:
        gigabytes = [f"{b / 1e9:.1f}" for b in (self.needed, self.weights, self.optimizer, self.activations, self.free)]
        needed, weights, optimizer, activations, free = gigabytes
        share = 100 * self.tuned / (self.parameters + self.tuned)
        how = f"{self.tuned:,} tuned ({share:.1f} %)" if self.tuned < self.parameters else "all tuned"
        return (
            f"backbone: {self.parameters:,} weights in {self.dtype}, {how}\n"
            f"memory: about {needed} GB needed ({weights} weights, {optimizer} optimizer, {activations} activations), "
            f"{free} GB free"
        )


def settle_passes(
    backbone: BackboneSettings, fit: FitSettings, rows: EncodedRows, width: int, processes: int = 1
) -> FitSettings:
    """Settings with a definite number of passes per step: the fewest that fit, where it was left open.

    Without a GPU the passes are to take at most half of the free memory where that is possible: other programs need
    some, and larger passes are not faster there. Except for rounding, the result of training does not depend on this.
    The arguments are those of `require_memory`.
    """
    if fit.accumulate:
        return fit
    choices = [dataclasses.replace(fit, accumulate=n) for n in _passes(fit, processes)]
    needed = [estimate_memory(backbone, how, rows, width, processes).needed for how in choices]
    for limit in (_free(),) if torch.cuda.is_available() else (_free() / 2, _free()):
        if fitting := [how for how, amount in zip(choices, needed, strict=True) if amount <= limit]:
            return fitting[0]
    return choices[-1]


def _passes(fit: FitSettings, processes: int) -> list[int]:
    """Into how many passes a step can be split, none fewer than the settings say."""
    device_batch_size(dataclasses.replace(fit, accumulate=1), processes)  # says so where there is none
    rows = fit.batch_size // processes
    return [n for n in range(max(1, fit.accumulate), rows + 1) if rows % n == 0]


def require_memory(
    backbone: BackboneSettings, fit: FitSettings, rows: EncodedRows, width: int, processes: int = 1
) -> MemoryEstimate:
    """Estimate what training on rows needs, and refuse what does not fit. Nothing is loaded.

    Args:
        backbone: which one, and what of it is tuned.
        fit: how.
        rows: what to learn.
        width: d of the target's vectors; 0 without.
        processes: that share a step's rows, each on a device of its own.

    Raises:
        SettingsError: there is too little memory; settings that fit are named.
        CheckpointError: the backbone has no readable configuration.
    """
    found = estimate_memory(backbone, fit, rows, width, processes)
    if found.needed <= found.free:
        return found
    fitting = []
    for quantize in dict.fromkeys([backbone.quantize, "nf4" if backbone.lora_rank else ""]):
        for checkpointing in sorted({fit.gradient_checkpointing, True}):
            for accumulate in _passes(fit, processes):
                other = dataclasses.replace(fit, accumulate=accumulate, gradient_checkpointing=checkpointing)
                other_backbone = dataclasses.replace(backbone, quantize=quantize)
                if estimate_memory(other_backbone, other, rows, width, processes).needed <= found.free:
                    changes = {"align.fit.accumulate": (fit.accumulate, accumulate)}
                    changes["align.fit.gradient_checkpointing"] = fit.gradient_checkpointing, checkpointing
                    changes["align.backbone.quantize"] = backbone.quantize, quantize
                    fitting.append(" ".join(f"{k}={str(b).lower()}" for k, (a, b) in changes.items() if a != b))
                    break
    advice = f"These settings fit: {'; or '.join(fitting)}; or" if fitting else "No smaller batch fits either; choose"
    raise SettingsError(
        f"Aligning {backbone.name!r} needs about {found.needed / 1e9:.1f} GB of memory ({found.weights / 1e9:.1f} for "
        f"weights, {found.optimizer / 1e9:.1f} for the optimizer, {found.activations / 1e9:.1f} for activations), and "
        f"{found.free / 1e9:.1f} GB are free. {advice} a smaller align.backbone.name."
    )


def estimate_memory(
    backbone: BackboneSettings, fit: FitSettings, rows: EncodedRows, width: int, processes: int = 1
) -> MemoryEstimate:
    """What training on rows needs; arguments and errors are those of `require_memory`."""
    dtype, size = frozen_dtype(backbone), _size(backbone.name, backbone.revision)
    tuned = 2 * size.hidden * (width + size.hidden + 2) if width else 0
    if backbone.lora_rank:
        tuned += backbone.lora_rank * size.sides
        quantised = size.matrices if backbone.quantize else 0
        weights = (size.parameters - quantised) * dtype.itemsize + quantised * _NF4
    else:
        tuned, weights = tuned + size.parameters, 0.0
    longest = int(rows.lengths.max())
    row = _kept(backbone.name, backbone.revision, bool(backbone.lora_rank), dtype, fit.precision, longest)
    if fit.gradient_checkpointing:
        row = size.layers * longest * size.hidden * dtype.itemsize + row / size.layers
    answers = _LOGIT * size.vocabulary * float(rows.answer_mask.sum()) / len(rows)
    return MemoryEstimate(
        size.parameters,
        tuned,
        backbone.quantize or str(dtype).removeprefix("torch."),
        weights + 4 * tuned,
        (4 + _OPTIMIZER[fit.optimizer]) * tuned,
        (_MARGIN_GPU if torch.cuda.is_available() else _MARGIN_CPU)
        * device_batch_size(fit, processes)
        * (row + answers),
        _free(),
    )


@dataclass(frozen=True)
class _Size:
    """Numbers of a backbone: all weights, those of matrices that adapters stand beside, and the sides of these."""

    parameters: int
    matrices: int
    sides: int
    layers: int
    hidden: int
    vocabulary: int


@functools.cache
def _size(name: str, revision: str) -> _Size:
    config = _config(name, revision)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    matrices = [layer.weight for layer in _linear(model)]
    vocabulary, hidden = model.get_input_embeddings().weight.shape
    return _Size(
        sum(p.numel() for p in model.parameters()),
        sum(m.numel() for m in matrices),
        sum(sum(m.shape) for m in matrices),
        config.num_hidden_layers,
        hidden,
        vocabulary,
    )


def _config(name: str, revision: str) -> PreTrainedConfig:
    require_here(name)
    try:
        return AutoConfig.from_pretrained(backbone_folder(name), revision=revision or "main", trust_remote_code=False)
    except Exception as error:  # whatever its parser raises
        raise CheckpointError(f"Cannot read the configuration of the backbone {name!r}: {error}") from error


def _linear(model: nn.Module) -> list[nn.Module]:
    """The layers that adapters stand beside, as peft's "all-linear" chooses them."""
    head = model.get_output_embeddings()
    return [m for m in model.modules() if isinstance(m, (nn.Linear, Conv1D)) and m is not head]


@functools.cache
def _kept(name: str, revision: str, adapted: bool, dtype: torch.dtype, precision: str, length: int) -> float:
    """Bytes that the layers keep of one row for the backward pass.

    A forward pass is made with tensors that have a shape and no content, and what PyTorch keeps of it is counted.
    """
    held: dict[int, tuple[int, torch.Tensor]] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        held[storage._cdata] = storage.nbytes(), tensor
        return tensor

    config = _config(name, revision)
    attention = fastest_attention(causal_class(config))
    with FakeTensorMode(allow_non_fake_inputs=True):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation=attention)
        if adapted:
            model.requires_grad_(False)
            for layer in _linear(model):
                layer.weight.requires_grad_()  # an adapter keeps the same input for its gradient
        own = {p.untyped_storage()._cdata for p in model.parameters()}
        hidden = model.get_input_embeddings().weight.shape[1]
        embedded = torch.empty(1, length, hidden, dtype=dtype, requires_grad=True)
        with autocast(precision, "cpu"), torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
            model.train().get_decoder()(inputs_embeds=embedded, use_cache=False)
    return float(sum(size for key, (size, _) in held.items() if key not in own))


def _free() -> float:
    """Bytes free on the GPU of this process, or in main memory without one."""
    return float(torch.cuda.mem_get_info()[0] if torch.cuda.is_available() else psutil.virtual_memory().available)
