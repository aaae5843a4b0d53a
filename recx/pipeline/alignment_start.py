"""What notebook 04 trains: the rows of one mode, and the model as it is before training."""

import dataclasses
from dataclasses import dataclass

from torch import Tensor
from transformers import PreTrainedTokenizerBase

from recx.alignment.memory_estimate import MemoryEstimate, require_memory, settle_passes
from recx.alignment.relation_source import relation_source
from recx.alignment.rows_file import load_rows
from recx.alignment.several_processes import process_count
from recx.models.aligned_model import AlignedModel
from recx.models.saved_models import build_aligned, continue_from
from recx.pipeline import stages
from recx.prompts.modes import MODE_SPECS, Mode
from recx.prompts.tokens import EncodedRows
from recx.settings import FitSettings, Settings
from recx.storage.tensors import load_weights, read_tensors


@dataclass(frozen=True)
class AlignmentStart:
    """An alignment before its first step.

    Attributes:
        model: the backbone, or the model of the mode that this one continues from, with entity tokens.
        tokenizer: its tokenizer.
        rows: training rows of the mode.
        vectors: `items` (N + 1, d) and `users` (H, d) of the target; empty for a mode that reads none.
        how: training settings with a definite number of passes per step and the mode's learning rate.
        processes: number of processes that share a step's rows.
        memory: what training needs.
    """

    model: AlignedModel
    tokenizer: PreTrainedTokenizerBase
    rows: EncodedRows
    vectors: dict[str, Tensor]
    how: FitSettings
    processes: int
    memory: MemoryEstimate


def start_alignment(mode: Mode, settings: Settings) -> AlignmentStart:
    """Open the rows and vectors of a mode, check the memory, and build the model that is trained on them.

    Args:
        mode: the mode to be aligned.
        settings: settings of the run.

    Raises:
        CheckpointError: notebook 03, or the mode from which this one continues, is not finished; or the model from
            which the relation mode starts has another backbone or other adapters.
        SettingsError: there is too little memory; the message names settings that fit.
    """
    align, tasks, spec = settings.align, stages.folder("tasks", settings), MODE_SPECS[mode]
    rows = load_rows(tasks / f"rows-{mode}.safetensors")
    vectors = read_tensors(tasks / "vectors.safetensors") if spec.reads_vectors else {}
    width, processes = vectors["items"].shape[1] if vectors else 0, process_count(align.fit)
    how = settle_passes(align.backbone, align.fit, rows, width, processes, align.projector)
    memory = require_memory(align.backbone, how, rows, width, processes, align.projector)
    tables = vectors.get("items"), vectors.get("users")
    kinds = {"projector": align.projector, "inject": align.inject}
    model, tokenizer = build_aligned(align.backbone, *tables, align.seed, spec.reads_relations, **kinds)
    before, weight = align.start_of(mode)
    if before:
        source = relation_source(align) if mode == "relation" else None
        folder = source or stages.folder(stages.ALIGN[before], settings)
        continue_from(model, folder, weight, same_target=source is None)
        how = dataclasses.replace(how, learning_rate=how.learning_rate * align.continued_rate)
    if spec.reads_relations:
        load_weights(tasks / "relations.safetensors", model.entities.relations.state_dict())
    return AlignmentStart(model, tokenizer, rows, vectors, how, processes, memory)
