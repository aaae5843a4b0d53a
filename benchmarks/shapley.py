"""Exact Shapley values of histories: ours compared with the exact explainer of the package shap.

    pip install shap
    python benchmarks/shapley.py [--quick] [--record]

Both use the same target (SASRec with the shape of the demo's and random weights, which affect neither speed nor
agreement), the same value function and the same histories of ten distinct items, with eight items in question for each.
Their values must agree. Without shap, only our own time is measured. The last line is `RESULT {json}`.
"""

import argparse
import json
import statistics
import time

import numpy as np
import torch
from recorded import Row, add_option, record

from recx.attribution.removal import players_of, value_function
from recx.attribution.shapley import shapley_values
from recx.data.registry import load_dataset
from recx.data.split import leave_one_out
from recx.profiles.resolve import resolve_settings
from recx.recommenders.sasrec import SASRec

ITEMS = 8


def by_shap(value, history, items) -> np.ndarray:
    """Values (n, K) by shap's exact explainer, one item at a time, since it explains one output per call."""
    import shap

    n = len(players_of(history))
    columns = []
    for item in items:
        explainer = shap.explainers.Exact(
            lambda kept, item=item: value(history, kept.astype(bool), [item])[:, 0],
            shap.maskers.Independent(np.zeros((1, n)), max_samples=1),
        )
        columns.append(explainer(np.ones((1, n))).values[0])
    return np.stack(columns, axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer histories, one round")
    add_option(parser)
    arguments = parser.parse_args()
    quick = arguments.quick
    torch.set_num_threads(1)
    settings = resolve_settings()
    data = load_dataset(settings.data)
    split, length = leave_one_out(data.sequences), settings.target.model.length
    torch.manual_seed(0)
    target = SASRec(len(data.catalogue), settings.target.model).eval().requires_grad_(False)
    value = value_function(target, split.train, length)
    whole = [h[-length:] for h in split.test_histories if len(players_of(h[-length:])) == length]
    histories, rng = whole[: 5 if quick else 20], np.random.default_rng(0)
    asked = [rng.choice(len(data.catalogue), ITEMS, replace=False) + 1 for _ in histories]
    try:
        import shap
    except ImportError:
        print("shap is not installed (pip install shap): only our own time is measured")
        shap = None
    ways = {"ours": lambda h, i: shapley_values(value, h, i).values}
    if shap is not None:
        ways["shap"] = lambda h, i: by_shap(value, h, i)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    found: dict[str, list[np.ndarray]] = {}
    for _ in range(1 if quick else 3):
        for name, way in ways.items():
            started = time.process_time()
            found[name] = [way(h, i) for h, i in zip(histories, asked, strict=True)]
            seconds[name].append(1000 * (time.process_time() - started) / len(histories) / ITEMS)
    result = {name: statistics.median(own) for name, own in seconds.items()}
    for name, own in result.items():
        print(f"{name:<5} {own:8.2f} ms per pair of history and item")
    if shap is not None:
        gap = max(float(np.abs(a - b).max()) for a, b in zip(found["ours"], found["shap"], strict=True))
        assert gap < 1e-4, f"the values differ by {gap}"
        result |= {"faster": result["shap"] / result["ours"], "largest_difference": gap}
        print(f"{result['faster']:.1f} times as fast; the values differ by at most {gap:.1e}")
    if arguments.record:
        column, own, other = "time per pair of history and item", "all items of a history at once (ours)", ""
        if shap is not None:
            other = "`shap.explainers.Exact`"
        rows = [Row(f"{own}: {column}", result["ours"], "ms", other, result.get("faster", ""))]
        if shap is not None:
            rows += [Row(f"{other} {shap.__version__}, one item at a time: {column}", result["shap"], "ms")]
            rows += [Row(f"{own}: largest difference of the values", result["largest_difference"])]
        record("shapley", rows, quick=quick)
    print("RESULT", json.dumps(result))


if __name__ == "__main__":
    main()
