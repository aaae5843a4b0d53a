"""Training rows per second in alignment, compared with two common recipes.

(a) the reference recipe: rows padded to its 1,024 tokens, a mask, and logits at every position; and the same with rows
    padded to the longest that our settings allow, which were chosen for this backbone;
(b) a plain `Trainer`: rows padded to the longest of their batch, a mask, and logits at every position.

Model, rows, optimiser and precision are the same, and the backbone is loaded with the defaults of transformers. The
methods take turns, each in a process of its own. The script also measures how close our step is to the machine's
limit: its floating-point operations (counted by PyTorch) per second, as a share of the rate of large square matrix
products, measured in the same run and with the same precision.

    python benchmarks/alignment.py [--data-dir DIR --dataset games] [--quick] [--record]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from plain_trainer import BARE, Plain, padded
from recorded import Row, add_option, record
from safetensors.torch import save_file
from torch.utils.data import Subset
from torch.utils.flop_counter import FlopCounterMode
from transformers import Trainer, TrainerCallback, TrainingArguments

from recx.alignment.corpus import build_corpus, encode_mode
from recx.alignment.length_grouping import length_grouped_order
from recx.alignment.optimizers import build_optimizer
from recx.alignment.rows_file import load_rows, save_rows
from recx.alignment.trainer import AlignmentTrainer
from recx.data.registry import load_dataset
from recx.data.split import leave_one_out
from recx.models.backbones import compute_dtype
from recx.models.saved_models import build_aligned
from recx.profiles.resolve import resolve_settings
from recx.prompts.modes import MODE_SPECS
from recx.prompts.tokens import PromptEncoder, collate
from recx.recommenders.sasrec import SASRec
from recx.settings import MODES
from recx.storage.tensors import read_tensors

REFERENCE = 1024


class _Clock(TrainerCallback):
    """Measures from the end of the first quarter of the steps, which is the warm-up, to the end of the last step."""

    def __init__(self, steps: int) -> None:
        self.warm, self.started, self.ended = max(1, steps // 4), 0.0, 0.0

    def on_step_end(self, args, state, control, **kwargs):
        self.ended = time.perf_counter()
        if state.global_step == self.warm:
            self.started = self.ended


def timed(trainer_class, model, how, data, collator, steps: int) -> float:
    """Rows per second over `steps` steps of a Trainer."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            max_steps=steps,
            per_device_train_batch_size=how.batch_size,
            bf16=compute_dtype(how.precision) == torch.bfloat16,
            use_cpu=not torch.cuda.is_available(),
            **BARE,
        )
        aligned = model.aligned if isinstance(model, Plain) else model
        trainer = trainer_class(
            optimizers=(build_optimizer(aligned, how), None),
            model=model,
            args=arguments,
            train_dataset=data,
            data_collator=collator,
        )
        clock = _Clock(steps)
        trainer.add_callback(clock)
        trainer.train()
        return (steps - clock.warm) * how.batch_size / (clock.ended - clock.started)


def matrix_rate(size: int = 2048, seconds: float = 1.5) -> float:
    """Floating-point operations per second of large square matrix products, in the training precision."""
    a, b = torch.randn(2, size, size).to(compute_dtype("auto"))
    a @ b
    best, until = 0.0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        started = time.perf_counter()
        a @ b
        best = max(best, 2 * size**3 / (time.perf_counter() - started))
    return best


def operations(model, rows, order, how) -> float:
    """Floating-point operations per training row, averaged over some batches."""
    total, count = 0, 0
    for start in range(0, 8 * how.batch_size, how.batch_size):
        batch = collate([rows[int(r)] for r in order[start : start + how.batch_size]], multiple=1)
        with FlopCounterMode(display=False) as counter:
            model(**batch)["loss"].backward()
        model.zero_grad(set_to_none=True)
        total += counter.get_total_flops()
        count += how.batch_size
    return total / count


def prepare(told, chosen, folder: Path) -> None:
    """Training rows of each mode and the target's vectors, as saved by notebook 03."""
    data = load_dataset(chosen.data)
    split = leave_one_out(data.sequences)
    torch.manual_seed(0)
    target = SASRec(len(data.catalogue), chosen.target.model).eval()
    corpus = build_corpus(data.catalogue, split, target, target.length, chosen.align, show_progress=False)
    save_file(corpus.vectors(), folder / "vectors.safetensors")
    _, tokenizer = build_aligned(chosen.align.backbone, None, None)
    for mode in MODES:
        encoder = PromptEncoder(tokenizer, data.catalogue.labels, 4096)
        save_rows(encode_mode(corpus, encoder, mode, chosen.align)[0], folder / f"rows-{mode}.safetensors")


