"""Saving and loading targets: safetensors for weights, JSON for the shape."""

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from recx.errors import CheckpointError
from recx.recommenders.sasrec import SASRec, SASRecSettings


def save_sasrec(model: SASRec, folder: Path) -> None:
    """Write `target.safetensors` and `target.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({n: t.contiguous() for n, t in model.state_dict().items()}, folder / "target.safetensors")
    shape = {"kind": "sasrec", "items": model.item_embedding.num_embeddings - 1, "settings": asdict(model.settings)}
    (folder / "target.json").write_text(json.dumps(shape, indent=1), encoding="utf-8")


def load_sasrec(folder: Path) -> SASRec:
    """Read a target back, in eval mode.

    Raises:
        CheckpointError: a file is missing, damaged, or the weights do not fit the stated shape.
    """
    try:
        shape = json.loads((folder / "target.json").read_text(encoding="utf-8"))
        model = SASRec(int(shape["items"]), SASRecSettings(**shape["settings"]))
        model.load_state_dict(load_file(folder / "target.safetensors"))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(f"{folder}: no readable target ({error}). Delete the folder and rerun.") from error
    model.requires_grad_(False)
    return model.eval()


def neighbours(vectors: torch.Tensor, k: int) -> torch.Tensor:
    """The k nearest other items of each item by cosine: (N + 1, d) -> (N + 1, k); row 0 is meaningless."""
    unit = torch.nn.functional.normalize(vectors, dim=1)
    likeness = unit @ unit.T
    likeness[:, 0] = -2.0
    likeness.fill_diagonal_(-2.0)
    return likeness.topk(k, dim=1).indices
