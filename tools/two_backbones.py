"""Explanations of the same test pairs, five liked and five disliked, by both backbones, for `docs/two_backbones.md`.

    .venv/bin/python tools/two_backbones.py     # after `make demo`, with SmolLM2 (recx backbone get smollm2-135m)

The document keeps what it says above its first pair. Each pair is explained by the teaching backbone of the demo and by
the model that ships with the kit, both in the relation mode, by itself and told the measurements.
"""

import numpy as np

from recx import paths
from recx.evaluation.test_set import draw_test_set, pairs_of
from recx.pipeline.explained_pairs import ExplainedPair, Pair, PairExplainer
from recx.pipeline.finished import FinishedRun, open_finished
from recx.pipeline.shipped import open_shipped
from recx.profiles.resolve import resolve_settings

DOCUMENT = paths.ROOT / "docs" / "two_backbones.md"
EACH, MODE = 5, "relation"
WIDE = 1_000_000  # letters in a line: none is wrapped
FIRST = "## 1. "


def explained_by(name: str, opened: FinishedRun, pairs: list[Pair]) -> list[tuple[list[str], list[str]]]:
    """For each pair, its lines (history, item) and a backbone's rows of the table."""
    heads, rows = [], [[] for _ in pairs]
    for told in (False, True):
        explainer = PairExplainer(opened, MODE, told=told)
        answers = explainer.explain(pairs)
        parts = [explainer.shown(answer, WIDE).splitlines() for answer in answers]
        heads = [lines[:-1] for lines in parts]
        for own, lines, answer in zip(rows, parts, answers, strict=True):
            own.append(f"| {name}, {'told' if told else 'by itself'} | {_cell(lines[-1], answer)} |")
    return list(zip(heads, rows, strict=True))


def _cell(text: str, answer: ExplainedPair) -> str:
    revised = answer.answer.revised
    note = f" *({revised} sentence{'s' if revised > 1 else ''} revised)*" if revised else ""
    return text.strip().replace("|", "\\|") + note


def main() -> None:
    """Write the document."""
    tiny, shipped = open_finished("demo"), open_shipped()
    settings = resolve_settings().evaluate
    drawn = pairs_of(draw_test_set(tiny.split, tiny.target, tiny.target.length, settings), settings.pairs)
    order = [*np.flatnonzero(drawn.liked)[:EACH], *np.flatnonzero(~drawn.liked)[:EACH]]
    pairs = [Pair(drawn.histories[n], int(drawn.items[n])) for n in order]
    tables = explained_by("recx-tiny", tiny, pairs), explained_by("SmolLM2", shipped, pairs)
    text = DOCUMENT.read_text().split(FIRST)[0]
    for n, ((head, own), (_, others)) in enumerate(zip(*tables, strict=True), 1):
        title = tiny.data.catalogue.labels[pairs[n - 1].item]
        text += f"## {n}. {title}\n\n" + "\n\n".join(head)
        text += "\n\n| backbone | explanation |\n| --- | --- |\n" + "\n".join([*own, *others]) + "\n\n"
    DOCUMENT.write_text(text.rstrip() + "\n")


if __name__ == "__main__":
    main()
