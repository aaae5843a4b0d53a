"""A few explanations on the screen, with marks: what `make demo` ends with."""

from recx.errors import RecxError
from recx.evaluation.test_set import draw_test_set, pairs_of
from recx.models.pretrained import fetch_backbone
from recx.pipeline.explained_pairs import LEGEND, Pair, PairExplainer, wrapped
from recx.pipeline.finished import FinishedRun, open_finished
from recx.pipeline.shipped import open_shipped, shipped_folder, shipped_settings, why_not_ready
from recx.settings import EvaluateSettings
from recx.settings.align_settings import last_mode


def print_examples(count: int = 5) -> None:
    """Print explanations of test pairs of the demo, by the shipped language model if there is one and its weights can
    be downloaded, otherwise by the teaching backbone of the finished demo.

    Args:
        count: how many.

    Raises:
        CheckpointError: neither is there.
    """
    name, opened = shipped_settings().align.backbone.name, None
    if shipped_folder().is_dir():
        try:
            if why_not_ready():
                fetch_backbone(name)
            opened = open_shipped()
        except RecxError as error:
            print(f"{error}\nThe explanations below are those of the teaching backbone instead.\n")
    if opened is None:
        name, opened = "recx-tiny", open_finished("demo")
    mode = last_mode(opened.explainers)
    explainer = PairExplainer(opened, mode)
    how = ", told what was measured" if explainer.told else ""
    print(wrapped(f"Explanations by {name}, aligned to the demo's recommender ({mode} mode{how})."))
    print(wrapped(LEGEND) + "\n")
    for text in examples(explainer, opened, count):
        print(text + "\n")


def examples(explainer: PairExplainer, opened: FinishedRun, count: int) -> list[str]:
    """Explanations of test pairs, half of them of items the target likes, with marks and what the target says."""
    target = opened.target
    test_set = draw_test_set(opened.split, target, target.length, EvaluateSettings(users=4 * count))
    drawn = pairs_of(test_set, count + count % 2)  # it gives as many liked as disliked
    pairs = [Pair(history, int(item)) for history, item in zip(drawn.histories, drawn.items, strict=True)]
    return [explainer.shown(explained) for explained in explainer.explain(pairs[:count])]
