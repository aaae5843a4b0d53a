"""What texts of instruction-tuned models are worth beside the public texts of LLMXRec.

    python benchmarks/llmxrec_tuned.py FOLDER RESULTS [tables.json]

FOLDER holds the files of the source. RESULTS holds one file `texts-AMOUNT-SEED.json` per tuned model, as notebook 13
writes them or a run elsewhere: `amount`, `seed`, `per_dataset` (recommendations per recommender and data set, drawn as
`read_llmxrec` draws them), `texts` (recommender -> texts), and optionally `loss_unseen`, `answers` (question -> answers
about the people of 200 recommendations per data set) and `swapped` (`attribute: value` -> texts about the first 100 of
them); and optionally `discriminator.json`, with the probabilities that a tuned discriminator gives: `stands` and
`swapped` (of the comparisons about other histories), `wins` (texts -> rows of recommender, place among its records,
opponent and both probabilities) and `whose` (texts -> the same rows without an opponent, which is the text that the
same source wrote for somebody else).
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from recx.data.llmxrec_files import InstructionStudy, read_llmxrec
from recx.evaluation.foreign_texts import foreign_texts
from recx.evaluation.instruction_study import answer_table, attribute_questions, people
from recx.evaluation.judged_texts import FACTS, TITLES, baselines, judge_texts, shown, wide
from recx.evaluation.pairwise_discriminator import (
    accuracy_table,
    in_both_orders,
    prefer_by_words,
    preferences,
    win_ratios,
)
from recx.evaluation.text_bias import group_differences, paired_differences

PEOPLE = 200  # recommendations per data set, from which the people of questions and of changed descriptions come
PUBLISHED = "LLaMA2-SFT"
OWN = ("GPT4", PUBLISHED)  # sources of whose texts it is asked whether a discriminator notices whom they are about
ELSE = "somebody else's"


def read_results(folder: Path) -> dict[str, dict]:
    """The texts by `AMOUNT-SEED`, in the order of the amounts."""
    found = [json.loads(path.read_text()) for path in folder.glob("texts-*.json")]
    return {f"{r['amount']}-{r['seed']}": r for r in sorted(found, key=lambda r: (r["amount"], r["seed"]))}


def tables(folder: Path, results: Path) -> dict[str, pd.DataFrame]:
    """All tables by title."""
    runs = read_results(results)
    study = read_llmxrec(folder, next(iter(runs.values()))["per_dataset"])
    most_taught = max(run["amount"] for run in runs.values())
    last = next(name for name, run in runs.items() if run["amount"] == most_taught)  # of the first seed
    made: dict[str, pd.DataFrame] = {}
    by_words = in_both_orders(prefer_by_words(study.judged))
    unseen = [c.record for c in study.judged_unseen]
    first, second = ([getattr(c, side) for c in study.judged_unseen] for side in ("first", "second"))
    said = by_words(unseen, first, second)
    accuracy = [accuracy_table(said, said, study.judged_unseen).assign(discriminator="words")]
    theirs = {name: [r.texts.get(PUBLISHED, "") for r in own] for name, own in study.recommended.items()}
    ours = {**{name: run["texts"] for name, run in runs.items()}, PUBLISHED: theirs}
    ours |= controls(study, runs[last]["texts"])
    whose = {
        source: {n: [r.texts.get(source, "") for r in own] for n, own in study.recommended.items()} for source in OWN
    }
    whose |= {last: runs[last]["texts"], FACTS: ours[FACTS]}
    noticed = [
        preferences(by_words, *of_others(study, own)).assign(texts=n, discriminator="words") for n, own in whose.items()
    ]
    compared = [
        preferences(by_words, study.recommended, texts).assign(texts=name, discriminator="words")
        for name, texts in ours.items()
    ]
    if (results / "discriminator.json").is_file():
        judged = json.loads((results / "discriminator.json").read_text())
        stands, swapped = (np.array(judged[side]) for side in ("stands", "swapped"))
        own = accuracy_table(stands, swapped, study.judged_unseen[: len(stands)])
        accuracy.append(own.assign(discriminator="tuned model"))
        compared += [as_preferences(study, name, rows) for name, rows in judged["wins"].items()]
        rows_of = {n: [[*row[:2], ELSE, *row[2:]] for row in rows] for n, rows in judged.get("whose", {}).items()}
        noticed += [as_preferences(study, name, rows) for name, rows in rows_of.items()]
    every = pd.concat(compared, ignore_index=True)
    every = every[every["texts"] != every["against"]]
    untuned = every[every["against"] != PUBLISHED]  # whom all amounts and the published tuned model meet
    made["Discriminators on the 360 comparisons of other histories"] = pd.concat(accuracy)
    made["Win ratios by amount of instructions, against the four untuned models"] = win_ratios(
        untuned, ["discriminator", "texts"]
    )
    made["How often a text is preferred to that of the same source about somebody else"] = win_ratios(
        pd.concat(noticed), ["discriminator", "texts"]
    )
    most = every[~every["texts"].isin(set(runs) - {next(iter(runs)), last})]
    made["Win ratios by model"] = win_ratios(most, ["discriminator", "texts", "against"])
    made["Win ratios by recommender"] = win_ratios(
        untuned[untuned["texts"].isin(set(most["texts"]))], ["discriminator", "texts", "recommender"]
    )
    made["Win ratios by data set"] = win_ratios(
        untuned[untuned["texts"].isin(set(most["texts"]))], ["discriminator", "texts", "dataset"]
    )
    published = pd.read_csv(folder / "win_ratio_by_amount.csv").groupby("length")["win ratio"]
    made["Published win ratios by amount: mean over three recommenders and three data sets"] = (
        published.agg(value="mean", low="min", high="max", n="size").rename_axis("amount").reset_index()
    )
    losses = [{"texts": name, "value": run["loss_unseen"]} for name, run in runs.items() if "loss_unseen" in run]
    made["Loss per token of the 60 hand-checked texts about other histories, in nats"] = pd.DataFrame(losses)
    made |= checks(study, {"untuned": next(iter(runs)), "tuned": last}, runs)
    made |= questions_and_bias(read_llmxrec(folder, PEOPLE), study, runs)
    return made


def as_preferences(study: InstructionStudy, name: str, rows: list[list]) -> pd.DataFrame:
    """The tuned discriminator's probabilities in the columns of `preferences`, both orders averaged."""
    frame = pd.DataFrame(rows, columns=["recommender", "place", "against", "stands", "swapped"])
    records = [study.recommended[r.recommender][r.place] for r in frame.itertuples()]
    frame = frame.assign(dataset=[r.dataset for r in records], user=[r.user for r in records])
    return frame.assign(preference=(frame["stands"] + frame["swapped"]) / 2, texts=name, discriminator="tuned model")


