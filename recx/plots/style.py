"""A common look, and saving a figure with its numbers and provenance."""

import zlib
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recx.storage.run_folder import Run, write_json

# Okabe & Ito's colours, told apart by the colour-blind and, by lightness, in grey.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999", "#000000")
HATCHES = ("", "//", "..", "xx", "\\\\", "++", "--", "oo")
FORMATS = ("pdf", "svg", "png")
# Baselines in greys, what is not aligned in light blue, the modes in colours of their own.
_LOOKS = {
    "random": ("#d0d0d0", ""),
    "popularity": ("#b0b0b0", "//"),
    "constant": ("#909090", ".."),
    "distilled": ("#CC79A7", "xx"),
    "unaligned": ("#56B4E9", ""),
    "unaligned ICL": ("#56B4E9", "//"),
    "behavior": ("#E69F00", ""),
    "intention": ("#009E73", "\\\\"),
    "hybrid": ("#0072B2", ""),
    "intention, shuffled": ("#D55E00", ".."),
}


def look_of(label: str) -> tuple[str, str]:
    """Colour and hatch of a method: the same in every figure."""
    if label in _LOOKS:
        return _LOOKS[label]
    n = zlib.crc32(label.encode())
    return COLOURS[n % len(COLOURS)], HATCHES[n % len(HATCHES)]


def tidy(axes: Axes) -> Axes:
    """Light grid behind the data, no box around it."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3, linewidth=0.6)
    axes.set_axisbelow(True)
    return axes


def save_figure(figure: Figure, name: str, frame: pd.DataFrame, run: Run, folder: Path | None = None) -> list[Path]:
    """Write a figure as PDF, SVG and PNG with the CSV it shows and a JSON naming the runs it came from.

    Args:
        figure: to save.
        name: stem of the files.
        frame: the numbers shown.
        run: the stage that made it.
        folder: where to; the run's folder unless told.
    """
    folder = folder or run.folder / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for kind in FORMATS:
        path = folder / f"{name}.{kind}"
        figure.savefig(path, bbox_inches="tight", dpi=150, metadata={"Date": None} if kind == "svg" else None)
        written.append(path)
    frame.to_csv(folder / f"{name}.csv", index=False)
    provenance = {"profile": run.profile, "dataset": run.dataset, "stage": run.stage, "fingerprint": run.fingerprint}
    write_json(folder / f"{name}.json", provenance | {"inputs": run.inputs})
    return [*written, folder / f"{name}.csv", folder / f"{name}.json"]
