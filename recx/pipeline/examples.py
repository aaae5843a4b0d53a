"""A few explanations on the screen, with marks: what `make demo` ends with."""

from recx.attribution.removal import value_function
from recx.errors import RecxError
from recx.evaluation.test_set import draw_test_set, pairs_of
from recx.explaining.measured import measure_evidence
from recx.explaining.segments import Segment, segments
from recx.models.pretrained import fetch_backbone
from recx.pipeline.finished import FinishedRun, open_finished
from recx.pipeline.shipped import open_shipped, shipped_settings, why_not_ready
from recx.settings import MODES, EvaluateSettings

LEGEND = "✓ true of the history or the catalogue, ✗ not; ● a cause of the decision as measured, ○ none"


def print_examples(count: int = 5) -> None:
    """Print explanations of test pairs of the demo: by the shipped language model, or where it cannot be had by the
    teaching backbone's run.

    Args:
        count: how many.

    Raises:
        CheckpointError: neither is there.
    """
    name = shipped_settings().align.backbone.name
    try:
        if why_not_ready():
            fetch_backbone(name)
        opened = open_shipped()
    except RecxError as error:
        print(f"{error}\nSo here are explanations of the teaching backbone.\n")
        name, opened = "recx-tiny", open_finished("demo")
    mode = next(mode for mode in reversed(MODES) if mode in opened.explainers)
    print(f"Explanations by {name}, aligned to the demo's recommender ({mode} mode).\n{LEGEND}\n")
    for text in examples(opened, mode, count):
        print(text + "\n")


def examples(opened: FinishedRun, mode: str, count: int) -> list[str]:
    """Explanations of test pairs, half of them of items the target likes, with marks and what the target says."""
    explainer, target = opened.explainers[mode], opened.target
    value = value_function(target, opened.split.train, target.length)
    pairs = pairs_of(draw_test_set(opened.split, target, target.length, EvaluateSettings(users=4 * count)), count)
    texts = []
    answers = explainer.explain(pairs.histories, pairs.items.tolist())
    for answer, history, liked in zip(answers, pairs.histories, pairs.liked, strict=True):
        evidence = measure_evidence(value, history, answer.item)
        marked = "".join(map(_marked, segments(answer.text, answer.citations, answer.statements, evidence)))
        titles = "; ".join(opened.data.catalogue.labels[i] for i in history[-explainer.max_history :])
        decision = "suggests it" if liked else "does not suggest it"
        texts.append(f"History: {titles}\nItem: {answer.title} (the recommender {decision})\n  {marked}")
    return texts


def _marked(segment: Segment) -> str:
    if segment.holds is None:
        return segment.text
    mattered = {True: "●", False: "○", None: ""}[segment.mattered]
    return f"{segment.text}{'✓' if segment.holds else '✗'}{mattered}"
