"""SASRec as a target: ours compared with those of RecTools and RecBole on the same splits, and with variants of it.

    python benchmarks/sasrec.py --data-dir DIR --rectools PYTHON [--datasets ml-100k ...] [--seeds 3] [--quick]
    python benchmarks/sasrec.py --data-dir DIR --recbole PYTHON [...]
    python benchmarks/sasrec.py --data-dir DIR --variants

PYTHON belongs to an environment with torch==2.13.0 and `rectools[torch]`, or with `recbole`, numpy<2, scipy<1.12 and
pandas<2.3; both need older packages than the kit.
Every model is trained on all but the last two items of each user, stopped by NDCG@10 on the last but one, and compared
on the last, among all items not in the history. The other library's model is tuned too: the best of five settings on
validation (or of those named by --shapes) with the first seed. An epoch of RecBole has some two hundred steps on
MovieLens, so --patience 4 is enough there. Times are for training only, up to the best validation epoch. A training of
another library may take half an hour: with --keep DIR its result is stored and reused if ours changes or a run was
interrupted; its time is then the one measured at first. With --record the numbers are appended to `results/`.
"""

import argparse
import dataclasses
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
import torch
from recorded import Row, add_option, record
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from recx.data.registry import load_dataset
from recx.data.split import leave_one_out
from recx.profiles.resolve import resolve_settings
from recx.recommenders.ranking import rank
from recx.recommenders.sasrec import SASRec
from recx.recommenders.training import (
    fit_sasrec,
    length_grouped_batches,
    sliding_windows,
    train_with_early_stopping,
)

HERE = Path(__file__).resolve().parent
NEGATIVES = 256
# The best score of a model without any knowledge under BCE with this many negatives. If scores start at zero, all item
# vectors first move in the same direction to reach it; since they are also the input, all histories then look alike.
OFFSET = -float(np.log(NEGATIVES))


def write(split, folder: Path) -> None:
    rows = []
    for user, (history, last) in enumerate(zip(split.test_histories, split.test, strict=True)):
        items = [*history.tolist(), int(last)]
        parts = [0] * (len(items) - 2) + [1, 2]
        rows += [(user, item, n, part) for n, (item, part) in enumerate(zip(items, parts, strict=True))]
    frame = pl.DataFrame(rows, orient="row", schema=["user_id", "item_id", "position", "part"])
    frame.write_csv(folder / "interactions.csv")


def theirs(library: str, python: str, split, config: dict, seed: int, keep: str = "") -> dict:
    """Train another library's model, or read the result of an identical training from the folder `keep`."""
    with tempfile.TemporaryDirectory() as folder:
        write(split, Path(folder))
        key = (Path(folder) / "interactions.csv").read_bytes() + json.dumps([library, config, seed]).encode()
        kept = Path(keep or folder) / f"{library.lower()}-{hashlib.sha256(key).hexdigest()[:16]}.json"
        if kept.exists():
            return json.loads(kept.read_text())
        line = [str(Path(python).absolute()), str(HERE / f"{library.lower()}_sasrec.py"), folder]
        line += [json.dumps(config), str(seed)]
        log = Path(folder) / "log.txt"  # a training may take half an hour; its log can be read in the meantime
        print(f"    {library}: {log}", file=sys.stderr, flush=True)
        with log.open("w") as output:
            # It runs in that folder, since RecBole writes logs to the current one.
            done = subprocess.run(line, stdout=output, stderr=output, check=False, cwd=folder)
        if done.returncode:
            raise SystemExit(log.read_text()[-2000:])
        result = json.loads((Path(folder) / "theirs.json").read_text())
        if keep:
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(Path(folder) / "theirs.json", kept)
    say(f"{library}, {len(split.train):,} users, {config}, seed {seed}", result)
    return result


def say(what: str, result: dict) -> None:
    """Print one line per training, since the benchmark takes long."""
    values = ", ".join(f"{k} {result[k]:.4g}" for k in ("validation", "epoch", "seconds") if k in result)
    tested = f", test {np.mean(result['test']):.4f}" if "test" in result else ""
    print(f"    {what}: {values}{tested}", file=sys.stderr, flush=True)


