"""Estimate of an alignment's memory from the backbone's configuration, before its weights are loaded."""

import dataclasses
import functools
from dataclasses import dataclass

import psutil
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig
from transformers.pytorch_utils import Conv1D

from recx.alignment.steps import device_batch_size
from recx.errors import CheckpointError, SettingsError
from recx.models.backbones import autocast, fastest_attention
from recx.models.families import causal_class
from recx.models.pretrained import backbone_folder, require_here
from recx.models.projectors import count_parameters
from recx.models.quantisation import frozen_dtype
from recx.prompts.tokens import EncodedRows
from recx.settings import BackboneSettings, FitSettings

_NF4 = 0.5 + 1 / 64 + 4 / (64 * 256)  # 4 bits, an 8-bit scale per 64 weights, a 32-bit one per 256 scales
_OPTIMIZER = {"adamw": 8, "paged_adamw_8bit": 2}  # bytes of state per tuned weight
_LOGIT = 16  # bytes: logit in both formats, its softmax, and the gradients
_MARGIN_GPU, _MARGIN_CPU = 1.15, 1.5  # allocator overhead and temporary buffers


@dataclass(frozen=True)
class MemoryEstimate:
    """Memory required by an alignment on its training device.

    Attributes:
        parameters: number of weights of the backbone.
        tuned: number of tuned weights: those of adapters and projectors, or all.
        dtype: number format of the frozen weights.
        weights: bytes of all weights.
        optimizer: bytes of gradients and optimizer state.
        activations: bytes stored for the backward pass of the longest batch, including logits.
        free: bytes currently free.
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
        """Total number of bytes."""
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
    backbone: BackboneSettings,
    fit: FitSettings,
    rows: EncodedRows,
    width: int,
    processes: int = 1,
    projector: str = "mlp",
) -> FitSettings:
    """Settings with a definite number of passes per step: the fewest that fit, where it was left open.

    Without a GPU the passes are to take at most half of the free memory where that is possible: other programs need
    some, and larger passes are not faster there. Except for rounding, the result of training does not depend on this.
    The arguments are those of `require_memory`.
    """
    if fit.accumulate:
        return fit
    choices = [dataclasses.replace(fit, accumulate=n) for n in _passes(fit, processes)]
    needed = [estimate_memory(backbone, how, rows, width, processes, projector).needed for how in choices]
    for limit in (_free(),) if torch.cuda.is_available() else (_free() / 2, _free()):
        if fitting := [how for how, amount in zip(choices, needed, strict=True) if amount <= limit]:
            return fitting[0]
    return choices[-1]


def _passes(fit: FitSettings, processes: int) -> list[int]:
    """Possible numbers of passes per step, none below the settings."""
    device_batch_size(dataclasses.replace(fit, accumulate=1), processes)  # raises an error if there is none
    rows = fit.batch_size // processes
    return [n for n in range(max(1, fit.accumulate), rows + 1) if rows % n == 0]


def require_memory(
    backbone: BackboneSettings,
    fit: FitSettings,
    rows: EncodedRows,
    width: int,
    processes: int = 1,
    projector: str = "mlp",
) -> MemoryEstimate:
    """Estimate the memory for training on rows, and reject what does not fit. Nothing is loaded.

    Args:
        backbone: which backbone, and which part of it is tuned.
        fit: training settings.
        rows: training rows.
        width: d of the target's vectors; 0 if there are none.
        processes: number of processes that share a step's rows, each on its own device.
        projector: kind of the projectors.

    Raises:
        SettingsError: there is too little memory; the message names settings that fit.
        CheckpointError: the backbone's configuration cannot be read.
    """
    found = estimate_memory(backbone, fit, rows, width, processes, projector)
    if found.needed <= found.free:
        return found
    fitting = []
    for quantize in dict.fromkeys([backbone.quantize, "" if backbone.tunes_all else "nf4"]):
        for checkpointing in sorted({fit.gradient_checkpointing, True}):
            for accumulate in _passes(fit, processes):
                other = dataclasses.replace(fit, accumulate=accumulate, gradient_checkpointing=checkpointing)
                other_backbone = dataclasses.replace(backbone, quantize=quantize)
                if estimate_memory(other_backbone, other, rows, width, processes, projector).needed <= found.free:
                    changes = {"align.fit.accumulate": (fit.accumulate, accumulate)}
                    changes["align.fit.gradient_checkpointing"] = fit.gradient_checkpointing, checkpointing
                    changes["align.backbone.quantize"] = backbone.quantize, quantize
                    fitting.append(" ".join(f"{k}={str(b).lower()}" for k, (a, b) in changes.items() if a != b))
                    break
    advice = f"These settings fit: {'; or '.join(fitting)}; or" if fitting else "No smaller batch fits either; choose"
    raise SettingsError(
        f"Aligning {backbone.name!r} needs about {found.needed / 1e9:.1f} GB of memory ({found.weights / 1e9:.1f} for "
        f"weights, {found.optimizer / 1e9:.1f} for the optimizer, {found.activations / 1e9:.1f} for activations), but "
        f"only {found.free / 1e9:.1f} GB are free. {advice} a smaller align.backbone.name."
    )


def estimate_memory(
    backbone: BackboneSettings,
    fit: FitSettings,
    rows: EncodedRows,
    width: int,
    processes: int = 1,
    projector: str = "mlp",
) -> MemoryEstimate:
    """Estimate the memory for training on rows; arguments and errors are those of `require_memory`."""
    dtype, size = frozen_dtype(backbone), _size(backbone.name, backbone.revision)
    tuned = 2 * count_parameters(projector, width, size.hidden) if width else 0
    if backbone.tunes_all:
        tuned, weights = tuned + size.parameters, 0.0
    else:
        tuned += backbone.lora_rank * size.sides
        quantised = size.matrices if backbone.quantize else 0
        weights = (size.parameters - quantised) * dtype.itemsize + quantised * _NF4
    longest = int(rows.lengths.max())
    adapted = bool(backbone.lora_rank)
    row = _kept(backbone.name, backbone.revision, adapted, dtype, fit.precision, longest, backbone.frozen)
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
    """Sizes of a backbone: number of weights, number of weights in matrices with adapters, and their dimensions."""

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
        config.get_text_config().num_hidden_layers,
        hidden,
        vocabulary,
    )


def _config(name: str, revision: str) -> PreTrainedConfig:
    require_here(name)
    try:
        return AutoConfig.from_pretrained(backbone_folder(name), revision=revision or "main", trust_remote_code=False)
    except Exception as error:  # arbitrary parser errors
        raise CheckpointError(f"Cannot read the configuration of the backbone {name!r}: {error}") from error


def _linear(model: nn.Module) -> list[nn.Module]:
    """The layers that receive adapters, as selected by peft's "all-linear"."""
    head = model.get_output_embeddings()
    return [m for m in model.modules() if isinstance(m, (nn.Linear, Conv1D)) and m is not head]


@functools.cache
def _kept(
    name: str,
    revision: str,
    adapted: bool,
    dtype: torch.dtype,
    precision: str,
    length: int,
    frozen: bool = False,
) -> float:
    """Bytes that the layers store of one row for the backward pass.

    Runs a forward pass on meta tensors (shapes without content) and counts what PyTorch saves.
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
        model.requires_grad_(not (adapted or frozen))
        for layer in _linear(model) if adapted else ():
            layer.weight.requires_grad_()  # an adapter saves the same input for its gradient
        own = {p.untyped_storage()._cdata for p in model.parameters()}
        hidden = model.get_input_embeddings().weight.shape[1]
        embedded = torch.empty(1, length, hidden, dtype=dtype, requires_grad=True)
        with autocast(precision, "cpu"), torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
            model.train().get_decoder()(inputs_embeds=embedded, use_cache=False)
    return float(sum(size for key, (size, _) in held.items() if key not in own))


def _free() -> float:
    """Bytes free on this process's GPU, or in main memory if there is none."""
    return float(torch.cuda.mem_get_info()[0] if torch.cuda.is_available() else psutil.virtual_memory().available)
