"""Finished runs found on disk, and those that are open: their data, their models, their explanations to rate."""

import json
import shlex
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recx import paths
from recx.errors import RecxError, SettingsError
from recx.pipeline import stages
from recx.profiles.resolve import resolve_settings
from recx.settings import Settings

if TYPE_CHECKING:  # brings torch along, which nobody waits for before a form is there
    from recx.playground.histories import Histories
    from recx.playground.questions import Playground
    from recx.playground.rating_book import RatingBook

OPEN = 2  # runs held in memory at once
MODELS = ("target", "align-behavior", "align-intention", "align-hybrid")
STOPPABLE = frozenset({"explain", "turn_over"})
QUESTIONS = ("ask_target", "ask_model", "what_if")
BEFORE_MODELS = ("about", "suggest", "resolve", "describe", "person", "anybody", "notices")


class Shelf:
    """Finished runs on disk, opened when somebody asks for one, the ones asked for last kept open."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, Opened] = OrderedDict()
        self._lock = threading.Lock()

    def runs(self) -> list[dict[str, Any]]:
        """Runs that were begun: `name, profile, dataset, command` that makes it, and `why` it is not ready, if so."""
        folders = sorted({path.parents[1] for path in paths.runs().glob("*/*/*/config.json")})
        found = [_described(folder) for folder in folders]
        return sorted(found, key=lambda row: bool(row["why"]))

    def get(self, run: str) -> "Opened":
        """An opened run.

        Raises:
            SettingsError: there is none of that name, or it is not finished.
            DataError: its data cannot be read.
        """
        with self._lock:
            if run not in self._open:
                self._open[run] = Opened(_folder_of(run))
                while len(self._open) > OPEN:
                    self._open.popitem(last=False)
            self._open.move_to_end(run)
            opened = self._open[run]
        try:
            opened.begin()  # others may ask about other runs meanwhile
        except Exception:
            with self._lock:
                self._open.pop(run, None)
            raise
        return opened

    def methods(self) -> dict[str, Any]:
        """What others may call; all but `runs` take the name of a run first."""

        def asking(part: str, name: str) -> Any:
            return lambda run, **told: getattr(getattr(self.get(run), part), name)(**told)

        asked = {name: asking("histories", name) for name in BEFORE_MODELS}
        asked |= {name: asking("playground", name) for name in (*QUESTIONS, *STOPPABLE)}
        asked |= {f"rating_{name}": asking("book", name) for name in ("next", "rate", "take_back", "export")}
        return {"runs": self.runs, **asked}


class Opened:
    """A run: its data at once, its models when they are first asked for, its explanations to rate.

    Args:
        folder: of its stages.
    """

    histories: "Histories"

    def __init__(self, folder: Path) -> None:
        self.folder, self._lock = folder, threading.RLock()
        self._playground: Playground | None = None
        self._book: RatingBook | None = None
        self._begun = False

    def begin(self) -> None:
        """Read the data; nothing happens where that is done.

        Raises:
            SettingsError: the run is not finished.
        """
        with self._lock:
            if self._begun:
                return
            from recx.data.registry import load_dataset
            from recx.data.split import leave_one_out
            from recx.playground.histories import Histories

            told = _described(self.folder)
            if told["why"]:
                raise SettingsError(f"Run {told['name']} is not ready ({told['why']}). Make it: {told['command']}")
            self.settings = settings = settings_of(newest(self.folder, MODELS))
            data = load_dataset(settings.data)
            made = ["target", *(stages.ALIGN[mode] for mode in settings.align.mode_list)]
            provenance = {
                "run": told["name"],
                "target": settings.target.name,
                "backbone": settings.align.backbone.name,
                "decoding": "greedy (nothing is drawn at random)",
                "seed": settings.align.seed,
                **{f"fingerprint of {name}": stages.fingerprint(name, settings) for name in made},
            }
            histories = leave_one_out(data.sequences).test_histories
            people = dict(zip(map(str, data.user_ids), histories, strict=True))
            models = ["unaligned", *settings.align.mode_list]
            self.histories = Histories(data.catalogue, people, settings.target.model.length, models, provenance)
            self._begun = True

    @property
    def playground(self) -> "Playground":
        """The models, loaded once, whoever asks first."""
        with self._lock:
            if self._playground is None:
                from recx.pipeline.finished import open_finished
                from recx.playground.questions import Playground

                found = open_finished(self.settings)
                self._playground = Playground(self.histories, found.explainers, found.target, found.target.length)
            return self._playground

    @property
    def book(self) -> "RatingBook":
        """Explanations of notebook 07 to rate, and where ratings are kept: beside the stages of the run.

        Raises:
            CheckpointError: notebook 07 has not been run.
        """
        with self._lock:
            if self._book is None:
                from recx.playground.rating_book import RatingBook, questions_from

                config = newest(self.folder, ("quality",))
                rated = stages.folder("quality", settings_of(config) if config else self.settings)
                questions = questions_from(rated, self.histories.length)
                self._book = RatingBook(questions, self.folder / "ratings")
            return self._book


def newest(folder: Path, names: Sequence[str]) -> Path | None:
    """The `config.json` written last among those of some stages: the settings that the run was last made with."""
    found = [folder / name / "config.json" for name in names if (folder / name / "config.json").is_file()]
    return max(found, key=lambda path: path.stat().st_mtime_ns, default=None)


def _folder_of(run: str) -> Path:
    """Folder of a run by the name that `Shelf.runs` gives it; a name cannot lead elsewhere."""
    for path in paths.runs().glob("*/*"):
        if "/".join(path.parts[-2:]) == run:
            return path
    raise SettingsError(f"There is no run {str(run)[:60]!r}. Make one with: recx run")


def _described(folder: Path) -> dict[str, Any]:
    profile, dataset = folder.parts[-2:]
    row = {"name": f"{profile}/{dataset}", "profile": profile, "dataset": dataset, "why": ""}
    row["command"] = f"recx run --profile {profile} --dataset {dataset}"
    config = newest(folder, MODELS)
    try:
        if config is None:
            return row | {"why": "no model yet"}
        chosen = settings_of(config)
        row["command"] = command_of(chosen)
        needed = ["target", *(stages.ALIGN[m] for m in chosen.align.mode_list)]
        row["why"] = next(filter(None, (stages.why_unfinished(n, chosen) for n in needed)), "")
    except RecxError as error:
        row["why"] = str(error)
    return row


def command_of(chosen: Settings) -> str:
    """The command that makes a run with these settings."""
    usual = dict(_flat(asdict(resolve_settings(chosen.profile, chosen.data.name, chosen.data.data_dir))))
    told = [f"{k}={v}" for k, v in _flat(asdict(chosen)) if v != usual[k] and k not in ("profile", "variant")]
    words = ["recx", "run", "--profile", chosen.profile, "--dataset", chosen.data.name]
    words += ["--data-dir", chosen.data.data_dir] if chosen.data.data_dir else []
    words += ["--set", *told] if told else []
    return shlex.join(words)


def settings_of(config: Path) -> Settings:
    """The settings that a run's `config.json` holds.

    Raises:
        SettingsError: it is damaged, or of another version of the kit.
    """
    try:
        told = json.loads(config.read_text(encoding="utf-8"))
        profile, data = told.pop("profile"), told["data"]
        overrides = dict(_flat(told))
        return resolve_settings(profile, data["name"], data["data_dir"], overrides)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"{config}: no settings of a run ({error}).") from error


def _flat(values: Mapping[str, Any], head: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{head}{name}.")
        else:
            yield f"{head}{name}", value