def ours(split, items: int, how, seed: int) -> dict:
    how = dataclasses.replace(how, seed=seed)
    model, curve = fit_sasrec(split, items, how, show_progress=False)
    result = report(model, curve, split)
    say(f"ours, {how.model.blocks} block(s), seed {seed}", result)
    return result


def report(model, curve, split) -> dict:
    model.eval()
    kept = rank(model, split.train, split.validation, model.length)
    tested = rank(model, split.test_histories, split.test, model.length)
    value = float(kept.ndcg(10).mean())
    best = int(np.argmin([abs(row["ndcg@10"] - value) for row in curve]))
    return {
        "validation": value,
        "epoch": best + 1,
        "seconds": curve[best]["training_seconds"],
        "curve": [(row["ndcg@10"], row["training_seconds"]) for row in curve],
        "test": tested.ndcg(10).tolist(),
        "top1_share": tested.top1_share(),
    }


def paired(ours_: np.ndarray, theirs_: np.ndarray, draws: int = 5000) -> tuple[float, float, float]:
    """Mean difference in test NDCG@10 and its 95 % interval: users bootstrapped, seeds averaged."""
    gap = np.mean(ours_, axis=0) - np.mean(theirs_, axis=0)
    rng = np.random.default_rng(0)
    means = gap[rng.integers(0, len(gap), (draws, len(gap)))].mean(1)
    return float(gap.mean()), *map(float, np.quantile(means, [0.025, 0.975]))


def compare(args, names: list[str]) -> None:
    table = []
    library, python = ("RecBole", args.recbole) if args.recbole else ("RecTools", args.rectools)
    for name in names:
        chosen = resolve_settings(dataset=name, data_dir=args.data_dir)
        data = load_dataset(chosen.data)
        split, how = leave_one_out(data.sequences), chosen.target
        epochs, patience = (4, 2) if args.quick else (100, args.patience)
        same = {
            "n_blocks": 2,
            "n_heads": 2,
            "loss": "softmax",
            # Few users mean few steps per epoch, and with batches of 128 RecTools stops early at popularity. RecBole
            # makes a row of every prefix of a sequence, so it has enough steps.
            "batch_size": 128 if args.recbole or len(split.train) > 2000 else 16,
            "epochs": epochs,
            "patience": patience,
        }
        shapes = their_shapes(split, how, library)
        if args.quick:
            how = dataclasses.replace(how, epochs=epochs, patience=patience)
        shapes = [shapes[n] for n in args.shapes if n < len(shapes)]
        # A single candidate needs no selection.
        tried = [theirs(library, python, split, same | s, 0, args.keep) for s in shapes] if len(shapes) > 1 else []
        best = int(np.argmax([t["validation"] for t in tried])) if tried else 0
        others, own = [], {case: [] for case in own_shapes(how)}
        for seed in range(args.seeds):  # in turn, so that all run under the same conditions
            for case, changed in own_shapes(how).items():
                own[case].append(ours(split, len(data.catalogue), changed, seed))
            # RecTools' first seed was trained above without timing; all times are measured here, after ours.
            trained = tried and not seed and "seconds" not in tried[best]
            chosen_one = same | shapes[best]
            result = tried[best] if trained else theirs(library, python, split, chosen_one, seed, args.keep)
            if "seconds" not in result:
                timed = chosen_one | {"time_epochs": result["epoch"]}
                result |= theirs(library, python, split, timed, seed, args.keep)
            others.append(result)
        for case, runs in own.items():
            row = against(runs, others) | {"dataset": name, "ours_is": case, "library": library}
            faster, as_good = np.median(row["speed"]), np.median(row["speed_to_their_best"])
            table.append(row | {"their_shape": shapes[best]})
            print(
                f"{name:<16} {case}: test NDCG@10 {row['ours']:.4f}, {library} {row['theirs']:.4f}, difference "
                f"{row['difference']:+.4f} [{row['interval'][0]:+.4f}, {row['interval'][1]:+.4f}] | to the best epoch "
                f"{row['ours_seconds']:.1f} s against {row['theirs_seconds']:.1f} s: {faster:.1f}x, to "
                f"their best validation value {as_good:.1f}x | {args.seeds} seeds",
                flush=True,
            )
    if args.record:
        rows = [cell for row in table for cell in compared_rows(row)]
        record(f"sasrec_{library.lower()}", rows, f"0 to {args.seeds - 1}", args.quick)
    print("RESULT " + json.dumps({"benchmark": "sasrec", "table": table}))


