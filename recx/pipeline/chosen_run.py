"""The run that explains: a finished one by its settings, or the model that ships with the kit."""

from collections.abc import Mapping
from dataclasses import dataclass

from recx.errors import CheckpointError, SettingsError
from recx.pipeline import shipped, stages
from recx.pipeline.finished import FinishedRun, open_finished
from recx.profiles.resolve import resolve_settings
from recx.settings import Settings
from recx.settings.align_settings import last_mode
from recx.storage.run_folder import digest


@dataclass(frozen=True)
class ChosenRun:
    """A run, opened.

    Attributes:
        name: profile and data set, or `shipped/demo`.
        settings: settings that it was made with.
        opened: its data, target and explainers.
        fingerprint: distinguishes it from runs with other settings, inputs or code.
    """

    name: str
    settings: Settings
    opened: FinishedRun
    fingerprint: str

    def mode(self, named: str = "") -> str:
        """A mode of the run by its name; by default the last of behavior, intention, hybrid, relation that it has.

        Raises:
            SettingsError: the run has no mode of that name.
        """
        explainers = self.opened.explainers
        if named and named not in explainers:
            raise SettingsError(f"The run {self.name} has no mode {named!r}; it has {', '.join(explainers)}.")
        return named or last_mode(explainers)

    def provenance(self) -> Mapping[str, str]:
        """Return what distinguishes explanations of this run from those of other runs."""
        return {
            "run": self.name,
            "target": self.settings.target.name,
            "backbone": self.settings.align.backbone.name,
            "decoding": "greedy; sentences drawn in place of contradictions have seeds from the question",
            "fingerprint": self.fingerprint,
        }


def choose_run(settings: Settings | None = None) -> ChosenRun:
    """Open a finished run; if the default run is not finished, open the shipped model in its place.

    Args:
        settings: settings of the run; None always opens the shipped model.

    Raises:
        CheckpointError: a stage is not finished for these settings, or a file is damaged.
    """
    if settings is None:
        return _shipped()
    needed = ("target", *(stages.ALIGN[mode] for mode in settings.align.mode_list))
    if settings == resolve_settings() and not all(stages.is_finished(stage, settings) for stage in needed):
        if why := shipped.why_not_ready():
            raise CheckpointError(
                "The default run is not finished. Make it with: recx run\n"
                f"The model that ships with the kit cannot be asked either. {why}"
            )
        return _shipped()
    opened = open_finished(settings)  # says what is not finished
    fingerprint = digest([stages.fingerprint(stage, settings) for stage in needed])
    return ChosenRun(f"{settings.profile}/{settings.dataset}", settings, opened, fingerprint)


def _shipped() -> ChosenRun:
    opened = shipped.open_shipped()
    folder = shipped.shipped_folder()
    files = [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]
    return ChosenRun("shipped/demo", shipped.shipped_settings(), opened, digest(files))
