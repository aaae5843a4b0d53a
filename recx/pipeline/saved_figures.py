"""Figures saved as PDF, SVG and PNG, together with their numbers and provenance."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from recx import paths
from recx.errors import CheckpointError
from recx.plots.figures import FIGURES, draw
from recx.storage.run_folder import Run, read_json, read_manifest, write_json

FORMATS = ("pdf", "svg", "png")
# Columns of the frames behind figures that hold texts, whatever they look like.
TEXTS = ("case", "control", "decoding", "group", "history", "item", "label", "mode", "text", "title", "why")


def draw_and_save(name: str, frame: pd.DataFrame, run: Run, folder: Path | None = None) -> Figure:
    """Draw a figure and save it with its numbers (CSV) and provenance (JSON).

    Args:
        name: a key of `FIGURES`, also used as the stem of the files.
        frame: the numbers shown.
        run: run of the stage that produced them.
        folder: folder to save to; by default `figures/` in the run's folder.

    Raises:
        SettingsError: there is no such figure.
    """
    figure = draw(name, frame)
    folder = folder or run.folder / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    for kind in FORMATS:
        metadata = {"Date": None} if kind == "svg" else None
        figure.savefig(folder / f"{name}.{kind}", bbox_inches="tight", dpi=150, metadata=metadata)
    frame.to_csv(folder / f"{name}.csv", index=False)
    provenance = {"profile": run.profile, "dataset": run.dataset, "stage": run.stage, "fingerprint": run.fingerprint}
    write_json(folder / f"{name}.json", provenance | {"inputs": run.inputs})
    return figure


def redraw(profile: str = "", dataset: str = "", out: Path | None = None) -> list[Path]:
    """Redraw the figures of all finished stages from their saved numbers, without recomputing anything.

    Args:
        profile: redraw only runs of this profile.
        dataset: redraw only runs of this data set.
        out: output folder for `<profile>-<dataset>/<stage>/`; by default `paths.figures()`.

    Returns:
        Paths of the PNG files; PDF, SVG, CSV and provenance are next to each.

    Raises:
        CheckpointError: no finished stage has a figure, a figure's file is damaged, or the folder cannot be written.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    written = []
    for provenance in sorted(paths.runs().glob("*/*/*/figures/*.json")):
        stage, name = provenance.parent.parent, provenance.stem
        of_run = stage.parent.parent.name, stage.parent.name
        if any(asked not in ("", own) for asked, own in zip((profile, dataset), of_run, strict=True)):
            continue
        if name not in FIGURES or not read_manifest(stage):
            continue
        origin, numbers = read_json(provenance), provenance.with_suffix(".csv")
        try:
            frame = _read_numbers(numbers)
            run = Run(stage.parent.parent.name, stage.parent.name, stage.name, str(origin["fingerprint"]))
            run.inputs = dict(origin["inputs"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{numbers} cannot be read ({error}). Rerun its stage.") from error
        folder = (out or paths.figures()) / f"{run.profile}-{run.dataset}" / run.stage
        try:
            plt.close(draw_and_save(name, frame, run, folder))
        except (KeyError, TypeError) as error:
            raise CheckpointError(f"{numbers} does not hold the figure {name!r} ({error}). Rerun its stage.") from error
        except OSError as error:
            raise CheckpointError(
                f"{folder} cannot be written ({error.strerror or error}). Name another folder with --out."
            ) from error
        written.append(folder / f"{name}.png")
    if not written:
        raise CheckpointError(f"There is no finished stage with figures in {paths.runs()}. Start with: recx run")
    return written


def _read_numbers(path: Path) -> pd.DataFrame:
    """The numbers behind a figure; titles such as "300" or "None" stay texts."""
    return pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=dict.fromkeys(TEXTS, str))
