"""Ablation of the training tasks: the hybrid model retrained without each of them (paper Figure 7)."""

import contextlib
import dataclasses
import io
import time
import warnings
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import torch
from tqdm.auto import tqdm

from recx.alignment.corpus import rows_per_task
from recx.errors import SettingsError
from recx.evaluation.alignment_effect import measure
from recx.evaluation.explanation_checks import explanation_records
from recx.evaluation.explanation_ratings import rate
from recx.evaluation.judges import explanations_to_rate
from recx.evaluation.methods import Method
from recx.evaluation.reference_judge import ReferenceJudge
from recx.evaluation.test_set import draw_test_set, pairs_of
from recx.pipeline import stages
from recx.pipeline.finished import open_finished
from recx.pipeline.launch import launch, launch_alignments
from recx.profiles.resolve import resolve_settings
from recx.recommenders.protocol import TwoTower
from recx.recommenders.target_kinds import load_target
from recx.settings import Settings
from recx.storage.run_folder import Run, digest, read_kept, write_json

# Variant -> tasks left out. Explanations in the model's own words begin with the target's decision, which is also what
# task 3 teaches. With them alone it is not learnt in a short training, but texts still state one (docs/decisions/043).
VARIANTS: dict[str, tuple[str, ...]] = {
    "full": (),
    "without tasks 1 and 2": ("retrieval", "ranking"),
    "without task 3": ("preference",),
    "without task 3 and explanations": ("preference", "explanation"),
    "without task 4": ("item",),
    "without task 5": ("conversation",),
    "without task 6": ("reconstruction",),
}
METRICS = ("rating", "decision_agreement", "hr@5", "accuracy", "history_coverage")
MODE = "hybrid"


def variants_of(settings: Settings) -> list[str]:
    """The variants that differ in the settings' tasks: without explanations to leave out, two are the same."""
    shares, named = dataclasses.asdict(settings.align.shares), {}
    for variant, left_out in VARIANTS.items():
        trained = [task for task in left_out if shares[task] and (settings.align.own_words or task != "explanation")]
        named.setdefault(tuple(trained), variant)
    return list(named.values())


def variant_overrides(settings: Settings, variant: str, seed: int) -> dict[str, Any]:
    """Return the settings that a variant changes; the remaining tasks keep their numbers of rows.

    Args:
        settings: settings of the run.
        variant: a key of `VARIANTS`.
        seed: random seed of labels, rows, projectors and order.
    """
    shares = dataclasses.asdict(settings.align.shares)
    left_out = VARIANTS[variant]
    kept = sum(v for k, v in shares.items() if k not in left_out) / sum(shares.values()) * settings.ablate.scale
    modes = ["intention", MODE] if settings.align.hybrid_from == "intention" else [MODE]
    changed: dict[str, Any] = {f"align.shares.{task}": 0.0 for task in left_out}
    changed |= {f"align.rows_{mode}": round(getattr(settings.align, f"rows_{mode}") * kept) for mode in modes}
    words = 0 if "explanation" in left_out else settings.align.own_words * settings.ablate.scale
    changed |= {"align.own_words": round(words)}
    return changed | {"align.modes": " ".join(modes), "align.seed": seed, "variant": f"{variant}, seed {seed}"}


def rows_of_variants(parameters: dict[str, Any]) -> pd.DataFrame:
    """How many rows of each task the hybrid mode of each variant is trained on, 0 where the task is left out.

    Args:
        parameters: parameters of the notebook: profile, dataset, data_dir, overrides.

    Returns:
        Columns `variant, task, rows`.
    """
    settings, rows = resolve_settings(**parameters), []
    for variant in variants_of(settings):
        changed = parameters["overrides"] | variant_overrides(settings, variant, 0)
        align = resolve_settings(**parameters | {"overrides": changed}).align
        rows += [(variant, task, count) for task, count in rows_per_task(align, MODE, align.own_words).items()]
    frame = pd.DataFrame(rows, columns=["variant", "task", "rows"])
    return frame[frame.groupby("task")["rows"].transform("max") > 0]