def compared_rows(row: dict) -> list[Row]:
    """Rows to record of one comparison."""
    label, library = f"{row['dataset']}, {row['ours_is']}", row["library"]
    speed, as_good = row["speed"], row["speed_to_their_best"]
    seconds, low, high = row["ours_seconds"], *row["interval"]
    best = f"{label}: time to the best validation value of {library}"
    return [
        Row(f"{label}: test NDCG@10", row["ours"]),
        Row(f"{label}: test NDCG@10 of {library}", row["theirs"]),
        Row(f"{label}: difference", f"{row['difference']:+.4f}", low=f"{low:+.4f}", high=f"{high:+.4f}"),
        Row(f"{label}: time to the best epoch", seconds, "s", library, float(np.median(speed)), speed[0], speed[-1]),
        Row(f"{label}: time of {library}", row["theirs_seconds"], "s"),
        Row(best, "", "", library, float(np.median(as_good)), as_good[0], as_good[-1]),
    ]


def their_shapes(split, how, library: str) -> list[dict]:
    """The settings tried for the other library: its usual sizes and learning rates, and our rate and dropout."""
    # RecTools trains on the latest items of each user only, so long histories want long sessions; RecBole on all.
    typical = int(np.quantile([len(s) for s in split.train], 0.9)) if library == "RecTools" else 0
    short, long = how.model.length, min(100, max(how.model.length, typical))
    usual = {"n_factors": 128, "lr": 1e-3, "dropout_rate": 0.3, "session_max_len": long}
    small = {"n_factors": 64, "lr": 2e-3, "dropout_rate": 0.3, "session_max_len": long}
    as_ours = {"lr": how.learning_rate, "dropout_rate": how.model.dropout, "n_blocks": how.model.blocks}
    shorter = [usual | {"session_max_len": short}] if short < long else []
    return [usual, small | as_ours, small, *shorter, usual | {"n_blocks": 1}]


def own_shapes(how) -> dict[str, object]:
    """The kit's settings for the data; if they have two blocks (which explainers read better), one block too."""
    blocks = how.model.blocks
    cases = {f"{blocks} block{'s' * (blocks > 1)} (the kit's)": how}
    if blocks > 1:
        cases["1 block"] = dataclasses.replace(how, model=dataclasses.replace(how.model, blocks=1))
    return cases


def against(own: list[dict], others: list[dict]) -> dict:
    """A row of the table from paired runs of ours and theirs, one pair per seed."""
    gap, low, high = paired(*(np.array([r["test"] for r in runs]) for runs in (own, others)))
    speed = sorted(o["seconds"] / r["seconds"] for o, r in zip(others, own, strict=True))
    # The time until ours is as good on validation as the best epoch of theirs.
    reached = [
        next((s for v, s in r["curve"] if v >= o["validation"]), float("inf")) for o, r in zip(others, own, strict=True)
    ]
    as_good = sorted(o["seconds"] / s for o, s in zip(others, reached, strict=True))
    row = {"difference": gap, "interval": [low, high]}
    for name, runs in (("ours", own), ("theirs", others)):
        row[name] = float(np.mean([r["test"] for r in runs]))
        row[f"{name}_validation"] = float(np.mean([r["validation"] for r in runs]))
        row[f"{name}_seconds"] = float(np.median([r["seconds"] for r in runs]))
        row[f"{name}_epochs"] = [r["epoch"] for r in runs]
    row |= {"speed": [round(s, 2) for s in speed], "speed_to_their_best": [round(s, 2) for s in as_good]}
    return row | {"top1_share": float(np.mean([r["top1_share"] for r in own]))}


