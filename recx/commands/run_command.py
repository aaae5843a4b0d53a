"""`recx run`: the notebooks in order."""

import time
from dataclasses import dataclass
from typing import Annotated

import tyro

from recx import paths
from recx.pipeline import stages
from recx.pipeline.launch import prepare, run_all
from recx.profiles.resolve import parse_overrides, show


@dataclass(frozen=True)
class RunCommand:
    """Run the notebooks in order; finished stages are skipped."""

    notebooks: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="[NOTEBOOK ...]")] = ()
    """Notebooks by number or name, e.g. 02 06_alignment_effect; by default all but 10 and 13 to 16."""
    profile: str = "tiny"
    """How much to compute: tiny, transfer or small (for a laptop), gpu or paper (for GPUs), or test (a rough trial)."""
    dataset: str = "demo"
    """A name shown by `recx data list`, or a folder with your own files."""
    data_dir: str = ""
    """Folder with data sets obtained elsewhere; RECX_DATA_DIR by default."""
    set: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """A setting as key=value, e.g. target.epochs=5; can be repeated."""
    verbose: bool = False
    """Print every setting, not only those that differ from the defaults."""

    def run(self) -> None:
        """Run the notebooks, and print where their results are."""
        plan = prepare(self.notebooks, self.profile, self.dataset, self.data_dir, parse_overrides(self.set))
        print(show(plan.settings, self.verbose), flush=True)
        started = time.monotonic()
        executed = run_all(plan)
        print(f"\n{executed} notebooks executed in {(time.monotonic() - started) / 60:.1f} minutes")
        folder = paths.runs() / plan.settings.profile / plan.settings.dataset
        summary = folder / "effect" / "summary.txt"
        # A summary of a stage that is not finished belongs to earlier settings.
        if summary.is_file() and stages.is_finished("effect", plan.settings):
            print("\n" + summary.read_text(encoding="utf-8"))
        print(f"Executed notebooks, figures and numbers: {folder}")
