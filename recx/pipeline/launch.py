"""A notebook and its parameters become a run, in a kernel of its own through papermill."""

import os
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recx import paths
from recx.data.registry import find_source, is_name, obtain, warnings_of
from recx.errors import RecxError, SettingsError
from recx.models.pretrained import require_here
from recx.pipeline.stages import ALIGN, DEFAULT_STAGES, OPTIONAL_STAGES, STAGES, run_of, why_unfinished
from recx.profiles.resolve import resolve_settings
from recx.settings import Settings
from recx.storage.locks import hold, release

LAUNCH = ".launch.lock"
FILES = ("align.conversations", "evaluate.ratings", "evaluate.imported")
PATHS = (*FILES, "align.backbone.name", "target.kind", "evaluate.encoder")  # these may name something else, too
# Settings that have an option of their own, which folders and checks go by.
OPTIONS = {"profile": "profile", "data.name": "dataset", "data.data_dir": "data-dir"}
QUIET = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",  # "Loading weights" of transformers too
    "TRANSFORMERS_VERBOSITY": "error",  # its advice is a warning
    "PYTHONWARNINGS": "ignore::DeprecationWarning,ignore::FutureWarning",
}


@dataclass(frozen=True)
class Plan:
    """What a run will do, checked before anything is done.

    Attributes:
        settings: of the run.
        stages: to execute, in order.
        parameters: of every notebook: profile, dataset, data_dir, overrides.
    """

    settings: Settings
    stages: tuple[str, ...]
    parameters: dict[str, Any]


def quiet_libraries() -> None:
    """Keep other libraries' bars and advice off the screen and out of notebooks, in processes started from now on.

    A variable that is set already keeps its value.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    for category in (DeprecationWarning, FutureWarning):  # in this process too, which read its variables when it began
        warnings.simplefilter("ignore", category)


def resolve_notebooks(names: Sequence[str]) -> list[str]:
    """Stages of the notebooks named (by number, stem or stage), in order; all of them if none is named.

    Raises:
        SettingsError: no notebook of that name.
    """
    if not names:
        return list(DEFAULT_STAGES)
    stages, chosen = (*DEFAULT_STAGES, *OPTIONAL_STAGES), []
    for name in names:
        stem = Path(name).name.removesuffix(".ipynb")
        fits = [s for s in stages if stem in (s, STAGES[s].notebook, STAGES[s].notebook.split("_")[0])]
        if not fits and stem in ("04", STAGES["align-hybrid"].notebook):
            fits = ["alignments"]  # one notebook, launched once a mode
        if not fits:
            known = ", ".join(sorted(STAGES[s].notebook for s in stages))
            raise SettingsError(f"No notebook {name!r}. Known: {known}.")
        chosen += fits
    return sorted(set(chosen), key=stages.index)


def launch(stage: str, chosen: Settings, parameters: dict[str, Any], quiet: bool = False) -> bool:
    """Execute the notebook of a stage unless it is up to date.

    Args:
        stage: name.
        chosen: settings, which say where the run folder lies.
        parameters: for the notebook's parameters cell.
        quiet: print one line only.

    Returns:
        Whether it was executed (False: it was found finished).

    Raises:
        RecxError: a cell failed; the message is that of the cell, the executed copy shows the rest.
    """
    spec, run = STAGES[stage], run_of(stage, chosen)
    if not why_unfinished(stage, chosen):
        print(f"{stage:<18} finished before, skipped", flush=True)
        return False
    try:
        run.folder.mkdir(parents=True, exist_ok=True)
        hold(run.folder, LAUNCH)  # whoever else launches it is seen before the notebook starts
    except OSError as error:
        raise RecxError(
            f"{run.folder} cannot be written ({error.strerror or error}). Name another folder with RECX_RUNS_DIR."
        ) from error
    try:
        hold(run.folder)  # a kernel left over from a killed command may still work there; our own holds it next
        release(run.folder)
        why = why_unfinished(stage, chosen)
        if not why:
            print(f"{stage:<18} finished meanwhile by another command, skipped", flush=True)
            return False
        started = time.monotonic()
        print(f"{stage:<18} {spec.notebook} ... ({why})", flush=True)
        _execute(stage, spec.notebook, run.folder, parameters, quiet)
        print(f"{stage:<18} done in {time.monotonic() - started:.0f} s", flush=True)
        return True
    finally:
        release(run.folder, LAUNCH)


def _execute(stage: str, notebook: str, folder: Path, parameters: dict[str, Any], quiet: bool) -> None:
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    from recx.pipeline.kernels import OwnKernelManager

    executed = folder / f"{notebook}.ipynb"
    quiet_libraries()
    try:
        papermill.execute_notebook(
            _literal(paths.notebooks() / f"{notebook}.ipynb"),
            _literal(executed),
            parameters=parameters,
            kernel_name="python3",
            kernel_manager_class=OwnKernelManager,
            cwd=str(paths.ROOT),
            progress_bar=not quiet and sys.stderr.isatty(),
            log_output=False,
            extra_arguments=["--IPKernelApp.log_level=50"],  # a kernel that is shut down says so as an error
        )
    except PapermillExecutionError as error:
        raise RecxError(
            f"Stage {stage!r} failed in cell {error.exec_count} of {notebook}: {error.ename}: {error.evalue}\n"
            f"The executed copy is {executed}"
        ) from error
    except DeadKernelError as error:
        raise RecxError(
            f"Stage {stage!r}: the process that ran {notebook} died, most likely for want of memory. The same "
            f"command goes on from its last checkpoint. What was executed is in {executed}"
        ) from error
    except RuntimeError as error:  # of the client, which waits for the kernel to answer
        raise RecxError(f"Stage {stage!r}: {sys.executable} started no kernel ({error}). Why stands above.") from error
    except OSError as error:
        raise RecxError(
            f"Stage {stage!r}: {executed} cannot be written ({error.strerror or error}). What was finished before is "
            "kept; the same command goes on from there."
        ) from error


def _literal(path: Path) -> str:
    """A path for papermill, which fills `{name}` in paths from the notebook's parameters."""
    return str(path).replace("{", "{{").replace("}", "}}")


