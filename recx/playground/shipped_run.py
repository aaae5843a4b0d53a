"""The model shipped with the kit, as a run of the playground."""

from typing import TYPE_CHECKING

from recx import paths
from recx.errors import SettingsError
from recx.pipeline.shipped import MODE, open_shipped, shipped_settings, why_not_ready
from recx.playground.open_runs import OpenRun, OpenRuns
from recx.settings import Settings

if TYPE_CHECKING:
    from recx.data.dataset import Dataset
    from recx.pipeline.finished import FinishedRun
    from recx.playground.rating_service import RatingService


class ShippedRun(OpenRun):
    """An `OpenRun` of the shipped model, which is not in the folder of runs."""

    def __init__(self) -> None:
        super().__init__(paths.runs() / "shipped" / "demo", shipped_settings())

    def _modes(self, settings: Settings) -> tuple[str, ...]:
        return (MODE,)

    def _fingerprints(self, settings: Settings) -> dict[str, str]:
        return {}

    def _open(self, settings: Settings, data: "Dataset") -> "FinishedRun":
        return open_shipped(data)

    def _ratings(self) -> "RatingService":
        raise SettingsError("The shipped model has no explanations to rate. Choose a run of your own.")


def open_runs() -> OpenRuns:
    """Collect the runs on disk and, if its backbone is on this machine, the shipped model after them."""
    runs = OpenRuns()
    if not why_not_ready():
        runs.keep(ShippedRun())
    return runs
