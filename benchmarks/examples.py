"""Building 100,000 hybrid training rows of a data set, compared with building them one at a time.

    python benchmarks/examples.py [--dataset games --data-dir DIR] [--quick] [--record]

The alternative labels one history at a time (each with a full sort) and tokenises the whole text of each row, as
row-by-row code does. Its time is extrapolated from a sample of rows of tasks 1 to 3 that show titles.
Both take turns for several rounds; the last line is `RESULT {json}`.
"""

import argparse
import json
import time

import numpy as np
import torch
from recorded import Row, add_option, record

from recx.alignment.corpus import build_corpus, encode_mode
from recx.data.registry import load_dataset
from recx.data.split import leave_one_out, prefixes
from recx.models.backbones import load_backbone
from recx.profiles.resolve import resolve_settings
from recx.prompts.pieces import as_text
from recx.prompts.tokens import PromptEncoder
from recx.prompts.training_tasks import build_examples
from recx.recommenders.labels import label_histories
from recx.recommenders.sasrec import SASRec


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="demo")
    parser.add_argument("--data-dir", default="")
    parser.add_argument("--quick", action="store_true", help="10,000 rows instead of 100,000")
    add_option(parser)
    options = parser.parse_args()
    total = 10_000 if options.quick else 100_000
    repeats = 2 if options.quick else 3
    chosen = resolve_settings(
        dataset=options.dataset, data_dir=options.data_dir, overrides={"align.rows_hybrid": total}
    )
    data = load_dataset(chosen.data)
    split = leave_one_out(data.sequences)
    torch.manual_seed(0)
    target = SASRec(len(data.catalogue), chosen.target.model).eval()
    tokenizer = load_backbone("recx-tiny")[1]
    ours, plain = [], []
    for _ in range(repeats):
        encoder = PromptEncoder(tokenizer, data.catalogue.labels, 4096)
        started = time.perf_counter()
        corpus = build_corpus(data.catalogue, split, target, target.length, chosen.align, show_progress=False)
        rows, dropped = encode_mode(corpus, encoder, "hybrid", chosen.align)
        ours.append(time.perf_counter() - started)
        # A sample of the rows, one by one; the time is extrapolated.
        sample = prefixes(split.train)[:: 50 if not options.quick else 200]
        started = time.perf_counter()
        rng = np.random.default_rng(0)
        for history in sample:
            label_histories(target, [history], target.length, rng)
        labelled = (time.perf_counter() - started) * len(corpus.data.histories) / len(sample)
        some = list(
            build_examples(corpus.data, "behavior", {"retrieval": 700, "ranking": 300, "preference": 1000}, rng)
        )
        started = time.perf_counter()
        for example in some:
            tokenizer.encode(as_text([*example.prompt, *example.response], data.catalogue))
        plain.append(labelled + (time.perf_counter() - started) * (len(rows) + dropped) / len(some))
    print(f"{total:,} rows of {options.dataset}: ours {np.median(ours):.1f} s, row by row {np.median(plain):.1f} s")
    ratios = np.array(plain) / np.array(ours)
    result = {
        "benchmark": "examples",
        "dataset": options.dataset,
        "rows": total,
        "seconds": round(float(np.median(ours)), 2),
        "ratio": round(float(np.median(ratios)), 2),
        "spread": [round(float(r), 2) for r in (ratios.min(), ratios.max())],
    }
    if options.record:
        low, high = float(ratios.min()), float(ratios.max())
        label = f"{options.dataset}, {total:,} rows"
        rows = [
            Row(f"{label}: time", float(np.median(ours)), "s", "row by row", float(np.median(ratios)), low, high),
            Row(f"{label}: time row by row", float(np.median(plain)), "s"),
        ]
        record("examples", rows, quick=options.quick)
    print("RESULT " + json.dumps(result))


if __name__ == "__main__":
    main()
