"""Reading, filtering, splitting and counting interactions: column-wise, compared with row by row in Python.

Files in the official formats are generated (MovieLens 25M: `ratings.csv`, `movies.csv`; Amazon 2018: reviews and items
as gzipped JSON lines), with skewed popularity, repeated pairs and items without a title. Both methods do the same work
and must keep the same interactions. Each run has a process of its own, so that its memory can be measured.

    python benchmarks/data.py [--quick] [--record] [--rows 1000000 3000000 10000000]
"""

import argparse
import csv
import gzip
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
from recorded import Row, add_option, record

MIN_USER, MIN_ITEM = 5, 5


def generate(form: str, rows: int, folder: Path) -> None:
    rng = np.random.default_rng(rows)
    users, items = rows // 12, min(60_000, max(2_000, rows // 60))
    who = rng.integers(0, users, rows)
    what = np.minimum((rng.pareto(1.1, rows) * items / 60).astype(int), items - 1)
    when = rng.integers(10**9, 1_600_000_000, rows)
    titled = rng.random(items) < 0.98
    titles = [f"Title {i}, The" if ok else "" for i, ok in enumerate(titled)]
    if form == "csv":
        frame = pl.DataFrame(
            {"userId": who, "movieId": what, "rating": rng.integers(1, 11, rows) / 2, "timestamp": when}
        )
        frame.write_csv(folder / "ratings.csv")
        movies = {"movieId": range(items), "title": [f"{t} (1999)" if t else "" for t in titles]}
        pl.DataFrame(movies | {"genres": ["Comedy|Drama"] * items}).write_csv(folder / "movies.csv")
        return
    review = "I have had it for a while and it does what it should do. " * 3
    with gzip.open(folder / "Video_Games_5.json.gz", "wt", compresslevel=1) as file:
        for u, i, t in zip(who.tolist(), what.tolist(), when.tolist(), strict=True):
            file.write(
                f'{{"overall": 5.0, "verified": true, "reviewTime": "10 17, 2015", "reviewerID": "A{u:013d}", '
                f'"asin": "B{i:09d}", "reviewerName": "Some Body", "reviewText": "{review}", "unixReviewTime": {t}}}\n'
            )
    with gzip.open(folder / "meta_Video_Games.json.gz", "wt") as file:
        for i, title in enumerate(titles):
            file.write(
                json.dumps({"asin": f"B{i:09d}", "title": title, "brand": "Some", "category": ["Video Games"]}) + "\n"
            )


def ours(form: str, folder: Path) -> dict[str, float]:
    from recx.data import amazon, movielens
    from recx.data.dataset import Filtering, build_dataset
    from recx.data.reading_report import ReadingReport
    from recx.data.split import leave_one_out
    from recx.data.statistics import statistics

    started, report = time.perf_counter(), ReadingReport()
    if form == "csv":
        interactions = movielens.ratings_table(folder / "ratings.csv", report)
        items = movielens.movies_table(folder / "movies.csv", report)
    else:
        interactions = amazon.reviews_2018(folder / "Video_Games_5.json.gz", report)
        items = amazon.items_2018(folder / "meta_Video_Games.json.gz", report)
    read = time.perf_counter() - started
    data = build_dataset("x", interactions, items, Filtering(min_user=MIN_USER, min_item=MIN_ITEM), report)
    split = leave_one_out(data.sequences)
    numbers = statistics(data)
    total = time.perf_counter() - started
    return summary(read, total, numbers, len(split.test))