def launch_alignments(chosen: Settings, parameters: dict[str, Any], modes: Sequence[str] = ()) -> dict[str, str]:
    """Run notebook 04 once for every mode.

    Args:
        chosen: settings.
        parameters: of the notebook, but for `mode`.
        modes: which ones; by default those of the settings.

    Returns:
        mode -> "trained" or "finished before".
    """
    return {
        mode: "trained" if launch(ALIGN[mode], chosen, parameters | {"mode": mode}, quiet=True) else "finished before"
        for mode in modes or chosen.align.mode_list
    }


def run_parameters(profile: str, dataset: str, data_dir: str, overrides: Mapping[str, str]) -> dict[str, Any]:
    """What tells a run from others: the arguments of `resolve_settings`, which are parameters of the notebooks too.

    Kernels work in the folder of the kit, so paths relative to the present folder are made absolute.

    Args:
        profile: name of the profile.
        dataset: name or folder.
        data_dir: folder with data sets obtained elsewhere.
        overrides: dotted keys and values.

    Raises:
        SettingsError: a setting has an option of its own, or names a file that is not there.
    """
    data_dir = _absolute(data_dir) if data_dir else ""
    dataset = _absolute(dataset) if not is_name(dataset) and Path(dataset).expanduser().is_dir() else dataset
    overrides = dict(overrides)
    for key, option in OPTIONS.items():
        if key in overrides:
            raise SettingsError(f"Setting {key!r} is given as --{option}, not with --set.")
    for key in PATHS:
        value = str(overrides.get(key, ""))
        if value and Path(value).expanduser().exists():
            overrides[key] = _absolute(value)
        elif value and (key in FILES or value.endswith(".py")):
            raise SettingsError(f"Setting {key!r} names {value!r}, but there is no such file or folder.")
    return {"profile": profile, "dataset": dataset, "data_dir": data_dir, "overrides": overrides}


def prepare(names: Sequence[str], profile: str, dataset: str, data_dir: str, overrides: Mapping[str, str]) -> Plan:
    """Check all that a run is asked for; a data set that is not at hand is fetched where it can be.

    Args:
        names: of notebooks, as `resolve_notebooks` takes them.
        profile: name of the profile.
        dataset: name or folder.
        data_dir: folder with data sets obtained elsewhere.
        overrides: dotted keys and values.

    Raises:
        SettingsError: there is no such notebook, profile, data set, setting or file.
        DataError: files of the data set are missing and cannot be fetched.
        CheckpointError: the backbone is one that has to be fetched first.
    """
    parameters = run_parameters(profile, dataset, data_dir, overrides)
    plan = Plan(resolve_settings(**parameters), tuple(resolve_notebooks(names)), parameters)
    require_here(plan.settings.align.backbone.name)
    obtain(find_source(parameters["dataset"]), parameters["data_dir"])
    for warning in warnings_of(plan.settings.data):
        print(f"Note: {warning}", flush=True)
    return plan


def run_all(plan: Plan) -> int:
    """Execute the notebooks of a plan that are not up to date, in order; returns how many were executed."""
    settle_environment()
    return sum(launch(stage, plan.settings, plan.parameters) for stage in plan.stages)


def settle_environment() -> None:
    """Let processes started from now on find the package and the folders meant here, wherever they work.

    Raises:
        RecxError: the kit lies where Python finds no package.
    """
    if os.pathsep in str(paths.ROOT):
        raise RecxError(f"{paths.ROOT}: Python finds no package where a path holds {os.pathsep!r}. Move the kit.")
    for name in ("RECX_RUNS_DIR", "RECX_DATA_DIR", "RECX_CACHE_DIR", "RECX_CONFIG_DIR"):
        if os.environ.get(name):
            os.environ[name] = _absolute(os.environ[name])
    # The kernel must find the package from a plain checkout too.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(paths.ROOT), os.environ.get("PYTHONPATH", "")]))


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().resolve())
