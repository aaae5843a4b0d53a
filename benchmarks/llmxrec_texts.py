"""The public texts of LLMXRec in the format of `recx judge`.

    python benchmarks/llmxrec_texts.py FOLDER/explanations.jsonl.gz texts.jsonl

Rows that the source files under films, though their items are news, become a data set of their own.
"""

import json
import sys
from pathlib import Path

from recx.data.llmxrec_files import converted, rows

if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:3])
    lines = [json.dumps(converted(row), ensure_ascii=False) + "\n" for row in rows(source)]
    target.write_text("".join(lines), encoding="utf-8")
    print(f"{len(lines):,} records in {target}")
