"""The reference judge beside the people of LLMXRec: their mean ratings and their choices between two texts.

    python benchmarks/llmxrec_people.py FOLDER judged.json

FOLDER holds the files of the source; judged.json is what `recx judge texts.jsonl --json judged.json` wrote of the texts
that `llmxrec_texts.py` converts.
"""

import csv
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from llmxrec_texts import converted, rows
from scipy.stats import spearmanr
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from recx.data.llmxrec_files import read_llmxrec
from recx.evaluation.bootstrap import bootstrap
from recx.evaluation.foreign_texts import read_foreign_texts
from recx.evaluation.judges import explanations_to_rate, scores
from recx.evaluation.pairwise_discriminator import prefer_by_words
from recx.evaluation.reference_judge import ReferenceJudge

ASPECTS = ("reasonability", "attractiveness", "redundancy")


def mean_ratings(folder: Path, judged: Path, metric: str = "rating") -> dict[str, tuple[float, float, int]]:
    """Spearman's rank correlation of a measure with the published means: aspect -> value, p-value, number of means."""
    ours = {
        (data["dataset"], m["method"]): m["value"]
        for data in json.loads(judged.read_text())["datasets"]
        for m in data["measures"]
        if m["metric"] == metric
    }
    with (folder / "human_means.csv").open() as file:
        theirs = [row for row in csv.DictReader(file) if (row["Dataset"], row["model"]) in ours]
    own = [ours[row["Dataset"], row["model"]] for row in theirs]
    found = {a: spearmanr(own, [float(row[a]) for row in theirs]) for a in ASPECTS}
    return {a: (float(r.statistic), float(r.pvalue), len(own)) for a, r in found.items()}


def choices(folder: Path) -> dict[str, str]:
    """Accuracy on the published choices between two texts, a tie counting one half, with intervals over histories."""
    train, test = (rows(folder / f"comparisons-{part}.jsonl.gz") for part in ("train", "test"))
    every = train + test
    second = np.array([row["better"] == 2 for row in every])
    people = np.unique([json.dumps(row["history"]) for row in every], return_inverse=True)[1]
    rated = np.array([_rated(every, name) for name in ("first", "second")])
    words = np.array([[len(row[name].split()) for row in every] for name in ("first", "second")])
    held_out = np.arange(len(every)) >= len(train)
    study = read_llmxrec(folder)
    judged = study.judged + study.judged_unseen
    by_words = prefer_by_words(study.judged)
    stands = by_words([c.record for c in judged], [c.first for c in judged], [c.second for c in judged])
    vectors = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    vectors.fit([row[name] for row in train for name in ("first", "second")])
    gap = vectors.transform([r["second"] for r in every]) - vectors.transform([r["first"] for r in every])
    # With an intercept, and each pair only as it stands, it may learn that people name the second text.
    ordered = LogisticRegression(max_iter=1000).fit(gap[~held_out], second[~held_out])
    says = {
        "always the second": np.ones(len(every)),
        "always the first": -np.ones(len(every)),
        "reference judge": np.sign(rated[1] - rated[0]),
        "the longer text": np.sign(words[1] - words[0]),
        "trained on 1,440, order unknown": np.where(stands > 0.5, -1, 1),
        "trained on 1,440, order known": np.where(ordered.predict(gap), 1, -1),
        "trained on 1,440, order known, texts swapped": np.where(ordered.predict(-gap), -1, 1),
    }
    told = {}
    for name, said in says.items():
        right = np.where(second, said + 1, 1 - said) / 2
        parts = [("360", held_out)] if "trained" in name else [("1,440", ~held_out), ("360", held_out)]
        told[name] = "; ".join(f"{part}: {bootstrap(right[own], people[own])}" for part, own in parts)
        told[name] += f"; ties {np.mean(said == 0):.2f}; names the second {np.mean(said[held_out] > 0):.2f}"
    return told


def _rated(compared: list[dict], name: str) -> np.ndarray:
    """The reference judge's ratings of one side of all comparisons."""
    by_dataset = {}
    for place, row in enumerate(compared):
        by_dataset.setdefault(row["dataset"], []).append((place, row))
    found = np.full(len(compared), np.nan)
    for own in by_dataset.values():
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            for _, row in own:
                file.write(json.dumps(converted({**row, "texts": {name: row[name]}})) + "\n")
            file.flush()
            (given, *_) = read_foreign_texts(Path(file.name))
        judge = ReferenceJudge(given.catalogue, decisions=False)
        asked = explanations_to_rate(given.texts[name], given.pairs, max(map(len, given.pairs.histories)))
        found[[place for place, _ in own]] = scores(judge.rate(asked))
    return found


if __name__ == "__main__":
    source, numbers = map(Path, sys.argv[1:3])
    for measure in ("rating", "cited_in_history", "stated_attributes_true", "cited", "stated", "words"):
        print(
            measure,
            {a: f"{r:.2f} (p {p:.2f}, {n} means)" for a, (r, p, n) in mean_ratings(source, numbers, measure).items()},
        )
    for way, accuracy in choices(source).items():
        print(f"{way}: {accuracy}")
