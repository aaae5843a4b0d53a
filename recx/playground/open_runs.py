"""Finding finished runs on disk and opening their data, models and explanations to rate."""

import shlex
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recx import paths
from recx.errors import RecxError, SettingsError
from recx.pipeline import stages
from recx.profiles.resolve import differences, resolve_settings, settings_of
from recx.recommenders import custom_recommender
from recx.settings import Settings

if TYPE_CHECKING:  # these import torch, which would delay the form
    from recx.data.dataset import Dataset
    from recx.pipeline.finished import FinishedRun
    from recx.playground.history_service import HistoryService
    from recx.playground.model_service import ModelService
    from recx.playground.rating_service import RatingService

MAX_OPEN = 2  # runs held in memory at once
MODEL_STAGES = ("target", *stages.ALIGN.values())
STOPPABLE = frozenset({"explain", "find_counterfactual"})
METHODS = {
    "histories": ("about", "suggest", "resolve", "user_history", "random_user", "notices"),
    "models": ("ask_target", "ask_model", "what_if", *sorted(STOPPABLE)),
    "ratings": ("next_question", "rate", "undo_rating", "export_ratings"),
}


class OpenRuns:
    """Finished runs on disk, opened on demand; the most recently used ones stay open."""

    def __init__(self) -> None:
        self._recent: OrderedDict[str, OpenRun] = OrderedDict()
        self._kept: dict[str, OpenRun] = {}
        self._lock = threading.Lock()

    def keep(self, run: "OpenRun") -> None:
        """Register a run that is already open in this process; it is never closed or opened again."""
        with self._lock:
            self._kept[run.name] = run

    def runs(self) -> list[dict[str, Any]]:
        """List all runs: `name, profile, dataset, command` that produces it, and `why` it is not ready (if so).

        Ready runs come first, those on disk before the ones that are held in this process only.
        """
        on_disk = {path.parents[1] for path in paths.runs().glob("*/*/*/config.json")}
        held = {run.folder for run in self._kept.values()} - on_disk
        rows = [describe_run(folder) for folder in [*sorted(on_disk), *sorted(held)]]
        rows = [row | {"why": ""} if row["name"] in self._kept else row for row in rows]
        return sorted(rows, key=lambda row: bool(row["why"]))

    def get(self, name: str) -> "OpenRun":
        """Return a run by its name.

        Raises:
            SettingsError: there is no run of that name.
        """
        with self._lock:
            if name in self._kept:
                return self._kept[name]
            if name in self._recent and self._recent[name].made_with != _made_with(self._recent[name].folder):
                del self._recent[name]  # it was run again meanwhile
            if name not in self._recent:
                self._recent[name] = OpenRun(_find_folder(name))
                while len(self._recent) > MAX_OPEN:
                    self._recent.popitem(last=False)
            self._recent.move_to_end(name)
            return self._recent[name]

    def methods(self) -> dict[str, Any]:
        """Return the methods that clients may call; all except `runs` take the name of a run."""

        def method(service: str, name: str) -> Any:
            return lambda run, **arguments: getattr(self.get(run).service(service), name)(**arguments)

        named = {name: method(service, name) for service, names in METHODS.items() for name in names}
        return {"runs": self.runs, **named}


