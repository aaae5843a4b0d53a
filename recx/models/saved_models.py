"""Aligned models: building them from a backbone, saving and loading them (safetensors and JSON)."""

import copy
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from recx.errors import CheckpointError
from recx.models.aligned_model import AlignedModel
from recx.models.backbones import load_backbone
from recx.models.quantisation import frozen_dtype, keep_layout, quantization_of
from recx.prompts.modes import MODE_SPECS, Mode
from recx.recommenders.devices import preferred_device
from recx.settings import MODES, PROJECTORS, BackboneSettings
from recx.storage.tensors import load_weights, read_tensors, trainable

_WHITENING = [f"{kind}_whitening.{part}" for kind in ("item", "user") for part in ("center", "turn")]
_TABLES = ("items", "users", *_WHITENING)
_RELATION_PROJECTORS = ("relation_projector.", "title_projector.")
_ENTITY_PROJECTORS = ("item_projector.", "user_projector.")


@dataclass(frozen=True)
class SharedBackbone:
    """A backbone in memory from which several models are built; models with adapters share its frozen weights.

    Attributes:
        settings: settings it was loaded with; rank and scale of adapters are irrelevant.
        model: the backbone, frozen.
        tokenizer: its tokenizer.
    """

    settings: BackboneSettings
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase

    @classmethod
    def load(cls, settings: BackboneSettings) -> "SharedBackbone":
        """Load the backbone onto the device on which models are used."""
        model, tokenizer = _load(settings)
        return cls(settings, model.eval().requires_grad_(False).to(preferred_device()), tokenizer)

    def fits(self, settings: BackboneSettings) -> bool:
        """Whether these settings refer to the same backbone in the same number format."""
        ours, theirs = (((s.name, s.revision, s.quantize), frozen_dtype(s)) for s in (self.settings, settings))
        return ours == theirs

    def instance(self, shares_weights: bool = True) -> PreTrainedModel:
        """A model with its own modules, free to be modified, that shares the weights of `model` or copies them."""
        shared = [*self.model.parameters(), *self.model.buffers()] if shares_weights else []
        shared += [p.quant_state for p in shared if hasattr(p, "quant_state")]  # quantisation tables of 4-bit weights
        return copy.deepcopy(self.model, {id(t): t for t in shared})


def build_aligned(
    settings: BackboneSettings,
    items: torch.Tensor | None,
    users: torch.Tensor | None,
    seed: int = 0,
    relations: bool = False,
    shared: SharedBackbone | None = None,
    projector: str = "mlp",
    inject: bool = False,
) -> tuple[AlignedModel, PreTrainedTokenizerBase]:
    """Build a backbone with adapters (if requested) and entity tokens (if there are vectors), ready for training.

    Args:
        settings: the backbone, and which part of it is tuned.
        items: item vectors (N + 1, d), or None for behavior alignment.
        users: user vectors (U, d).
        seed: random seed of projectors and adapters.
        relations: whether prompts contain relation tokens.
        shared: the backbone, if already in memory; its weights are shared unless they are tuned.
        projector: kind of the projectors of items and users.
        inject: whether the vectors of entity tokens also enter every layer.

    Raises:
        CheckpointError: the backbone cannot be loaded, or `inject` and its family does not support it.
    """
    torch.manual_seed(seed)
    if shared is not None and shared.fits(settings):
        backbone, tokenizer = shared.instance(shares_weights=not settings.tunes_all), shared.tokenizer
    else:
        backbone, tokenizer = _load(settings)
    backbone.requires_grad_(settings.tunes_all)
    if settings.lora_rank:
        config = LoraConfig(
            r=settings.lora_rank, lora_alpha=settings.lora_alpha, target_modules="all-linear", task_type="CAUSAL_LM"
        )
        backbone = get_peft_model(backbone, config)
    return AlignedModel(backbone, items, users, relations, projector, inject).to(preferred_device()), tokenizer


def _load(settings: BackboneSettings) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    quantization = quantization_of(settings)
    backbone, tokenizer = load_backbone(settings.name, settings.revision, frozen_dtype(settings), quantization)
    if quantization is not None:
        keep_layout(backbone)
    return backbone, tokenizer


@torch.no_grad()
def continue_from(model: AlignedModel, folder: Path, weight: float = 1.0, same_target: bool = True) -> None:
    """Initialise a new model from a previously aligned one with the same backbone and adapters.

    Args:
        model: new model, as built from the backbone.
        folder: folder of the previously aligned model.
        weight: position between the backbone (0) and that model (1); the average of two models tuned from the same
            start keeps much of both (Wortsman et al., CVPR 2022). Projectors are copied completely.
        same_target: whether both read the same target. If not, the projectors of items and users keep their
            initialisation, as the vectors of another target mean something else.

    Raises:
        CheckpointError: the file is missing or damaged, or the weights do not fit.
    """
    tuned = trainable(model)
    # An adapter's update is the product B A, and B starts at 0: with A copied, it is scaled by `weight`.
    start = {n: p.detach().clone() for n, p in tuned.items() if "_projector." not in n and "lora_A" not in n}
    # Relation tokens keep their own initialisation if the other model had none.
    own = _RELATION_PROJECTORS if same_target else _ENTITY_PROJECTORS
    kept = {n: p for n, p in tuned.items() if not any(part in n for part in own)}
    load_weights(folder / "weights.safetensors", kept, without=() if same_target else own)
    for name, before in start.items():
        tuned[name].lerp_(before, 1.0 - weight)


