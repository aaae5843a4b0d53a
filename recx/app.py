"""The playground's process: finds finished runs, holds their models once, and answers the forms of many visitors.

`python -m recx.app` prints its port and token and ends when its standard input does. `recx app` runs it with Voila.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recx import paths, profiles, stages
from recx.errors import RecxError, SettingsError
from recx.remote import ADDRESS, HOST
from recx.serving import Server
from recx.settings import Settings

if TYPE_CHECKING:  # brings torch along, which nobody waits for before a form is there
    from recx.explaining.playground import Playground

OPEN = 2  # runs held in memory at once
STOPPABLE = frozenset({"explain", "turn_over"})
BEFORE_MODELS = ("about", "suggest", "resolve", "describe", "person", "notices")
QUESTIONS = ("ask_target", "ask_model", "what_if")
IDLE_MINUTES = 30


class Shelf:
    """Finished runs on disk, opened when somebody asks for one, the ones asked for last kept open."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, Opened] = OrderedDict()
        self._lock = threading.Lock()

    def runs(self) -> list[dict[str, Any]]:
        """Runs that were begun: `name, profile, dataset, command` that makes it, and `why` it is not ready, if so."""
        found = []
        for config in sorted(paths.runs().glob("*/*/target/config.json")):
            profile, dataset = config.parts[-4:-2]
            row = {"name": f"{profile}/{dataset}", "profile": profile, "dataset": dataset}
            row["command"] = f"recx run --profile {profile} --dataset {dataset}"
            try:
                chosen = settings_of(config)
                needed = ["target", *(stages.ALIGN[m] for m in chosen.align.mode_list)]
                row["why"] = next(filter(None, (stages.why_unfinished(n, chosen) for n in needed)), "")
            except RecxError as error:
                row["why"] = str(error)
            found.append(row)
        return sorted(found, key=lambda row: bool(row["why"]))

    def get(self, run: str) -> "Opened":
        """An opened run.

        Raises:
            SettingsError: there is none of that name.
            CheckpointError: it is not finished, or damaged.
        """
        with self._lock:
            if run not in self._open:
                known = {row["name"]: row for row in self.runs()}
                if run not in known:
                    raise SettingsError(f"There is no run {str(run)[:60]!r}. Make one with: recx run")
                if known[run]["why"]:
                    raise SettingsError(
                        f"Run {run} is not ready ({known[run]['why']}). Make it: {known[run]['command']}"
                    )
                self._open[run] = Opened(settings_of(paths.runs() / run / "target" / "config.json"))
                while len(self._open) > OPEN:
                    self._open.popitem(last=False)
            self._open.move_to_end(run)
            return self._open[run]

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
        settings: of the run.
    """

    def __init__(self, settings: Settings) -> None:
        from recx.data.registry import load_dataset
        from recx.data.split import leave_one_out
        from recx.explaining.histories import Histories

        self.settings, self._lock = settings, threading.Lock()
        self._playground: Playground | None = None
        data = load_dataset(settings.data)
        made = ["target", *(stages.ALIGN[mode] for mode in settings.align.mode_list)]
        provenance = {
            "run": f"{settings.profile}/{settings.dataset}",
            "target": settings.target.name,
            "backbone": settings.align.backbone.name,
            "decoding": "greedy (nothing is drawn at random)",
            "seed": settings.align.seed,
            **{f"fingerprint of {name}": stages.fingerprint(name, settings) for name in made},
        }
        people, length = leave_one_out(data.sequences).test_histories, settings.target.model.length
        models = ["unaligned", *settings.align.mode_list]
        self.histories = Histories(data.catalogue, people, length, models, provenance)

    @property
    def playground(self) -> "Playground":
        """The models, loaded once, whoever asks first."""
        with self._lock:
            if self._playground is None:
                from recx.explaining.playground import Playground
                from recx.finished import open_finished

                found = open_finished(self.settings)
                self._playground = Playground(self.histories, found.explainers, found.target, found.target.length)
            return self._playground

    @cached_property
    def book(self) -> Any:
        """Explanations of notebook 07 to rate, and where ratings are kept: beside the stages of the run.

        Raises:
            CheckpointError: notebook 07 has not been run.
        """
        from recx.evaluation.rating_book import RatingBook, questions_from

        folder = stages.folder("quality", self.settings)
        return RatingBook(questions_from(folder, self.histories.length), folder.parent / "ratings")


def settings_of(config: Path) -> Settings:
    """The settings that a run's `config.json` holds.

    Raises:
        SettingsError: it is damaged, or of another version of the kit.
    """
    try:
        told = json.loads(config.read_text(encoding="utf-8"))
        profile, data = told.pop("profile"), told["data"]
        overrides = dict(_flat(told))
        return profiles.settings(profile, data["name"], data["data_dir"], overrides)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"{config}: no settings of a run ({error}).") from error


def _flat(values: Mapping[str, Any], head: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{head}{name}.")
        else:
            yield f"{head}{name}", value


def serve() -> Server:
    """Answer calls from now on, and begin to load what the first one will need."""
    shelf = Shelf()
    server = Server(shelf.methods(), STOPPABLE).start()

    def warm() -> None:
        ready = [row["name"] for row in shelf.runs() if not row["why"]]
        if ready:
            _ = shelf.get(ready[0]).playground

    threading.Thread(target=warm, daemon=True).start()
    return server


def page() -> dict[str, Any]:
    """The notebook that Voila shows: one cell, and no output until it runs."""
    import nbformat.v4 as v4

    code = "from recx.widgets.app import app\n\napp()"
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return v4.new_notebook(cells=[v4.new_code_cell(code)], metadata=metadata)


def run_app(port: int = 8866, address: str = HOST, dark: bool = False, idle_minutes: float = IDLE_MINUTES) -> int:
    """Serve the playground as a web page until it is stopped.

    Args:
        port: to listen on.
        address: of this machine, unless told.
        dark: dark colours.
        idle_minutes: a visitor who does nothing for so long is forgotten.

    Returns:
        Voila's exit status.
    """
    import nbformat

    server = serve()
    with tempfile.TemporaryDirectory() as folder:
        notebook = Path(folder) / "recx.ipynb"
        nbformat.write(nbformat.from_dict(page()), notebook)
        environment = os.environ | {ADDRESS: f"{server.port} {server.token}"}
        for name, first in (("PYTHONPATH", paths.ROOT), ("JUPYTER_PATH", paths.shipped_data() / "page")):
            environment[name] = os.pathsep.join(filter(None, [str(first), os.environ.get(name, "")]))
        cull = "--MappingKernelManager."
        line = [sys.executable, "-m", "voila", str(notebook), "--no-browser", f"--port={port}", f"--Voila.ip={address}"]
        line += ["--template=recx", "--VoilaConfiguration.show_tracebacks=False"]
        line += [f"--theme={'dark' if dark else 'light'}", f"{cull}cull_idle_timeout={int(idle_minutes * 60)}"]
        line += [f"{cull}cull_interval={max(1, min(30, int(idle_minutes * 60)))}", f"{cull}cull_connected=True"]
        line += ["--Voila.port_retries=0"]
        try:
            return subprocess.run(line, env=environment, check=False).returncode
        except KeyboardInterrupt:
            return 0
        finally:
            server.shutdown()


def main() -> None:
    """Answer one process, until it ends."""
    server = serve()
    print(server.port, server.token, flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