def plain(form: str, folder: Path) -> dict[str, float]:
    """Do the same in a loop over rows, as reference implementations do."""
    started = time.perf_counter()
    rows, titles = [], {}
    if form == "csv":
        with open(folder / "ratings.csv", newline="") as file:
            for row in csv.DictReader(file):
                rows.append((row["userId"], row["movieId"], float(row["timestamp"])))
        with open(folder / "movies.csv", newline="") as file:
            for row in csv.DictReader(file):
                if row["title"]:
                    titles[row["movieId"]] = row["title"]
    else:
        with gzip.open(folder / "Video_Games_5.json.gz", "rt") as file:
            for line in file:
                row = json.loads(line)
                rows.append((row["reviewerID"], row["asin"], float(row["unixReviewTime"])))
        with gzip.open(folder / "meta_Video_Games.json.gz", "rt") as file:
            for line in file:
                row = json.loads(line)
                if row["title"]:
                    titles[row["asin"]] = row["title"]
    read = time.perf_counter() - started
    rows = [row for row in rows if row[1] in titles]
    rows.sort(key=lambda row: row[2])
    seen, unique = set(), []
    for row in rows:
        if (row[0], row[1]) not in seen:
            seen.add((row[0], row[1]))
            unique.append(row)
    while True:
        before = len(unique)
        items = Counter(row[1] for row in unique)
        unique = [row for row in unique if items[row[1]] >= MIN_ITEM]
        users = Counter(row[0] for row in unique)
        unique = [row for row in unique if users[row[0]] >= MIN_USER]
        if len(unique) == before:
            break
    numbers_of: dict[str, int] = {}
    sequences: dict[str, list[int]] = {}
    for user, item, _ in unique:
        sequences.setdefault(user, []).append(numbers_of.setdefault(item, len(numbers_of) + 1))
    split = [(s[:-2], s[-2], s[:-1], s[-1]) for s in sequences.values()]
    counts = Counter(i for s in sequences.values() for i in s)
    lengths = [len(s) for s in sequences.values()]
    numbers = {
        "users": len(sequences),
        "items": len(numbers_of),
        "interactions": sum(lengths),
        "median_length": float(np.median(lengths)),
        "longest": max(lengths),
        "top_item_percent": 100 * max(counts.values()) / sum(lengths),
    }
    return summary(read, time.perf_counter() - started, numbers, len(split))


def summary(read: float, total: float, numbers: dict[str, float], tested: int) -> dict[str, float]:
    kept = {k: numbers[k] for k in ("users", "items", "interactions", "longest")}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {"read": read, "work": total - read, "peak_gb": peak, "tested": tested, **kept}


def measured(way: str, form: str, folder: Path) -> dict[str, float]:
    line = [sys.executable, __file__, "--way", way, "--form", form, "--folder", str(folder)]
    return json.loads(subprocess.run(line, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="200,000 rows, one round")
    add_option(parser)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 3_000_000, 10_000_000])
    parser.add_argument("--forms", nargs="+", default=["csv", "json"], choices=["csv", "json"])
    parser.add_argument("--repeats", type=int, default=3, help="rounds (only one from 10 million rows on)")
    for name in ("way", "form", "folder"):
        parser.add_argument(f"--{name}", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way:
        print(json.dumps({"ours": ours, "plain": plain}[args.way](args.form, Path(args.folder))))
        return
    table, recorded = [], []
    for form in args.forms:
        for rows in [200_000] if args.quick else args.rows:
            with tempfile.TemporaryDirectory() as folder:
                generate(form, rows, Path(folder))
                repeats = 1 if args.quick or rows >= 10_000_000 else args.repeats
                runs = [[measured(way, form, Path(folder)) for way in ("ours", "plain")] for _ in range(repeats)]
            for a, b in runs:
                same = ("users", "items", "interactions", "longest", "tested")
                assert all(a[k] == b[k] for k in same), (a, b)
            work, read = (sorted(b[k] / a[k] for a, b in runs) for k in ("work", "read"))
            a, b = (min((run[n] for run in runs), key=lambda r: r["work"]) for n in (0, 1))
            row = {"form": form, "rows": rows, "work_ratio": work[len(work) // 2], "work_spread": [work[0], work[-1]]}
            row |= {"read_ratio": read[len(read) // 2], "seconds": a["read"] + a["work"], "peak_gb": a["peak_gb"]}
            table.append(row)
            label = f"{form.upper()}, {rows:,} rows"
            recorded += [
                Row(f"{label}: reading", a["read"], "s", "row by row", row["read_ratio"], read[0], read[-1]),
                Row(f"{label}: work", a["work"], "s", "row by row", row["work_ratio"], work[0], work[-1]),
                Row(f"{label}: memory", a["peak_gb"], "GB"),
                Row(f"{label}: reading row by row", b["read"], "s"),
                Row(f"{label}: work row by row", b["work"], "s"),
                Row(f"{label}: memory row by row", b["peak_gb"], "GB"),
            ]
            print(
                f"{form:>4} {rows:>11,} rows: ours read {a['read']:6.2f} s + work {a['work']:6.2f} s, "
                f"{a['peak_gb']:.2f} GB | row by row {b['read']:7.2f} + {b['work']:7.2f} s, {b['peak_gb']:.2f} GB"
                f" | work {row['work_ratio']:.1f}x, reading {row['read_ratio']:.1f}x",
                flush=True,
            )
    if args.record:
        record("data", recorded, "number of rows", args.quick)
    print("RESULT " + json.dumps({"benchmark": "data", "table": table}))


if __name__ == "__main__":
    main()