def save_aligned(
    model: AlignedModel, settings: BackboneSettings, mode: Mode, folder: Path, with_users: bool = False
) -> None:
    """Write `weights.safetensors` (tuned weights), `entities.safetensors` (tables) and, last, `aligned.json`.

    Args:
        model: the aligned model.
        settings: of its backbone.
        mode: its mode.
        folder: output folder.
        with_users: also write the user vectors of the training rows, which only further training on these rows needs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "aligned.json").unlink(missing_ok=True)  # until the other files are complete, there is no model here
    weights = {n: p.detach().contiguous().cpu() for n, p in trainable(model).items()}
    save_file(weights, folder / "weights.safetensors")
    if model.entities is not None:
        tables = {n: model.entities.get_buffer(n) for n in _TABLES} | _relation_tables(model)
        if not with_users:
            tables["users"] = tables["users"][:0]
        save_file({n: t.contiguous().cpu() for n, t in tables.items()}, folder / "entities.safetensors")
    record = {"format": 1, "mode": mode, "backbone": asdict(settings), "entities": model.entities is not None}
    record |= {"projector": model.projector, "inject": model.inject, "reads_told": model.reads_told}
    (folder / "aligned.json").write_text(json.dumps(record, indent=1), encoding="utf-8")


def load_aligned(
    folder: Path, shared: SharedBackbone | None = None, tunable: bool = False
) -> tuple[AlignedModel, PreTrainedTokenizerBase, Mode]:
    """Load an aligned model in eval mode, with its tokenizer and mode.

    Args:
        folder: folder written by `save_aligned`.
        shared: the backbone, if already in memory.
        tunable: whether what was tuned can be tuned further; by default all is frozen.

    Raises:
        CheckpointError: a file is missing or damaged, or the weights do not fit.
    """
    settings, mode, record = read_record(folder)
    with_entities = bool(record.get("entities"))
    projector, inject = record.get("projector", "mlp"), bool(record.get("inject", False))  # absent in older files
    if projector not in PROJECTORS:
        known = ", ".join(PROJECTORS)
        raise CheckpointError(f"{folder}: unknown projector {projector!r}; expected one of {known}.")
    tables = read_tensors(folder / "entities.safetensors") if with_entities else {}
    if with_entities:
        _check_tables(tables, folder)
    relations = MODE_SPECS[mode].reads_relations
    vectors = tables.get("items"), tables.get("users")
    how = {"relations": relations, "shared": shared, "projector": projector, "inject": inject}
    model, tokenizer = build_aligned(settings, *vectors, **how)
    for name in _WHITENING if with_entities else ():
        model.entities.get_buffer(name).copy_(tables[name])
    with torch.no_grad():
        for name, tensor in _relation_tables(model).items():
            if name not in tables or tables[name].shape != tensor.shape:
                raise CheckpointError(
                    f"{folder}: entities.safetensors lacks {name!r} of the relation tokens, or it has the wrong shape. "
                    "A model of the relation mode that an earlier version aligned has to be aligned again "
                    "(recx run tasks alignments)."
                )
            tensor.copy_(tables[name])
    if model.entities is not None:
        model.entities.whiten()
    model.reads_told = bool(record.get("reads_told", False))  # absent in older files
    load_weights(folder / "weights.safetensors", trainable(model))
    return (model if tunable else _frozen(model, settings)).eval(), tokenizer, mode


def read_record(folder: Path) -> tuple[BackboneSettings, Mode, dict[str, Any]]:
    """Read the settings of an aligned model's backbone, its mode, and everything else in its `aligned.json`.

    Args:
        folder: folder written by `save_aligned`.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    try:
        record = json.loads((folder / "aligned.json").read_text(encoding="utf-8"))
        settings, mode = BackboneSettings(**record["backbone"]), record["mode"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{folder}: cannot load the aligned model ({error}). Delete the folder and rerun."
        ) from error
    if mode not in MODES:
        raise CheckpointError(f"{folder}: unknown mode {mode!r}; expected one of {', '.join(MODES)}.")
    return settings, mode, record


def _frozen(model: AlignedModel, settings: BackboneSettings) -> AlignedModel:
    """Freeze a model. Its adapters take the format of the base, to which autocast would convert them at every step."""
    for name, parameter in trainable(model).items():
        if "lora_" in name:
            parameter.data = parameter.data.to(frozen_dtype(settings))
    return model.requires_grad_(False)


def _relation_tables(model: AlignedModel) -> dict[str, torch.Tensor]:
    """State of the relation encoder, which is not tuned with the model; empty if there is none."""
    relations = model.entities.relations if model.entities is not None else None
    return {} if relations is None else {f"relations.{n}": t for n, t in relations.state_dict().items()}


def _check_tables(tables: dict[str, torch.Tensor], folder: Path) -> None:
    if {name for name in tables if not name.startswith("relations.")} != set(_TABLES):
        raise CheckpointError(f"{folder}: entities.safetensors contains {sorted(tables)}, not the entity tables.")
    items, users = tables["items"], tables["users"]
    width = items.shape[-1] if items.ndim else 0
    fits = items.ndim == users.ndim == 2 and len(items) > 1 and users.shape[1] == width
    fits &= all(tables[n].shape == ((width,) if n.endswith("center") else (width, width)) for n in _WHITENING)
    if not fits or not all(bool(t.isfinite().all()) for t in tables.values()):
        shapes = {n: tuple(t.shape) for n, t in tables.items()}
        raise CheckpointError(f"{folder}: the entity tables do not fit together or are not finite ({shapes}).")
