"""A real language model aligned to the demo's recommender, which ships with the kit: asking it takes no training.

`data/aligned` holds its adapters and projectors, and the target that they were aligned to. The weights of the backbone
are fetched once (`recx backbone get`). To make it again:

    recx run data target tasks alignments --profile small
    python -m recx.pipeline.shipped
"""

import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

from recx import paths
from recx.data.dataset import Dataset
from recx.data.registry import load_dataset
from recx.data.split import leave_one_out
from recx.errors import CheckpointError
from recx.explaining.loading import load_explainers
from recx.models.pretrained import is_here
from recx.pipeline import stages
from recx.pipeline.finished import FinishedRun
from recx.profiles.resolve import resolve_settings
from recx.recommenders.target_kinds import load_target
from recx.settings import Settings
from recx.storage.tensors import read_tensors

MODE = "relation"


def shipped_settings() -> Settings:
    """The settings that the shipped model was made with."""
    return resolve_settings("small", "demo")


def shipped_folder() -> Path:
    """Where the shipped model lies."""
    settings = shipped_settings()
    return paths.shipped_data() / "aligned" / f"{settings.dataset}-{settings.align.backbone.name}"


def why_not_ready() -> str:
    """Why the shipped model cannot be opened here, in a sentence; empty where it can."""
    name = shipped_settings().align.backbone.name
    if not (shipped_folder() / MODE / "aligned.json").is_file():
        return f"This copy of the kit lacks {shipped_folder()}."
    return (
        "" if is_here(name) else f"Its language model is not on this machine. Fetch it with: recx backbone get {name}"
    )


def open_shipped(data: Dataset | None = None) -> FinishedRun:
    """Open the shipped model: the demo's data, the target, and explainers `unaligned` and `relation`.

    Args:
        data: the demo where it has been read already.

    Raises:
        CheckpointError: its backbone is not here, or a file is damaged.
    """
    if why := why_not_ready():
        raise CheckpointError(why)
    settings, folder = shipped_settings(), shipped_folder()
    data = load_dataset(settings.data) if data is None else data
    target = load_target(folder / "target", settings.target)
    explainers = load_explainers({MODE: folder / MODE}, data.catalogue, target, settings.align)
    return FinishedRun(data, leave_one_out(data.sequences), target, explainers)


def ship(settings: Settings, folder: Path) -> None:
    """Write what `open_shipped` reads from a finished run.

    Weights are rounded to bfloat16. The vectors of the users of training stay behind: whoever asks brings their own
    history.

    Args:
        settings: of the run.
        folder: replaced.

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
    tables["users"] = tables["users"][:0].clone()
    save_file(tables, folder / MODE / "entities.safetensors")


if __name__ == "__main__":
    ship(shipped_settings(), shipped_folder())
    print(f"Written: {shipped_folder()}")