class OpenRun:
    """A run whose data, models and explanations to rate are each loaded on first use.

    Args:
        folder: folder of its stages.
        settings: settings that it was made with; by default those of its latest model.
        finished: its data and models, if already open.
    """

    def __init__(self, folder: Path, settings: Settings | None = None, finished: "FinishedRun | None" = None) -> None:
        self.folder, self.name, self.made_with = folder, _name_of(folder), _made_with(folder)
        self._settings, self._finished, self._data = settings, finished, None
        self._services: dict[str, Any] = {}
        self._locks = {name: threading.RLock() for name in METHODS}  # one each, so that forms need not wait for models

    def service(self, name: str) -> Any:
        """Return the service `histories`, `models` or `ratings` of the run.

        Raises:
            SettingsError: the run is not finished.
            DataError: its data cannot be read.
            CheckpointError: a stage is unfinished or damaged.
        """
        if name not in self._services:
            opening = {"histories": self._histories, "models": self._models, "ratings": self._ratings}[name]
            with self._locks[name]:
                self._services[name] = self._services.get(name) or opening()
        return self._services[name]

    def _histories(self) -> "HistoryService":
        from recx.data.split import leave_one_out
        from recx.playground.history_service import HistoryService
        from recx.recommenders.target_record import length_read

        settings = self._settings = self._settings or self._settings_on_disk()
        data = self._data = self._read_data(settings)
        provenance = {
            "run": self.name,
            "target": settings.target.name,
            "backbone": settings.align.backbone.name,
            "decoding": "greedy (deterministic)",
            "seed": settings.align.seed,
            **self._fingerprints(settings),
        }
        histories = leave_one_out(data.sequences).test_histories
        users = dict(zip(map(str, data.user_ids), histories, strict=True))
        models = ["unaligned", *self._modes(settings)]
        finished = self._finished
        length = finished.target.length if finished else length_read(self.folder / "target", settings.target)
        return HistoryService(data.catalogue, users, length, models, provenance)

    def _models(self) -> "ModelService":
        from recx.attribution.removal import value_function
        from recx.playground.model_service import ModelService

        histories = self.service("histories")
        finished = self._finished or self._open(self._settings, self._data)
        self._data = None  # both services have taken what they need
        value = value_function(finished.target, finished.split.train, finished.target.length)
        return ModelService(histories, finished.explainers, finished.target, finished.target.length, value)

    def _modes(self, settings: Settings) -> tuple[str, ...]:
        """The modes that have a model."""
        return settings.align.mode_list

    def _fingerprints(self, settings: Settings) -> dict[str, str]:
        """Fingerprints that distinguish this run from others with the same settings."""
        names = ["target", *(stages.ALIGN[mode] for mode in self._modes(settings))]
        return {f"fingerprint of {name}": stages.fingerprint(name, settings) for name in names}

    def _open(self, settings: Settings, data: "Dataset") -> "FinishedRun":
        from recx.pipeline.finished import open_finished

        return open_finished(settings, data)

    def _ratings(self) -> "RatingService":
        """Serve the explanations of notebook 07, and those of notebook 13 as rating sheets, if it was run.

        Ratings are saved next to the stages of the run. They may be among the files that notebook 07 was run with, so
        its texts are offered even if those have changed since.
        """
        from recx.playground.rating_service import RatingService, questions_from

        histories, config = self.service("histories"), newest_config(self.folder, ("quality",))
        settings = settings_of(config) if config else self._settings
        if not stages.has_current_inputs("quality", settings):
            stages.folder("quality", settings)  # says why not
        asked = questions_from(stages.run_of("quality", settings).folder, histories.max_history)
        sheets = newest_config(self.folder, ("llmxrec",))
        if sheets and stages.is_finished("llmxrec", settings_of(sheets)):
            asked += questions_from(sheets.parent, histories.max_history, pairs=10, sheets=True)
        return RatingService(asked, self.folder / "ratings")

    def _settings_on_disk(self) -> Settings:
        row = describe_run(self.folder)
        if row["why"]:
            raise SettingsError(f"Run {row['name']} is not ready ({row['why']}). Create it with: {row['command']}")
        settings = settings_of(newest_config(self.folder, MODEL_STAGES))
        if settings.target.kind.endswith(".py"):
            custom_recommender.require_remembered(settings.target.kind)
        return settings

    def _read_data(self, settings: Settings) -> "Dataset":
        from recx.data.registry import load_dataset

        return self._finished.data if self._finished else load_dataset(settings.data)


def newest_config(folder: Path, names: Sequence[str]) -> Path | None:
    """Find the most recent `config.json` among some stages, which holds the settings last used for the run."""
    configs = [folder / name / "config.json" for name in names if (folder / name / "config.json").is_file()]
    return max(configs, key=lambda path: path.stat().st_mtime_ns, default=None)


def describe_run(folder: Path) -> dict[str, Any]:
    """Describe a run as listed by `OpenRuns.runs`."""
    profile, dataset = folder.parts[-2:]
    row = {"name": _name_of(folder), "profile": profile, "dataset": dataset, "why": ""}
    row["command"] = f"recx run --profile {profile} --dataset {dataset}"
    config = newest_config(folder, MODEL_STAGES)
    try:
        if config is None:
            return row | {"why": "no model yet"}
        settings = settings_of(config)
        row["command"] = command_of(settings)
        needed = ["target", *(stages.ALIGN[m] for m in settings.align.mode_list)]
        row["why"] = next(filter(None, (stages.why_unfinished(n, settings) for n in needed)), "")
    except (RecxError, OSError, RuntimeError, ValueError) as error:  # a damaged run must not hide the others
        row["why"] = str(error) or type(error).__name__
    return row


def _made_with(folder: Path) -> tuple[Path, int] | None:
    """The configuration that a run was last made with, and when."""
    config = newest_config(folder, MODEL_STAGES)
    return (config, config.stat().st_mtime_ns) if config else None


def _name_of(folder: Path) -> str:
    return "/".join(folder.parts[-2:])


def _find_folder(name: str) -> Path:
    """Find the folder of a run by its name; names cannot point outside the folder of runs."""
    for folder in paths.runs().glob("*/*"):
        if _name_of(folder) == name:
            return folder
    raise SettingsError(f"There is no run {str(name)[:60]!r}. Create one with: recx run")


def command_of(settings: Settings) -> str:
    """Return the command that produces a run with these settings."""
    profile, data, kind = settings.profile, settings.data, settings.target.kind
    usual = resolve_settings(profile, data.name, data.data_dir)
    changed = {"target.kind": kind} if kind != usual.target.kind else {}
    changed |= differences(settings, resolve_settings(profile, data.name, data.data_dir, changed))
    words = ["recx", "run", "--profile", profile, "--dataset", data.name]
    words += ["--data-dir", data.data_dir] if data.data_dir else []
    pairs = [f"{key}={value}" for key, value in changed.items() if key != "variant"]
    return shlex.join(words + (["--set", *pairs] if pairs else []))
