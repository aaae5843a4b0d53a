"""A real language model aligned to the demo's recommender, shipped with the kit so that no training is needed.

`data/aligned` holds its adapters and projectors, and the target that they were aligned to. The weights of the backbone
are downloaded once (`recx backbone get`). These commands train such a model anew and ship it instead (the present one
was trained further from an earlier one, see docs/decisions/108):

    recx run data target tasks alignments --profile small
    python -m recx.pipeline.shipped
"""

import dataclasses
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

from recx import paths
from recx.data.dataset import Dataset
from recx.data.registry import load_dataset
from recx.data.split import leave_one_out
from recx.errors import CheckpointError
from recx.explaining.aligned import AlignedExplainer
from recx.explaining.loading import load_explainers
from recx.models.pretrained import is_here
from recx.models.saved_models import build_aligned
from recx.pipeline import stages
from recx.pipeline.finished import FinishedRun
from recx.profiles.resolve import resolve_settings
from recx.recommenders.target_kinds import fit_target, load_target
from recx.settings import BackboneSettings, DataSettings, Settings
from recx.storage.tensors import read_tensors

MODE = "relation"


def shipped_settings() -> Settings:
    """Return the settings that the shipped model was trained with."""
    return resolve_settings("small", "demo")


def shipped_folder() -> Path:
    """Return the folder of the shipped model."""
    settings = shipped_settings()
    return paths.shipped_data() / "aligned" / f"{settings.dataset}-{settings.align.backbone.name}"


def why_not_ready() -> str:
    """Explain in a sentence why the shipped model cannot be opened here; empty if it can."""
    name = shipped_settings().align.backbone.name
    if not (shipped_folder() / MODE / "aligned.json").is_file():
        return f"This copy of the kit does not include {shipped_folder()}."
    if not is_here(name):
        return f"The language model {name} is not on this machine. Get it with: recx backbone get {name}"
    return ""


def open_shipped(data: Dataset | None = None) -> FinishedRun:
    """Open the shipped model: the demo data set, the target, and the explainers `unaligned` and `relation`.

    Args:
        data: the demo data set, if already loaded.

    Raises:
        CheckpointError: its backbone is not on this machine, or a file is damaged.
    """
    if why := why_not_ready():
        raise CheckpointError(why)
    settings, folder = shipped_settings(), shipped_folder()
    data = load_dataset(settings.data) if data is None else data
    target = load_target(folder / "target", settings.target)
    explainers = load_explainers({MODE: folder / MODE}, data.catalogue, target, settings.align)
    return FinishedRun(data, leave_one_out(data.sequences), target, explainers)


def open_or_train(settings: Settings) -> tuple[FinishedRun, str]:
    """Open the shipped model, or else train a small target on the demo and take the unaligned backbone of the kit.

    Args:
        settings: settings of the run, of which the size of the demo is used.

    Returns:
        What was opened, and why it is not the shipped model; empty if it is.
    """
    if not (why := why_not_ready()):
        return open_shipped(), ""
    data = load_dataset(DataSettings(demo=settings.data.demo))
    split = leave_one_out(data.sequences)
    how = dataclasses.replace(resolve_settings("tiny").target, epochs=12)
    target, _ = fit_target(split, len(data.catalogue), how, show_progress=False)
    model, tokenizer = build_aligned(BackboneSettings(), None, None)
    unaligned = AlignedExplainer(model.eval(), tokenizer, "behavior", data.catalogue, target, target.length)
    return FinishedRun(data, split, target, {"unaligned": unaligned}), why


def ship(settings: Settings, folder: Path) -> None:
    """Export a finished run to the format that `open_shipped` reads.

    Weights are rounded to bfloat16. The vectors of the training users are not exported, because questions come with
    their own histories.

    Args:
        settings: settings of the run.
        folder: output folder, which is replaced.

    Raises:
        CheckpointError: a stage of the run is not finished.
    """
    target, aligned = stages.folder("target", settings), stages.folder(stages.ALIGN[MODE], settings)
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("target", MODE):
        (folder / name).mkdir(parents=True)
    for name in ("target.json", "target.safetensors"):
        shutil.copy(target / name, folder / "target" / name)
    shutil.copy(aligned / "aligned.json", folder / MODE / "aligned.json")
    weights = read_tensors(aligned / "weights.safetensors")
    save_file({n: t.to(torch.bfloat16) for n, t in weights.items()}, folder / MODE / "weights.safetensors")
    tables = read_tensors(aligned / "entities.safetensors")
    tables["users"] = tables["users"][:0].clone()  # those of training, in the files of earlier versions
    save_file(tables, folder / MODE / "entities.safetensors")


if __name__ == "__main__":
    ship(shipped_settings(), shipped_folder())
    print(f"Written: {shipped_folder()}")