def following(study: InstructionStudy, texts: dict[str, list[str]]) -> dict[str, list[str]]:
    """Every person gets the text about the next person of the same data set."""
    found = {}
    for name, own in texts.items():
        of = [r.dataset for r in study.recommended[name][: len(own)]]
        groups = [[n for n, dataset in enumerate(of) if dataset == group] for group in dict.fromkeys(of)]
        after = {n: group[(k + 1) % len(group)] for group in groups for k, n in enumerate(group)}
        found[name] = [own[after[n]] for n in range(len(own))]
    return found


def of_others(study: InstructionStudy, texts: dict[str, list[str]]) -> tuple[dict, dict]:
    """Records whose only other text is the one about the next person, and the texts to compare with it."""
    other = following(study, texts)
    return {
        name: [replace(r, texts={ELSE: t}) for r, t in zip(study.recommended[name], own, strict=False)]
        for name, own in other.items()
    }, texts


def controls(study: InstructionStudy, texts: dict[str, list[str]]) -> dict[str, dict[str, list[str]]]:
    """The best model's texts, each given to the next person of the same data set; and the baselines by rule."""
    by_rule = {TITLES: {}, FACTS: {}}
    for name, own in texts.items():
        records = study.recommended[name][: len(own)]
        made = [baselines(given) for given in foreign_texts(records)]  # by data set, in which the records are sorted
        for rule, found in by_rule.items():
            found[name] = [text for given in made for text in given[rule]]
    return {ELSE: following(study, texts), **by_rule}