def sampled(state, wanted, table, negatives: int, draws: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores of the chosen item (M,) and of uniformly drawn items (M, negatives), excluding the chosen one."""
    other = torch.randint(1, len(table), (len(wanted), negatives), generator=draws)
    rest = torch.einsum("md,mnd->mn", state, table[other]).masked_fill(other == wanted[:, None], -1e9)
    return (state * table[wanted]).sum(1), rest


def summed_loss(
    loss: str, state, wanted, table, draws: torch.Generator, offset: float = 0.0, negatives: int = NEGATIVES
) -> torch.Tensor:
    """Summed loss over M positions; (g)BCE adds an offset to every score, which does not change their order."""
    if loss == "full":
        return functional.cross_entropy(state @ table[1:].T, wanted - 1, reduction="sum")
    own, rest = sampled(state, wanted, table, negatives, draws)
    if loss == "sampled":
        return functional.cross_entropy(torch.cat([own[:, None], rest], 1), torch.zeros_like(wanted), reduction="sum")
    rate = negatives / (len(table) - 2)
    power = rate * (0.75 * (1 - 1 / rate) + 1 / rate) if loss == "gbce" else 1.0  # Petrov & Macdonald 2023, t = .75
    return -(power * functional.logsigmoid(own + offset) + functional.logsigmoid(-rest - offset).sum(1)).sum()


def variant(
    split,
    items: int,
    how,
    loss: str = "full",
    offset: float = 0.0,
    course: str = "constant",
):
    """Train the kit's SASRec like `fit_sasrec`, except for the last three arguments."""
    torch.manual_seed(how.seed)
    model = SASRec(items, how.model)
    inputs, targets = sliding_windows(split.train, how.model.length, how.stride)
    lengths = (inputs > 0).sum(1)
    usual = float((targets > 0).sum(1).float().mean()) * how.batch_size
    order, draws = (torch.Generator().manual_seed(how.seed + n) for n in range(2))
    optimizer = torch.optim.AdamW(model.parameters(), how.learning_rate, weight_decay=how.weight_decay, fused=True)
    steps = how.epochs * len(length_grouped_batches(lengths, how.batch_size, torch.Generator()))
    courses = {
        "constant": lambda n: 1.0,
        "warm-up": lambda n: min(1.0, (n + 1) / 100),
        "cosine": lambda n: min(1.0, (n + 1) / 100) * 0.5 * (1 + np.cos(np.pi * n / steps)),
    }
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, courses[course])
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(how.average)) if how.average else None

    def epoch() -> float:
        total, count = 0.0, 0
        for rows in length_grouped_batches(lengths, how.batch_size, order):
            width = int(lengths[rows].max())
            histories, labels = inputs[rows, -width:], targets[rows, -width:]
            learnt, table = labels > 0, model.item_vectors()
            value = summed_loss(loss, model.states(histories)[learnt], labels[learnt], table, draws, offset)
            optimizer.zero_grad(set_to_none=True)
            (value / usual).backward()
            optimizer.step()
            rate.step()
            if averaged is not None:
                averaged.update_parameters(model)
            total, count = total + value.item(), count + int(learnt.sum())
        return total / max(count, 1)

    if averaged is None:
        return report(model, train_with_early_stopping(model, epoch, split, how, show_progress=False), split)
    kept = averaged.module
    curve = train_with_early_stopping(kept, lambda: (model.train(), epoch())[1], split, how, show_progress=False)
    return report(kept, curve, split)


