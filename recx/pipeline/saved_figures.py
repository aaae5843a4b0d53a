"""Figures of finished runs, drawn again from the numbers saved beside them; nothing is computed anew."""

from pathlib import Path

import pandas as pd

from recx import paths
from recx.errors import CheckpointError
from recx.plots.figures import FIGURES, draw_and_save
from recx.storage.run_folder import Run, read_json, read_manifest


def redraw(profile: str = "", dataset: str = "", out: Path | None = None) -> list[Path]:
    """Draw every figure of all finished stages.

    Args:
        profile: of these runs only.
        dataset: of these runs only.
        out: folder for `<profile>-<dataset>/<stage>/`; `figures/` beside the package unless told.

    Returns:
        The pictures written, as PNG; each has PDF, SVG, CSV and provenance beside it.

    Raises:
        CheckpointError: no finished stage has a figure, or a file of one is damaged.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    written = []
    for told in sorted(paths.runs().glob(f"{profile or '*'}/{dataset or '*'}/*/figures/*.json")):
        stage, name = told.parent.parent, told.stem
        if name not in FIGURES or not read_manifest(stage):
            continue
        origin = read_json(told)
        try:
            frame = pd.read_csv(told.with_suffix(".csv"), keep_default_na=True)
            run = Run(stage.parent.parent.name, stage.parent.name, stage.name, str(origin["fingerprint"]))
            run.inputs = dict(origin["inputs"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{told.with_suffix('.csv')}: not readable ({error}). Rerun its stage.") from error
        folder = (out or paths.ROOT / "figures") / f"{run.profile}-{run.dataset}" / run.stage
        plt.close(draw_and_save(name, frame, run, folder))
        written.append(folder / f"{name}.png")
    if not written:
        raise CheckpointError(f"No finished stage with figures in {paths.runs()}. Start with: recx run")
    return written
