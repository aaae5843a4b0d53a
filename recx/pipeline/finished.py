"""A finished run, opened: data, target and explainers of one profile and data set."""

from dataclasses import dataclass

from recx.data.dataset import Dataset
from recx.data.registry import load_dataset
from recx.data.split import Split, leave_one_out
from recx.explaining.aligned import Explainer
from recx.explaining.loading import load_explainers
from recx.pipeline import stages
from recx.profiles.resolve import resolve_settings
from recx.recommenders.protocol import Scorer
from recx.recommenders.target_kinds import load_target
from recx.settings import Settings


@dataclass(frozen=True)
class Finished:
    """What a finished run holds.

    Attributes:
        data: data set.
        split: leave-one-out.
        target: the recommender, read only.
        explainers: by mode, and `unaligned`.
    """

    data: Dataset
    split: Split
    target: Scorer
    explainers: dict[str, Explainer]


def open_finished(chosen: Settings | None = None) -> Finished:
    """Open a run by its settings; profile `tiny` on the demo unless told.

    Raises:
        CheckpointError: a stage is not finished for these settings, or a file is damaged.
    """
    chosen = chosen or resolve_settings()
    data = load_dataset(chosen.data)
    target = load_target(stages.folder("target", chosen), chosen.target)
    folders = {
        mode: stages.folder(name, chosen) for mode, name in stages.ALIGN.items() if mode in chosen.align.mode_list
    }
    explainers = load_explainers(folders, data.catalogue, target, chosen.align)
    return Finished(data, leave_one_out(data.sequences), target, explainers)
