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
MAIN = "bert_f1"


def published(data: Path, encoder: str) -> dict[str, pd.DataFrame]:
    """All published texts against the references that stand beside them, and by the interactions of their users.

    Groups hold the texts whose pair is known; users without an interaction in the files are `unseen`.
    """
    tables: dict[str, list[pd.DataFrame]] = {"published": [], "published_groups": []}
    for name in DATASETS:
        pairs = read_explained_pairs(data / f"xrec-{name}")
        texts, references = read_predictions(data / f"xrec-{name}")
        users = users_of(texts, references, pairs)
        scores = scores_of({PUBLISHED: texts}, references, encoder)
        told = reference_table({PUBLISHED: texts}, scores, users)
        known = users < pairs.user_count
        degrees = np.bincount(pairs.edges[:, 0], minlength=pairs.user_count)[users[known]]
        kept = {PUBLISHED: {metric: values[known] for metric, values in scores[PUBLISHED].items()}}
        groups = group_table(kept, users[known], sparsity_groups(degrees), MAIN if encoder else "word_overlap")
        for key, table in (("published", told), ("published_groups", groups)):
            tables[key].append(table.assign(dataset=name))
            print(table.round(3).to_string(index=False), flush=True)
    return {key: pd.concat(frames) for key, frames in tables.items()}


def users_of(texts: list[str], references: list[str], pairs: ExplainedPairs) -> np.ndarray:
    """User (N,) of each published text by its pair; one of its own, from `user_count` on, where no pair has both."""
    known = dict(zip(zip(pairs.published, pairs.explanations, strict=True), pairs.users.tolist(), strict=True))
    both = enumerate(zip(texts, references, strict=True))
    return np.array([known.get(pair, pairs.user_count + n) for n, pair in both])


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
        main = MAIN if encoder else "word_overlap"
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
    made = published(data, encoder) if command == "published" else ours(data, encoder, Path(sys.argv[5]))
    out.mkdir(parents=True, exist_ok=True)
    for key, frame in made.items():
        frame.to_csv(out / f"{key}.csv", index=False, float_format="%.4f")
