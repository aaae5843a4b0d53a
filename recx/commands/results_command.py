"""`recx results`: the metrics of all finished stages, and the texts of one run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recx import paths
from recx.storage import run_folder


@dataclass(frozen=True)
class ResultsCommand:
    """Print the metrics of all finished stages, or write the texts of one run."""

    json: bool = False
    """Print one JSON list of records."""
    markdown: bool = False
    """Print a Markdown page of tables."""
    texts: str = ""
    """Instead write the explanations of notebook 07 to this file as JSON lines (compressed if it ends in .gz)."""
    profile: str = "tiny"
    """Profile of the run whose texts are written."""
    dataset: str = "demo"
    """Data set of that run."""

    def run(self) -> None:
        """Print the metrics, or write the texts."""
        if self.texts:
            self._write_texts()
            return
        records = run_folder.results()
        if self.json:
            print(json.dumps(records, indent=1))
        elif self.markdown:
            from recx.evaluation.results_page import results_page

            print(results_page(records), end="")
        else:
            _print_lines(records)

    def _write_texts(self) -> None:
        from recx.pipeline.published_texts import write_texts

        count = write_texts(paths.expanded(self.texts), self.profile, self.dataset)
        print(f"Explanations of {count:,} pairs: {self.texts}")
        if self.dataset != "demo":
            print(f"Before you publish them, read the licence of the data: recx data describe {self.dataset}")


def _print_lines(records: Sequence[Mapping[str, Any]]) -> None:
    from recx.evaluation.bootstrap import interval_text

    if not records:
        print("No finished stage yet. Start with: recx run")
    for r in records:
        interval = interval_text(r["low"], r["high"])
        count = f"  n={r['n']}" if r["n"] else ""
        who = " ".join(filter(None, (r["mode"], r["method"], r.get("decoding"), r.get("control"))))
        where = f"{r['profile']}/{r['dataset']}/{r['stage']}"
        value = "-" if r["value"] is None else f"{r['value']:.4f}"
        print(f"{where:<32} {who:<34} {r['metric']:<26} {value}{interval}{count}")
