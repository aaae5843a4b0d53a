"""The common style of all figures."""

import zlib

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes

# Okabe & Ito's palette, distinguishable with colour blindness and, by lightness, in greyscale.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999", "#000000")
HATCHES = ("", "//", "..", "xx", "\\\\", "++", "--", "oo")
# Baselines are grey, the unaligned backbone is light blue, and each mode has its own colour.
_STYLES = {
    "random": ("#d0d0d0", ""),
    "popularity": ("#b0b0b0", "//"),
    "popularity, sampled": ("#b0b0b0", "\\\\"),
    "constant": ("#909090", ".."),
    "distilled": ("#CC79A7", "xx"),
    "unaligned": ("#56B4E9", ""),
    "unaligned ICL": ("#56B4E9", "//"),
    "behavior": ("#E69F00", ""),
    "intention": ("#009E73", "\\\\"),
    "hybrid": ("#0072B2", ""),
    "relation": ("#D55E00", "//"),
    "intention, other people's vectors": ("#009E73", ".."),
    "relation, told": ("#D55E00", ""),
    "relation, told, held": ("#D55E00", ".."),
    "relation, predicted, held": ("#D55E00", "xx"),
}


# After matplotlib's own font, those that have the letters of other scripts, as far as they are installed.
_FONTS = (
    "DejaVu Sans", "Noto Sans", "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans Devanagari", "Noto Sans Arabic",
    "Noto Sans Hebrew", "Noto Sans Thai", "Arial Unicode MS", "Hiragino Sans", "PingFang SC", "Yu Gothic", "Meiryo",
    "Microsoft YaHei", "Malgun Gothic", "Nirmala UI", "WenQuanYi Zen Hei", "Unifont"
)  # fmt: skip


def use_fonts_of_all_scripts() -> None:
    """Let matplotlib take letters that its own font lacks, such as those of Japanese titles, from installed fonts."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    matplotlib.rcParams["font.family"] = [name for name in _FONTS if name in installed]


def method_style(label: str) -> tuple[str, str]:
    """Return the colour and hatch of a method, the same in every figure."""
    if label in _STYLES:
        return _STYLES[label]
    n = zlib.crc32(label.encode())
    return COLOURS[n % len(COLOURS)], HATCHES[n // len(COLOURS) % len(HATCHES)]


def tidy(axes: Axes) -> Axes:
    """Put a light grid behind the data and remove the box around it."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3, linewidth=0.6)
    axes.set_axisbelow(True)
    return axes
