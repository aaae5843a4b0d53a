"""XRec's public data: its published texts, ours for the same held-out pairs, and what no model wrote, in one table.

    python benchmarks/xrec_public.py published DATA ENCODER OUT          # XRec's 3,000 texts of each data set
    python benchmarks/xrec_public.py ours DATA ENCODER OUT RESULTS       # with texts written by variants

`DATA` holds the folders xrec-yelp, xrec-google and xrec-amazon; `ENCODER` is a hub id or folder for BERTScore.
`RESULTS` holds, per data set, `texts-*.json` with `variant` and `texts` (of the test pairs, in order) and `graph.json`.
`OUT` gets CSV files with one row per data set, method and metric.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from recx.data.split import split_by_user
from recx.data.xrec_files import ExplainedPairs, read_explained_pairs, read_predictions
from recx.evaluation.bootstrap import bootstrap
from recx.evaluation.reference_table import differences, group_table, reference_table, scores_of, sparsity_groups
from recx.evaluation.text_baselines import text_baselines
from recx.pipeline.xrec_stage import leaking, unseen_users
from recx.recommenders.interaction_graph import without_pairs
from recx.settings import XRecSettings

DATASETS = ("yelp", "google", "amazon")
PUBLISHED = "XRec (7B), published"


def published(data: Path, encoder: str) -> pd.DataFrame:
    """All published texts against the references that stand beside them; one text a user is assumed."""
    parts = []
    for name in DATASETS:
        texts, references = read_predictions(data / f"xrec-{name}")
        own = {PUBLISHED: texts}
        table = reference_table(own, scores_of(own, references, encoder), np.arange(len(texts)))
        parts.append(table.assign(dataset=name))
        print(parts[-1].round(3).to_string(index=False), flush=True)
    return pd.concat(parts)


def ours(data: Path, encoder: str, results: Path) -> dict[str, pd.DataFrame]:
    """Tables of the held-out pairs: all methods, their differences from XRec's, sparsity groups, and the graph."""
    tables: dict[str, list[pd.DataFrame]] = {"methods": [], "differences": [], "groups": [], "graph": []}
    settings = XRecSettings()
    for name in DATASETS:
        pairs = read_explained_pairs(data / f"xrec-{name}")
        parts = split_by_user(pairs.users, settings.seed)
        tested = np.flatnonzero(parts == "test")
        users, references = pairs.users[tested], [pairs.explanations[n] for n in tested]
        texts = {PUBLISHED: [pairs.published[n] for n in tested]} | text_baselines(pairs, parts)
        for path in sorted((results / name).glob("texts-*.json")):
            record = json.loads(path.read_text(encoding="utf-8"))
            if len(record["texts"]) != len(tested):
                print(f"{path}: {len(record['texts'])} texts for {len(tested)} test pairs, left out")
                continue
            texts[record["variant"]] = record["texts"]
        scores = scores_of(texts, references, encoder)
        main = "bert_f1" if encoder else "word_overlap"
        unseen = unseen_users(users, settings.unseen, settings.seed)
        edges = without_pairs(pairs.edges, np.stack([pairs.users, pairs.items], axis=1), unseen)
        groups = sparsity_groups(np.bincount(edges[:, 0], minlength=pairs.user_count)[users])
        told = {
            "methods": reference_table(texts, scores, users),
            "differences": pd.concat(
                differences(scores, users, main, base).assign(base=base)
                for base in (PUBLISHED, "XRec")
                if base in texts
            ),
            "groups": group_table(scores, users, groups, main),
            "graph": graph_table(results / name / "graph.json", pairs, unseen),
        }
        for key, table in told.items():
            tables[key].append(table.assign(dataset=name))
        print(name, told["methods"].pivot(index="method", columns="metric", values="value").round(3).to_string(), "\n")
    return {key: pd.concat(frames) for key, frames in tables.items()}


def graph_table(path: Path, pairs: ExplainedPairs, unseen: np.ndarray) -> pd.DataFrame:
    """Share of items below the explained one, for seen users' pairs that are edges: left out, left in, the gain."""
    if not path.is_file():
        return pd.DataFrame(columns=["graph", "value", "low", "high", "n"])
    record = json.loads(path.read_text(encoding="utf-8"))
    seen = ~np.isin(pairs.users, unseen)
    own = leaking(pairs, unseen)[seen]
    left = {f"left {kind}": np.array(record[kind]["percentiles"])[own] for kind in ("out", "in")}
    left["gain"] = left["left in"] - left["left out"]
    rows = [(kind, bootstrap(values, pairs.users[seen][own])) for kind, values in left.items()]
    return pd.DataFrame([{"graph": k, "value": e.value, "low": e.low, "high": e.high, "n": e.n} for k, e in rows])


if __name__ == "__main__":
    command, data, encoder, out = sys.argv[1], Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
    made = {"published": published(data, encoder)} if command == "published" else ours(data, encoder, Path(sys.argv[5]))
    out.mkdir(parents=True, exist_ok=True)
    for key, frame in made.items():
        frame.to_csv(out / f"{key}.csv", index=False, float_format="%.4f")