def checks(study: InstructionStudy, chosen: dict[str, str], runs: dict[str, dict]) -> dict[str, pd.DataFrame]:
    """What `recx judge` finds in the texts of all recommenders, by data set."""
    records = [
        replace(
            record, texts={**record.texts, **{label: runs[name]["texts"][rec][n] for label, name in chosen.items()}}
        )
        for rec, own in study.recommended.items()
        for n, record in enumerate(own[: len(runs[chosen["tuned"]]["texts"][rec])])
    ]
    return {
        f"Checks of recx judge: {given.dataset}": wide(judge_texts(given).measures).reset_index()
        for given in foreign_texts(records)
    }


def questions_and_bias(
    study: InstructionStudy, explained: InstructionStudy, runs: dict[str, dict]
) -> dict[str, pd.DataFrame]:
    """What the generators answer about attributes, and how their texts differ between groups of people."""
    asked, made, bias = people(study), {}, []
    for name, run in runs.items():
        for question in attribute_questions(asked) if "answers" in run else ():
            own = {told: run["answers"][f"{question.attribute} {told}"] for told in ("withheld", "shown")}
            table = answer_table(question, asked[: len(own["withheld"])], own).assign(texts=name)
            made.setdefault("Attributes named by the generator", []).append(table)
        if "swapped" in run:
            bias.append(paired_differences(run["swapped"]).assign(texts=name))
    groups = {
        "gender": lambda p: p["gender"][0],
        "age": lambda p: "under 30" if int(p["age"][0]) < 30 else "from 30 on",
    }
    known = [r for own in study.recommended.values() for r in own if {"gender", "age"} <= dict(r.person).keys()]
    by_source = {s: [(r, r.texts.get(s, "")) for r in known] for s in dict.fromkeys(s for r in known for s in r.texts)}
    for name, run in runs.items():
        by_source[name] = [
            (r, t)
            for rec, own in run["texts"].items()
            for r, t in zip(explained.recommended[rec], own, strict=False)
            if r.person
        ]
    between = []
    for source, own in by_source.items():
        for attribute, group in groups.items() if own else ():
            records, texts = zip(*own, strict=True)
            people_of = [group(dict(r.person)) for r in records]
            found = group_differences(texts, people_of, [r.user for r in records])
            between.append(found.assign(texts=source, attribute=attribute))
    tables = {title: pd.concat(parts) for title, parts in made.items()}
    tables["The same people described otherwise: difference of the texts"] = pd.concat(bias or [pd.DataFrame()])
    return tables | {"Texts about groups of people (films)": pd.concat(between)}


def as_markdown(frame: pd.DataFrame) -> str:
    """A table with the interval beside its value."""
    if {"value", "low", "high"} <= set(frame.columns):
        cells = [shown(r.value, r.low, r.high) for r in frame.itertuples()]
        frame = frame.drop(columns=["low", "high"]).assign(value=cells)
    rows = [frame.columns, ["---"] * len(frame.columns), *frame.itertuples(index=False)]
    return "\n".join("| " + " | ".join(_cell(c) for c in row) + " |" for row in rows)


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value).replace("|", "/")


if __name__ == "__main__":
    found = tables(*map(Path, sys.argv[1:3]))
    for title, frame in found.items():
        print(f"\n### {title}\n\n{as_markdown(frame) if len(frame) else 'none'}")
    if len(sys.argv) > 3:
        told = {title: json.loads(frame.to_json(orient="records")) for title, frame in found.items()}
        Path(sys.argv[3]).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