def one(told, chosen, folder: Path) -> dict[str, float]:
    """Rows per second of one method on one mode; for ours also the operations per row and the machine's matrix rate."""
    how, longest = chosen.align.fit, chosen.align.max_tokens
    rows = load_rows(folder / f"rows-{told.mode}.safetensors")
    vectors = read_tensors(folder / "vectors.safetensors") if MODE_SPECS[told.mode].reads_vectors else {}
    related = MODE_SPECS[told.mode].reads_relations
    model, _ = build_aligned(chosen.align.backbone, vectors.get("items"), vectors.get("users"), relations=related)
    model.train()
    if told.way == "ours":
        order = length_grouped_order(rows.lengths, how.batch_size, told.steps, told.seed)
        rate = timed(AlignmentTrainer, model, how, Subset(rows, order.tolist()), collate, told.steps)
        told_more = {"flops": operations(model, rows, order, how), "tokens": float(rows.lengths.mean())}
        return {"rate": rate, "limit": matrix_rate()} | told_more
    model.backbone.set_attn_implementation("sdpa")
    mixed = np.random.default_rng(told.seed).permutation(len(rows))[: told.steps * how.batch_size]
    width = {"reference": REFERENCE, "padded": longest, "trainer": 0}[told.way]
    return {
        "rate": timed(Trainer, Plain(model), how, Subset(rows, mixed.tolist()), lambda r: padded(r, width), told.steps)
    }


def measured(told, folder: str, way: str, mode: str, steps: int, seed: int) -> dict[str, float]:
    line = [sys.executable, __file__, "--way", way, "--mode", mode, "--steps", str(steps), "--seed", str(seed)]
    line += ["--folder", folder, "--dataset", told.dataset, "--data-dir", told.data_dir]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="demo")
    parser.add_argument("--data-dir", default="")
    parser.add_argument("--quick", action="store_true", help="fewer steps, one round, the last mode only")
    add_option(parser)
    for name, kind in (("way", str), ("mode", str), ("folder", str), ("steps", int), ("seed", int)):
        parser.add_argument(f"--{name}", type=kind, help=argparse.SUPPRESS)
    told = parser.parse_args()
    chosen = resolve_settings(dataset=told.dataset, data_dir=told.data_dir, overrides={"align.variants": 0})
    if told.way:
        print(json.dumps(one(told, chosen, Path(told.folder))))
        return
    table, rows = [], []
    with tempfile.TemporaryDirectory() as folder:
        prepare(told, chosen, Path(folder))
        print(f"{torch.get_num_threads()} threads", flush=True)
        steps = {"ours": 60, "reference": 3, "padded": 3, "trainer": 8}
        if not told.quick:
            steps = {"ours": 160, "reference": 4, "padded": 8, "trainer": 24}
        for mode in MODES[-1:] if told.quick else MODES:
            runs = [
                {way: measured(told, folder, way, mode, n, repeat) for way, n in steps.items()}
                for repeat in range(1 if told.quick else 3)
            ]
            over = {
                w: sorted(r["ours"]["rate"] / r[w]["rate"] for r in runs) for w in ("reference", "padded", "trainer")
            }
            middle = {w: float(np.median([r[w]["rate"] for r in runs])) for w in steps}
            flops = runs[0]["ours"]["flops"]
            shares = sorted(r["ours"]["rate"] * flops / r["ours"]["limit"] for r in runs)
            share, limit = float(np.median(shares)), max(r["ours"]["limit"] for r in runs)
            table.append(
                {
                    "mode": mode,
                    "rows_per_second": round(middle["ours"], 1),
                    "tokens_per_row": round(runs[0]["ours"]["tokens"], 1),
                    "over_reference": [round(r, 2) for r in over["reference"]],
                    "over_padded": [round(r, 2) for r in over["padded"]],
                    "over_trainer": [round(r, 2) for r in over["trainer"]],
                    "share_of_matrix_rate": [round(s, 3) for s in shares],
                    "matrix_rate": round(limit / 1e9),
                }
            )
            names = {"reference": "the reference recipe", "trainer": "a plain `Trainer`"}
            names |= {"padded": f"rows padded to {chosen.align.max_tokens}"}
            label = f"{told.dataset}, {mode}"
            rows += [
                Row(f"{label}: training rows", middle["ours"], "rows/s", names[w], float(np.median(o)), o[0], o[-1])
                for w, o in over.items()
            ]
            rows += [
                Row(f"{label}: length", runs[0]["ours"]["tokens"], "tokens/row"),
                Row(f"{label}: share of the limit", share, low=shares[0], high=shares[-1]),
            ]
            print(
                f"{mode:<10} {middle['ours']:6.0f} rows/s | reference {middle['reference']:5.1f}, "
                f"{np.median(over['reference']):.1f}x | padded {middle['padded']:5.1f}, "
                f"{np.median(over['padded']):.1f}x | Trainer {middle['trainer']:5.1f}, "
                f"{np.median(over['trainer']):.1f}x | {flops / 1e9:.2f} GFLOP per row, "
                f"{100 * share:.0f} % of the matrix rate ({limit / 1e9:.0f} GFLOP/s)",
                flush=True,
            )
    if told.record:
        record("alignment", rows, "0" if told.quick else "0 to 2", told.quick)
    print("RESULT " + json.dumps({"benchmark": "alignment", "dataset": told.dataset, "table": table}))


if __name__ == "__main__":
    main()
