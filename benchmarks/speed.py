"""What each trick of `recx/speed` brings: training with it and without it, on the demo.

    python benchmarks/speed.py [--quick]

Training epochs of SASRec. Each way runs in a process of its own, in turn, several times; the first epoch warms up and
is not counted. The ratio is the time without over the time with the trick, the other in place; the last line is
`RESULT {json}`. One thread, and the processor's time rather than the clock's, so that other jobs on the machine count
little.
"""

import argparse
import dataclasses
import json
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import torch

from recx.data.registry import load_dataset
from recx.data.split import leave_one_out
from recx.profiles.resolve import resolve_settings
from recx.recommenders import sasrec, training
from recx.speed import float32

TRICKS = ("float32", "dropout")


def leave_out(trick: str) -> None:
    """Put what PyTorch does by itself in the place of a trick."""
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


def measured(left_out: str, epochs: int) -> float:
    line = [sys.executable, __file__, "--left-out", left_out, "--epochs", str(epochs)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return float(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less work, one repeat")
    parser.add_argument("--left-out", help=argparse.SUPPRESS)
    parser.add_argument("--epochs", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.epochs:
        torch.set_num_threads(1)
        leave_out(options.left_out)
        print(sasrec_epoch(options.epochs))
        return
    epochs, repeats = (2, 1) if options.quick else (6, 3)
    table = []
    for trick in TRICKS:
        pairs = [(measured("", epochs), measured(trick, epochs)) for _ in range(repeats)]
        ratios = sorted(without / with_trick for with_trick, without in pairs)
        seconds, others = np.median(pairs, axis=0)
        table.append(
            {
                "trick": trick,
                "seconds": round(float(seconds), 4),
                "seconds_without": round(float(others), 4),
                "ratio": round(float(np.median(ratios)), 3),
                "spread": [round(ratios[0], 3), round(ratios[-1], 3)],
            }
        )
        print(
            f"{trick:<10} {1000 * seconds:7.0f} ms an epoch, without it {1000 * others:7.0f} ms: "
            f"{table[-1]['ratio']:.2f}x ({ratios[0]:.2f} to {ratios[-1]:.2f})",
            flush=True,
        )
    print("RESULT " + json.dumps({"benchmark": "speed", "table": table}))


if __name__ == "__main__":
    main()
