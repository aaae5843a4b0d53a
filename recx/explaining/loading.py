"""Loading explainers from run folders."""

from collections.abc import Mapping
from pathlib import Path

from recx.data.catalogue import Catalogue
from recx.explaining.aligned import AlignedExplainer
from recx.models.aligned_model import AlignedModel
from recx.models.pretrained import TEACHING
from recx.models.saved_models import SharedBackbone, load_aligned
from recx.recommenders.protocol import TwoTower
from recx.settings import AlignSettings


def load_explainers(
    folders: Mapping[str, Path], catalogue: Catalogue, target: TwoTower, settings: AlignSettings
) -> dict[str, AlignedExplainer]:
    """Load the unaligned backbone and one explainer per aligned model.

    Models tuned with adapters share one backbone in memory. Models that were not trained on explanations are asked for
    them with the zero-shot prompt, and so is an unaligned backbone, unless it is the kit's own, which has read some.

    Args:
        folders: mode -> folder written by `save_aligned`.
        catalogue: the items.
        target: the recommender that encodes histories.
        settings: settings of the alignment, which name the backbone.

    Raises:
        CheckpointError: a folder is damaged.
    """
    shared = SharedBackbone.load(settings.backbone)
    models = {"unaligned": (AlignedModel(shared.model), shared.tokenizer, "behavior")}
    models |= {name: load_aligned(folder, shared) for name, folder in folders.items()}
    explainers = {
        name: AlignedExplainer(model.eval(), tokenizer, mode, catalogue, target, target.length, settings.fit.precision)
        for name, (model, tokenizer, mode) in models.items()
    }
    knows = {name: settings.trains_explanations(explainer.mode) for name, explainer in explainers.items()}
    knows["unaligned"] = settings.backbone.name == TEACHING
    return {name: one if knows[name] else one.with_zero_shot_prompt() for name, one in explainers.items()}
