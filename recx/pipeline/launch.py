"""A notebook and its parameters become a run, in a kernel of its own through papermill."""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recx import paths
from recx.data.registry import SOURCES, find_source, obtain
from recx.errors import RecxError, SettingsError
from recx.pipeline.stages import ALIGN, EXTRA, ORDER, STAGES, describe, why_unfinished
from recx.profiles.resolve import resolve_settings
from recx.settings import Settings
from recx.storage.locks import hold, release

LAUNCH = ".launch.lock"


def resolve_notebooks(names: Sequence[str]) -> list[str]:
    """Stages of the notebooks named (by number, stem or stage), in order; all of them if none is named.

    Raises:
        SettingsError: no notebook of that name.
    """
    if not names:
        return list(ORDER)
    chosen = []
    for name in names:
        stem = Path(name).name.removesuffix(".ipynb")
        fits = [
            s for s in (*ORDER, *EXTRA) if stem in (s, STAGES[s].notebook) or STAGES[s].notebook.split("_")[0] == stem
        ]
        if not fits and stem in ("04", STAGES["align-hybrid"].notebook):
            fits = ["alignments"]  # one notebook, launched once a mode
        if not fits:
            known = ", ".join(sorted(STAGES[s].notebook for s in (*ORDER, *EXTRA)))
            raise SettingsError(f"No notebook {name!r}. Known: {known}.")
        chosen += fits
    return sorted(set(chosen), key=(*ORDER, *EXTRA).index)


def launch(stage: str, chosen: Settings, parameters: dict[str, Any], quiet: bool = False) -> bool:
    """Execute the notebook of a stage unless it is up to date.

    Args:
        stage: name.
        chosen: settings, to find the run folder.
        parameters: for the notebook's parameters cell.
        quiet: print one line only.

    Returns:
        Whether it was executed (False: it was found finished).

    Raises:
        RecxError: a cell failed; the message is that of the cell, the executed copy shows the rest.
    """
    spec, run = STAGES[stage], describe(stage, chosen)
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

    executed = folder / f"{notebook}.ipynb"
    try:
        papermill.execute_notebook(
            str(paths.notebooks() / f"{notebook}.ipynb"),
            str(executed),
            parameters=parameters,
            kernel_name="python3",
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
    except OSError as error:
        raise RecxError(
            f"Stage {stage!r}: {executed} cannot be written ({error.strerror or error}). What was finished before is "
            "kept; the same command goes on from there."
        ) from error


def launch_alignments(chosen: Settings, parameters: dict[str, Any], modes: Sequence[str] = ()) -> dict[str, str]:
    """Run notebook 04 once for every mode.

    Args:
        chosen: settings.
        parameters: of the notebook, but for `mode`.
        modes: which ones; those of the settings unless told.

    Returns:
        mode -> "trained" or "finished before".
    """
    return {
        mode: "trained" if launch(ALIGN[mode], chosen, parameters | {"mode": mode}, quiet=True) else "finished before"
        for mode in modes or chosen.align.mode_list
    }


def run_all(
    names: Sequence[str], profile: str, dataset: str, data_dir: str, overrides: dict[str, str]
) -> tuple[Settings, int]:
    """Run notebooks in order with one set of settings.

    Returns:
        The settings, and how many notebooks were executed.
    """
    if data_dir:
        data_dir = str(Path(data_dir).expanduser().resolve())
    if dataset not in SOURCES and Path(dataset).expanduser().is_dir():
        dataset = str(Path(dataset).expanduser().resolve())
    # Kernels work in the folder of the kit, so what is relative to here is made absolute.
    for name in ("RECX_RUNS_DIR", "RECX_DATA_DIR", "RECX_CACHE_DIR"):
        if os.environ.get(name):
            os.environ[name] = str(Path(os.environ[name]).expanduser().resolve())
    for key in ("align.conversations", "align.backbone.name", "target.kind"):
        if key in overrides and Path(overrides[key]).expanduser().exists():
            overrides = overrides | {key: str(Path(overrides[key]).expanduser().resolve())}
    chosen = resolve_settings(profile, dataset, data_dir, overrides)
    obtain(find_source(dataset), data_dir)
    parameters = {"profile": profile, "dataset": dataset, "data_dir": data_dir, "overrides": overrides}
    # The kernel must find the package from a plain checkout too.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(paths.ROOT), os.environ.get("PYTHONPATH", "")]))
    executed = sum(launch(stage, chosen, parameters) for stage in resolve_notebooks(names))
    return chosen, executed
