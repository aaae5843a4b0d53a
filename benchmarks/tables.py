"""Regenerates the tables in README.md from the recorded numbers in `results/`.

    python benchmarks/tables.py

A table stands between `<!-- table: NAME -->` and `<!-- end of table -->`. It shows the latest number of every cell;
those of quick runs only if there is no other.
"""

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from recorded import FOLDER

README = Path(__file__).resolve().parent / "README.md"
_TABLE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def updated(text: str, folder: Path = FOLDER) -> str:
    """A document with its tables regenerated from the CSV files of a folder."""
    return _TABLE.sub(lambda found: found[1] + table(read(folder / f"{found[2]}.csv")) + found[3], text)


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file; none if there is no such file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def table(rows: Sequence[dict[str, str]]) -> str:
    """A Markdown table of recorded rows, with a line that says when and where they were measured."""
    if not rows:
        return "Nothing has been recorded yet.\n"
    shown = {(row["what"], row["alternative"]): row for row in rows}  # in the order of the file
    shown |= {(row["what"], row["alternative"]): row for row in rows if not row["quick"]}
    cells: dict[tuple[str, str], str] = {}
    for row in shown.values():
        label, _, column = row["what"].rpartition(": ")
        label, column = (label, column) if label else (column, "measured")
        bounds = f" ({row['low']} to {row['high']})" if row["low"] != row["high"] else ""
        if row["value"]:
            cells[label, column] = f"{row['value']} {row['unit']}".strip() + ("" if row["ratio"] else bounds)
        if row["ratio"]:
            times = "x" if row["ratio"][-1].isdigit() else ""
            cells[label, f"{column}, over {row['alternative']}"] = row["ratio"] + times + bounds
    labels, columns = (list(dict.fromkeys(key[n] for key in cells)) for n in (0, 1))
    lines = [["", *columns], ["---"] * (1 + len(columns))]
    lines += [[label, *(cells.get((label, column), "") for column in columns)] for label in labels]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines) + f"\n{_origin(list(shown.values()))}\n"


def _origin(rows: Sequence[dict[str, str]]) -> str:
    runs: dict[str, dict[str, None]] = {}
    for row in rows:
        commit = f" ({row['commit']})" if row["commit"] else ""
        when = f"{'quick run of ' if row['quick'] else ''}{row['date'] or 'unknown date'}{commit}"
        runs.setdefault(row["machine"] or "unknown machine", {})[when] = None
    return "".join(f"*{machine}: {', '.join(sorted(when))}.*\n" for machine, when in runs.items())


if __name__ == "__main__":
    README.write_text(updated(README.read_text(encoding="utf-8")), encoding="utf-8")
