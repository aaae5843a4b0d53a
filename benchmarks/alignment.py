"""Training rows a second in alignment, against two usual recipes with the same model, rows, optimiser and precision.

(a) the reference recipe: rows padded to the longest allowed, a mask, logits at every position;
(b) a plain `Trainer`: rows padded to the longest of their batch, a mask, logits at every position.

Then how far our step is from the machine's limit: floating-point operations of a step (counted by PyTorch) over its
time, as a share of the matrix rate measured in the same run (large square products, in the same precision).

    python benchmarks/alignment.py [--data-dir DIR --dataset games] [--quick]
"""

import argparse
import json
import tempfile
import time

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import Dataset
from torch.utils.flop_counter import FlopCounterMode
from transformers import Trainer, TrainingArguments

from recx.alignment.backbones import use_bfloat16
from recx.alignment.corpus import build_corpus, encode_mode
from recx.alignment.encoding import IGNORED, EncodedRows, Encoder, collate
from recx.alignment.fitting import PlainTrainer, _optimizer, _Rows, grouped_order
from recx.alignment.prompts import MODES
from recx.alignment.storage import build_aligned
from recx.data.registry import load_dataset
from recx.data.split import leave_one_out
from recx.memory import keep_freed_memory
from recx.profiles import settings
from recx.recommenders.sasrec import SASRec


class Plain(torch.nn.Module):
    """The same backbone and entity tokens, asked as usual: with a mask, and for logits everywhere."""

    def __init__(self, aligned: torch.nn.Module) -> None:
        super().__init__()
        self.aligned = aligned

    def forward(self, input_ids, attention_mask, labels):
        logits = self.aligned.backbone(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).logits
        targets = functional.pad(labels[:, 1:], (0, 1), value=IGNORED)
        loss = functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
        return {"loss": loss}


class Shuffled(Dataset):
    def __init__(self, rows: EncodedRows, order: np.ndarray) -> None:
        self.rows, self.order = rows, order

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, n: int):
        return self.rows[int(self.order[n])]


def padded(rows, longest: int | None = None):
    batch = collate(rows)
    width = max(batch["input_ids"].shape[1], longest or 0)
    more = width - batch["input_ids"].shape[1]
    lengths = torch.tensor([len(r["input_ids"]) for r in rows])
    return {
        "input_ids": functional.pad(batch["input_ids"], (0, more)),
        "attention_mask": (torch.arange(width) < lengths[:, None]).long(),
        "labels": functional.pad(batch["labels"], (0, more), value=IGNORED),
    }


def timed(trainer_class, model, how, data, collator, steps: int) -> float:
    """Rows a second over `steps` steps of a Trainer."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            max_steps=steps,
            per_device_train_batch_size=how.batch_size,
            bf16=use_bfloat16(how.precision),
            use_cpu=not torch.cuda.is_available(),
            train_sampling_strategy="sequential",
            remove_unused_columns=False,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        aligned = model.aligned if isinstance(model, Plain) else model
        trainer = trainer_class(
            optimizers=(_optimizer(aligned, how), None),
            model=model,
            args=arguments,
            train_dataset=data,
            data_collator=collator,
        )
        started = time.perf_counter()
        trainer.train()
        return steps * how.batch_size / (time.perf_counter() - started)


def matrix_rate(size: int = 2048, seconds: float = 1.5) -> float:
    """Floating-point operations a second of large square products, in the precision that training uses."""
    kind = torch.bfloat16 if use_bfloat16("auto") else torch.float32
    a, b = torch.randn(2, size, size).to(kind)
    a @ b
    best, until = 0.0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        started = time.perf_counter()
        a @ b
        best = max(best, 2 * size**3 / (time.perf_counter() - started))
    return best


def operations(model, rows, order, how) -> float:
    """Floating-point operations of one row in training, mean over some batches."""
    total, count = 0, 0
    for start in range(0, 8 * how.batch_size, how.batch_size):
        batch = collate([rows[int(r)] for r in order[start : start + how.batch_size]])
        with FlopCounterMode(display=False) as counter:
            model(**batch)["loss"].backward()
        model.zero_grad(set_to_none=True)
        total += counter.get_total_flops()
        count += how.batch_size
    return total / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="demo")
    parser.add_argument("--data-dir", default="")
    parser.add_argument("--quick", action="store_true", help="fewer steps, one repeat, hybrid only")
    told = parser.parse_args()
    keep_freed_memory()
    chosen = settings(dataset=told.dataset, data_dir=told.data_dir, overrides={"align.variants": 0})
    how, longest = chosen.align.fit, chosen.align.max_tokens
    data = load_dataset(chosen.data)
    split = leave_one_out(data.sequences)
    torch.manual_seed(0)
    target = SASRec(len(data.catalogue), chosen.target.model).eval()
    corpus = build_corpus(data.catalogue, split, target, target.length, chosen.align, show_progress=False)
    rate, table = matrix_rate(), []
    print(f"matrix rate {rate / 1e9:.0f} GFLOP/s, {torch.get_num_threads()} threads")
    for mode in MODES[-1:] if told.quick else MODES:
        vectors = corpus.vectors() if mode != "behavior" else {}
        model, tokenizer = build_aligned(chosen.align.backbone, vectors.get("items"), vectors.get("users"))
        model.train()
        encoder = Encoder(tokenizer, data.catalogue.labels, 4096)
        rows, _ = encode_mode(corpus, encoder, mode, chosen.align)
        plain = Plain(model)
        steps = (20, 3, 6) if told.quick else (100, 8, 20)
        runs = []
        for repeat in range(1 if told.quick else 3):
            own = grouped_order(rows.lengths, how.batch_size, steps[0], repeat)
            mixed = np.random.default_rng(repeat).permutation(len(rows))
            ours = timed(PlainTrainer, model, how, _Rows(rows, own), collate, steps[0])
            reference = timed(
                Trainer,
                plain,
                how,
                Shuffled(rows, mixed[: steps[1] * how.batch_size]),
                lambda r: padded(r, longest),
                steps[1],
            )
            dynamic = timed(Trainer, plain, how, Shuffled(rows, mixed[: steps[2] * how.batch_size]), padded, steps[2])
            runs.append((ours, reference, dynamic))
        runs = np.array(runs)
        flops = operations(model, rows, grouped_order(rows.lengths, how.batch_size, 8, 9), how)
        ratios = runs[:, :1] / runs[:, 1:]
        middle = np.median(runs, axis=0)
        share = middle[0] * flops / rate
        table.append(
            {
                "mode": mode,
                "rows_per_second": round(float(middle[0]), 1),
                "tokens_per_row": round(float(rows.lengths.mean()), 1),
                "over_reference": [round(float(r), 2) for r in np.sort(ratios[:, 0])],
                "over_trainer": [round(float(r), 2) for r in np.sort(ratios[:, 1])],
                "share_of_matrix_rate": round(float(share), 3),
            }
        )
        print(
            f"{mode:<10} {middle[0]:6.0f} rows/s | reference {middle[1]:5.1f}, {np.median(ratios[:, 0]):.1f}x"
            f" | Trainer {middle[2]:5.1f}, {np.median(ratios[:, 1]):.1f}x | {flops / 1e9:.2f} GFLOP a row,"
            f" {100 * share:.0f} % of the matrix rate",
            flush=True,
        )
    print("RESULT " + json.dumps({"benchmark": "alignment", "dataset": told.dataset, "table": table}))


if __name__ == "__main__":
    main()
