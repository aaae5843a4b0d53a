"""The public texts of LLMXRec in the format of `recx judge`.

    python benchmarks/llmxrec_texts.py FOLDER/explanations.jsonl.gz texts.jsonl

Rows that the source files under films, though their items are news, become a data set of their own.
"""

import gzip
import json
import re
import sys
from pathlib import Path

_LITERAL = re.compile(r"""u?(["'])(.*)\1""")  # u"Garrys Mod", as a list of Python prints a title


def converted(row: dict) -> dict:
    """One row of the source (see its SOURCE.md) as a record of `recx judge`; none of its texts is changed."""
    news = any("subcategory" in item["attributes"] for item in row["history"])
    return {
        "dataset": row["dataset"] + (" (items of news)" if news and "mind" not in row["dataset"] else ""),
        "history": [_item(item) for item in row["history"]],
        "item": _item(row["item"]),
        "texts": row["texts"],
    }


def _item(item: dict) -> dict:
    literal = _LITERAL.fullmatch(item["title"])
    attributes = {
        name: [v for v in values if v not in ("nan", "unknown")] for name, values in item["attributes"].items()
    }
    return {"title": literal[2] if literal else item["title"], "attributes": attributes}


def rows(path: Path) -> list[dict]:
    """The rows of a file of the source."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:3])
    lines = [json.dumps(converted(row), ensure_ascii=False) + "\n" for row in rows(source)]
    target.write_text("".join(lines), encoding="utf-8")
    print(f"{len(lines):,} records in {target}")