def run_grid(run: Run, parameters: dict[str, Any]) -> pd.DataFrame:
    """Train and measure every variant with every seed, skipping those already measured.

    Each training executes notebooks 03 and 04 in its own folder below `variants/`. Several trainings run in parallel
    processes that share the CPU cores.

    Args:
        run: run of the stage, whose folder holds one file of results per variant and seed.
        parameters: parameters of the notebook: profile, dataset, data_dir, overrides.

    Returns:
        Columns `variant, seed, metric, value`.

    Raises:
        SettingsError: the target has no vectors, which the hybrid mode reads.
    """
    settings = resolve_settings(**parameters)
    if not isinstance(load_target(stages.folder("target", settings), settings.target), TwoTower):
        raise SettingsError(
            f"The ablation trains the {MODE} mode, which reads the target's vectors, but {settings.target.name} only "
            "gives scores. Leave notebook 10 out."
        )
    # All variants of one seed first, so that stopping early leaves a complete small grid.
    cells = [(variant, seed) for seed in range(settings.ablate.seeds) for variant in variants_of(settings)]
    at_once, threads = processes(settings)
    # Notebooks inherit the number of threads from the process that starts them.
    with joblib.parallel_config("loky", n_jobs=at_once, inner_max_num_threads=threads), warnings.catch_warnings():
        # joblib replaces processes whose memory has grown between trainings, which is intended.
        warnings.filterwarnings("ignore", message="A worker stopped")
        work = joblib.Parallel(return_as="generator_unordered", batch_size=1, pre_dispatch=at_once)
        results = work(joblib.delayed(run_cell)(run.folder, parameters, *cell) for cell in cells)
        measured = dict(tqdm(results, desc="trainings", total=len(cells)))
    rows = [
        (variant, seed, metric, value)
        for variant in variants_of(settings)
        for seed in range(settings.ablate.seeds)
        for metric, value in measured[variant, seed].items()
    ]
    return pd.DataFrame(rows, columns=["variant", "seed", "metric", "value"])


def processes(settings: Settings) -> tuple[int, int]:
    """Return the number of parallel trainings and the number of threads of each."""
    cores = joblib.cpu_count()
    at_once = settings.ablate.at_once or (1 if torch.cuda.is_available() else min(4, cores))
    return at_once, max(1, cores // at_once)


def run_cell(
    folder: Path, parameters: dict[str, Any], variant: str, seed: int
) -> tuple[tuple[str, int], dict[str, float]]:
    """Run and measure one training of the grid, with its results saved in `folder`."""
    parameters = parameters | {
        "overrides": parameters["overrides"] | variant_overrides(resolve_settings(**parameters), variant, seed)
    }
    settings = resolve_settings(**parameters)
    path = folder / f"{variant}-{seed}.json".replace(" ", "-")
    measuring = repr((settings.evaluate, settings.ablate.users, settings.ablate.pairs))
    fingerprint = digest([stages.fingerprint(stages.ALIGN[MODE], settings), measuring, stages.code_digest("ablation")])
    kept = read_kept(path, fingerprint)
    if kept is None:
        started = time.monotonic()
        with contextlib.redirect_stdout(io.StringIO()):  # the output of parallel trainings would be interleaved
            launch("tasks", settings, parameters, quiet=True)
            launch_alignments(settings, parameters)
        kept = {"fingerprint": fingerprint, "values": measure_variant(settings)}
        write_json(path, kept)
        print(f"{variant}, seed {seed}: {time.monotonic() - started:.0f} s", flush=True)
    return (variant, seed), kept["values"]


def measure_variant(settings: Settings) -> dict[str, float]:
    """Measure alignment and the reference judge's mean rating of the hybrid model on users unseen by all variants."""
    opened = open_finished(settings)
    method, target, users = Method(opened.explainers[MODE], "aligned", MODE), opened.target, settings.ablate.users
    evaluate = dataclasses.replace(settings.evaluate, users=users, ranking_users=users // 3)
    test_set = draw_test_set(opened.split, target, target.length, evaluate)
    pairs = pairs_of(test_set, settings.ablate.pairs)
    explained = method.explainer.explain(pairs.histories, pairs.items.tolist())
    records = measure(method, test_set, show_progress=False) + explanation_records(explained, pairs, method)
    questions = explanations_to_rate([e.text for e in explained], pairs, method.explainer.max_history)
    rated = rate([ReferenceJudge(opened.data.catalogue)], {method.label: questions})
    return {r["metric"]: r["value"] for r in records} | {"rating": float(rated["score"].mean())}


def ablation_records(grid: pd.DataFrame) -> list[dict[str, Any]]:
    """Compute the mean over seeds of every metric and variant, with Student's t interval if there are several seeds."""
    from scipy.stats import t

    records = []
    for (variant, metric), own in grid.groupby(["variant", "metric"], sort=False):
        values, n = own["value"].to_numpy(dtype=float), len(own)
        half = t.ppf(0.975, n - 1) * values.std(ddof=1) / n**0.5 if n > 1 else float("nan")
        mean = values.mean()
        records.append({"mode": MODE, "method": "aligned", "control": variant, "metric": metric,
                        "value": mean, "low": mean - half, "high": mean + half, "n": n})  # fmt: skip
    return records


def estimate(settings: Settings) -> str:
    """Describe the cost of the grid in words."""
    rows = settings.align.rows_hybrid + settings.align.rows_intention * (settings.align.hybrid_from == "intention")
    count = len(variants_of(settings)) * settings.ablate.seeds
    at_once, threads = processes(settings)
    how = f"{at_once} in parallel with {threads} thread{'s' * (threads > 1)} each"
    return f"{count} trainings of up to {round(rows * settings.ablate.scale):,} rows each, {how}"
