"""Explainers from run folders."""

from collections.abc import Mapping
from pathlib import Path

from recx.data.catalogue import Catalogue
from recx.explaining.aligned import Explainer
from recx.models.saved_models import build_aligned, load_aligned
from recx.recommenders.protocol import TwoTower
from recx.settings import AlignSettings


def load_explainers(
    folders: Mapping[str, Path], catalogue: Catalogue, target: TwoTower, settings: AlignSettings
) -> dict[str, Explainer]:
    """The unaligned backbone, then one explainer for each folder of an aligned model.

    Args:
        folders: mode -> folder written by `save_aligned`.
        catalogue: items.
        target: encodes histories.
        settings: of the alignment; names the backbone.

    Raises:
        CheckpointError: a folder is damaged.
    """
    length, precision = target.length, settings.fit.precision
    backbone, tokenizer = build_aligned(settings.backbone, None, None)
    explainers = {"unaligned": Explainer(backbone.eval(), tokenizer, "behavior", catalogue, target, length, precision)}
    for name, folder in folders.items():
        model, tokenizer, mode = load_aligned(folder)
        explainers[name] = Explainer(model, tokenizer, mode, catalogue, target, length, precision)
    return explainers
