"""What each trick of `recx/speed` brings: training with it and without it, on the demo.

    python benchmarks/speed.py [--quick]

Training steps of alignment for the allocator, training epochs of SASRec for all three. Each way runs in a process of
its own, in turn, several times; the first steps or the first epoch warm up and are not counted. The ratio is the time
without over the time with the trick, all others in place; the last line is `RESULT {json}`. One thread, and the
processor's time rather than the clock's, so that other jobs on the machine count little.
"""

import argparse
import dataclasses
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from recx.alignment import trainer
from recx.alignment.corpus import build_corpus, encode_mode
from recx.data.registry import load_dataset
from recx.data.split import leave_one_out
from recx.models.saved_models import build_aligned
from recx.profiles.resolve import resolve_settings
from recx.prompts.tokens import PromptEncoder
from recx.recommenders import sasrec, training
from recx.speed import float32

CASES = (("allocator", "alignment"), ("allocator", "sasrec"), ("float32", "sasrec"), ("dropout", "sasrec"))


def leave_out(trick: str) -> None:
    """Put what PyTorch and the C library do by themselves in the place of a trick."""
    if trick == "allocator":
        trainer.keep_freed_memory = training.keep_freed_memory = lambda: False
    if trick == "float32":
        float32._worthwhile = lambda: False
    if trick == "dropout":
        sasrec.ByteDropout = torch.nn.Dropout


def sasrec_epoch(epochs: int) -> float:
    """Seconds of training an epoch of the demo's target."""
    chosen = resolve_settings()
    data = load_dataset(chosen.data)
    how = dataclasses.replace(chosen.target, epochs=epochs + 1, patience=epochs + 1)
    training.time = SimpleNamespace(monotonic=time.process_time)
    _, curve = training.fit_sasrec(leave_one_out(data.sequences), len(data.catalogue), how, show_progress=False)
    return (curve[-1]["training_seconds"] - curve[0]["training_seconds"]) / epochs


def alignment_step(steps: int) -> float:
    """Seconds of a training step in hybrid alignment on the demo, with a target that knows nothing."""
    chosen = resolve_settings(overrides={"align.rows_hybrid": 2000, "align.variants": 0})
    data, how = load_dataset(chosen.data), chosen.align
    torch.manual_seed(0)
    target = sasrec.SASRec(len(data.catalogue), chosen.target.model).eval()
    corpus = build_corpus(
        data.catalogue, leave_one_out(data.sequences), target, target.length, how, show_progress=False
    )
    model, tokenizer = build_aligned(how.backbone, corpus.vectors()["items"], corpus.vectors()["users"])
    rows, _ = encode_mode(corpus, PromptEncoder(tokenizer, data.catalogue.labels, 4096), "hybrid", how)
    seconds = []
    for count in (max(1, steps // 4), steps):
        fit = dataclasses.replace(how.fit, epochs=(count + 0.5) * how.fit.batch_size / len(rows))
        with tempfile.TemporaryDirectory() as folder:
            started = time.process_time()
            trainer.fit(model, rows, fit, Path(folder), seed=0, show_progress=False)
            seconds.append((time.process_time() - started) / count)
    return seconds[-1]


def measured(work: str, left_out: str, amount: int) -> float:
    line = [sys.executable, __file__, "--work", work, "--left-out", left_out, "--amount", str(amount)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return float(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less work, one repeat")
    for name, kind in (("work", str), ("left-out", str), ("amount", int)):
        parser.add_argument(f"--{name}", type=kind, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        torch.set_num_threads(1)
        leave_out(options.left_out)
        print({"alignment": alignment_step, "sasrec": sasrec_epoch}[options.work](options.amount))
        return
    amounts = {"alignment": 12, "sasrec": 2} if options.quick else {"alignment": 60, "sasrec": 6}
    table = []
    for trick, work in CASES:
        pairs = [
            (measured(work, "", amounts[work]), measured(work, trick, amounts[work]))
            for _ in range(1 if options.quick else 3)
        ]
        ratios = sorted(without / with_trick for with_trick, without in pairs)
        seconds, others = np.median(pairs, axis=0)
        table.append(
            {
                "trick": trick,
                "work": work,
                "seconds": round(float(seconds), 4),
                "seconds_without": round(float(others), 4),
                "ratio": round(float(np.median(ratios)), 3),
                "spread": [round(ratios[0], 3), round(ratios[-1], 3)],
            }
        )
        unit = {"alignment": "step", "sasrec": "epoch"}[work]
        print(
            f"{trick:<10} {work:<10} {1000 * seconds:7.0f} ms a {unit}, without it {1000 * others:7.0f} ms: "
            f"{table[-1]['ratio']:.2f}x ({ratios[0]:.2f} to {ratios[-1]:.2f})",
            flush=True,
        )
    print("RESULT " + json.dumps({"benchmark": "speed", "table": table}))


if __name__ == "__main__":
    main()