def cases_of(how) -> dict[str, tuple]:
    """Settings and arguments of each variant."""

    def shaped(**shape):
        rest = {k: shape.pop(k) for k in ("learning_rate", "weight_decay", "average", "stride") if k in shape}
        return dataclasses.replace(how, model=dataclasses.replace(how.model, **shape), **rest)

    width, dropout, blocks = how.model.width, how.model.dropout, how.model.blocks
    return {
        "as it is": (how, {}),
        "warm-up of 100 steps": (how, {"course": "warm-up"}),
        "warm-up, then cosine": (how, {"course": "cosine"}),
        "sampled softmax, 256": (how, {"loss": "sampled"}),
        "BCE, 256": (how, {"loss": "bce"}),
        "BCE, 256, offset": (how, {"loss": "bce", "offset": OFFSET}),
        "gBCE, 256": (how, {"loss": "gbce"}),
        "gBCE, 256, offset": (how, {"loss": "gbce", "offset": OFFSET}),
        "pre-norm" if how.model.norm == "post" else "post-norm": (
            shaped(norm="pre" if how.model.norm == "post" else "post"),
            {},
        ),
        "weights not averaged" if how.average else "averaged weights (.98)": (
            shaped(average=0.0 if how.average else 0.98),
            {},
        ),
        "windows that do not overlap" if how.stride else "windows that overlap by half": (
            shaped(stride=0 if how.stride else (how.model.length + 1) // 2),
            {},
        ),
        "twice as wide": (shaped(width=2 * width), {}),
        "less dropout": (shaped(dropout=max(0.1, dropout - 0.2)), {}),
        "more dropout": (shaped(dropout=min(0.7, dropout + 0.2)), {}),
        "a block less" if blocks > 1 else "a block more": (shaped(blocks=blocks - 1 or 2), {}),
        "histories of 50": (shaped(length=50), {}),
        "half the learning rate": (shaped(learning_rate=how.learning_rate / 2), {}),
        "weight decay 0.1": (shaped(weight_decay=0.1), {}),
    }


def variants(args, names: list[str]) -> None:
    table = []
    for name in names:
        chosen = resolve_settings(dataset=name, data_dir=args.data_dir)
        data = load_dataset(chosen.data)
        split, how, items = leave_one_out(data.sequences), chosen.target, len(data.catalogue)
        if args.quick:
            how = dataclasses.replace(how, epochs=4, patience=2)
        cases = cases_of(how)
        for case, (changed, more) in list(cases.items())[: 2 if args.quick else None]:
            started = time.perf_counter()
            result = variant(split, items, changed, **more)
            row = {"dataset": name, "variant": case, "validation": result["validation"]}
            row |= {key: result[key] for key in ("epoch", "seconds", "top1_share")}
            row |= {"test": float(np.mean(result["test"])), "whole_seconds": time.perf_counter() - started}
            table.append(row)
            print(
                f"{name:<16} {case:<24} validation {row['validation']:.4f}, test {row['test']:.4f}, top-1 share "
                f"{row['top1_share']:.3f}, best epoch {row['epoch']} after {row['seconds']:.1f} s of training",
                flush=True,
            )
    if args.record:
        record("sasrec_variants", [cell for row in table for cell in variant_rows(row)], 0, args.quick)
    print("RESULT " + json.dumps({"benchmark": "sasrec variants", "table": table}))


def variant_rows(row: dict) -> list[Row]:
    """Rows to record of one variant on one data set."""
    label = f"{row['variant']}: {row['dataset']}"
    return [
        Row(f"{label}, validation NDCG@10", row["validation"]),
        Row(f"{label}, test NDCG@10", row["test"]),
        Row(f"{label}, best epoch", row["epoch"]),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", default="")
    parser.add_argument("--rectools", default="", help="python of an environment with rectools[torch]")
    parser.add_argument("--recbole", default="", help="python of an environment with recbole")
    parser.add_argument("--datasets", nargs="+", default=["ml-100k", "ml-latest-small", "games"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--patience", type=int, default=10, help="epochs without improvement before theirs stops")
    parser.add_argument(
        "--shapes", type=int, nargs="+", default=range(5), help="which settings of theirs are tried (0 to 4)"
    )
    parser.add_argument(
        "--keep", default="", help="folder in which results of their trainings are stored and looked up"
    )
    parser.add_argument("--variants", action="store_true", help="compare variants of ours instead, with one seed")
    parser.add_argument("--quick", action="store_true", help="the demo only, a few epochs")
    add_option(parser)
    args = parser.parse_args()
    args.shapes = [0] if args.quick else args.shapes
    names = ["demo"] if args.quick else args.datasets
    if not (args.variants or args.rectools or args.recbole):
        parser.error("one of --rectools, --recbole and --variants is required")
    (variants if args.variants else compare)(args, names)


if __name__ == "__main__":
    main()
