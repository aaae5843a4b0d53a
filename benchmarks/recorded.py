"""Appends measured numbers to `results/<benchmark>.csv`, from which `tables.py` generates the tables in README.md."""

import argparse
import csv
import datetime
import os
import platform
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).resolve().parent / "results"


class Row(NamedTuple):
    """A measured value, a comparison with an alternative, or both.

    Attributes:
        what: what was measured; in "hybrid: time", the part after the last ": " is the column of the table.
        value: our value.
        unit: its unit.
        alternative: what it is compared with.
        ratio: how many times better than the alternative.
        low: smallest of several rounds, or lower bound of an interval: of the ratio if there is one, or of the value.
        high: the same for the largest, or the upper bound.
    """

    what: str
    value: float | str = ""
    unit: str = ""
    alternative: str = ""
    ratio: float | str = ""
    low: float | str = ""
    high: float | str = ""


COLUMNS = ("date", "commit", "machine", "seed", "quick", *Row._fields)


def add_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--record", action="store_true", help="append the numbers to benchmarks/results/")


def record(benchmark: str, rows: Iterable[Row], seed: int | str = 0, quick: bool = False) -> None:
    """Append rows to the CSV file of a benchmark, with the date, commit and machine of this run."""
    path = FOLDER / f"{benchmark}.csv"
    run = (datetime.date.today().isoformat(), commit(), machine(), seed, "yes" if quick else "")
    path.parent.mkdir(exist_ok=True)
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not file.tell():
            writer.writerow(COLUMNS)
        writer.writerows((*run, *map(_rounded, row)) for row in rows)
    print(f"Recorded in {path}")


def commit() -> str:
    """The commit of the code, with a plus sign if the code has uncommitted changes; empty without git."""
    code = ["--", "recx", "data", "benchmarks/*.py"]
    try:
        head = _git("rev-parse", "--short", "HEAD")
        return head + ("+" if _git("status", "--porcelain", *code) else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def machine() -> str:
    """CPU model, number of cores, memory, and GPU if there is one."""
    import torch

    info = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*: (.*)", info.read_text()) if info.exists() else None
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    parts = [named[1] if named else platform.machine(), f"{os.cpu_count()} cores", f"{memory:.0f} GB"]
    return ", ".join(parts + ([torch.cuda.get_device_name()] if torch.cuda.is_available() else []))


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=FOLDER.parents[1], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _rounded(value: float | str) -> str:
    """Four significant digits, and all digits before the decimal point."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if 1000 <= abs(value) < float("inf") else f"{value:.4g}"
