"""Opening finished runs: data, target and explainers of one profile and data set."""

from dataclasses import dataclass

from recx.data.dataset import Dataset
from recx.data.registry import load_dataset
from recx.data.split import Split, leave_one_out
from recx.explaining.aligned import AlignedExplainer
from recx.explaining.loading import load_explainers
from recx.pipeline import stages
from recx.profiles.resolve import resolve_settings
from recx.recommenders.protocol import Scorer
from recx.recommenders.target_kinds import load_target
from recx.settings import Settings


@dataclass(frozen=True)
class FinishedRun:
    """The contents of a finished run.

    Attributes:
        data: the data set; the demo includes the planted reason of every choice (`data.reasons`).
        split: leave-one-out split.
        target: the recommender, for reading only.
        explainers: explainers by mode, and `unaligned`.
    """

    data: Dataset
    split: Split
    target: Scorer
    explainers: dict[str, AlignedExplainer]


def open_finished(settings: Settings | str = "demo", data: Dataset | None = None) -> FinishedRun:
    """Open a finished run.

    Args:
        settings: settings of the run, or the name of a data set that was run with the profile `tiny`.
        data: its data set, if already loaded.

    Raises:
        SettingsError: there is no data set of that name.
        CheckpointError: a stage is not finished for these settings, or a file is damaged.
    """
    if isinstance(settings, str):
        settings = resolve_settings("tiny", settings)
    data = load_dataset(settings.data) if data is None else data
    target = load_target(stages.folder("target", settings), settings.target)
    folders = {mode: stages.folder(stages.ALIGN[mode], settings) for mode in settings.align.mode_list}
    explainers = load_explainers(folders, data.catalogue, target, settings.align)
    return FinishedRun(data, leave_one_out(data.sequences), target, explainers)
