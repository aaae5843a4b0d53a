"""Notebook 13's steps: what is explained, models tuned on more and more instructions, and their texts in files."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from recx import paths
from recx.alignment.instruction_tuning import InstructedModel, tune
from recx.data.llmxrec_files import InstructionStudy, read_llmxrec
from recx.data.people import load_people
from recx.data.registry import load_dataset
from recx.data.split import leave_one_out
from recx.data.text_records import TextRecord
from recx.errors import DataError
from recx.evaluation.instruction_study import BIAS_VARIANTS, answer_table, attribute_questions, people, with_person
from recx.evaluation.own_study import own_study
from recx.evaluation.pairwise_discriminator import discriminator_rows
from recx.evaluation.text_bias import group_differences, paired_differences
from recx.models.saved_models import SharedBackbone
from recx.pipeline import stages
from recx.profiles.resolve import resolve_settings
from recx.prompts.recommendation_prompts import explanation_prompt
from recx.recommenders.target_kinds import KINDS, fit_target, load_target
from recx.settings import BackboneSettings, Settings
from recx.storage.run_folder import Run, read_kept, write_json

PUBLISHED = "win_ratio_by_amount.csv"
_CHANGED_PEOPLE = 100


def open_study(settings: Settings, overrides: Mapping[str, Any], show_progress: bool = True) -> InstructionStudy:
    """The public files of LLMXRec if `llmxrec.files` names their folder, otherwise the run's data and recommenders.

    On the run's data, its target recommends, and so do the other built-in kinds, which are trained for this.

    Args:
        settings: settings of the run.
        overrides: the overrides among them, which the other kinds share.
        show_progress: show bars.

    Raises:
        CheckpointError: the target is not finished.
        DataError: files are missing or damaged, or there are too few people.
    """
    chosen = settings.llmxrec
    if chosen.files:
        return read_llmxrec(paths.expanded(chosen.files), chosen.tested, chosen.seed)
    data = load_dataset(settings.data)
    split = leave_one_out(data.sequences)
    targets = {settings.target.name: load_target(stages.folder("target", settings), settings.target)}
    where = settings.profile, settings.data.name, settings.data.data_dir
    for kind in KINDS:
        if kind not in targets:
            how = resolve_settings(*where, {**overrides, "target.kind": kind}).target
            targets[kind] = fit_target(split, len(data.catalogue), how, show_progress, data)[0]
    return own_study(data, split, targets, chosen, load_people(settings.data))


def backbone_of(settings: Settings) -> BackboneSettings:
    """The run's backbone with the adapters of instruction tuning."""
    chosen = settings.llmxrec
    return replace(settings.align.backbone, lora_rank=chosen.lora_rank, lora_alpha=chosen.lora_alpha, frozen=False)


def asked_people(study: InstructionStudy, settings: Settings) -> list[TextRecord]:
    """The records about which attributes are asked: of people of whom something is known, else of any."""
    known = people(study) or next(iter(study.recommended.values()))
    return known[: settings.llmxrec.people]


def tuned_texts(
    study: InstructionStudy, settings: Settings, run: Run, shared: SharedBackbone, show_progress: bool = True
) -> dict[int, dict[str, Any]]:
    """Tune on each amount of instructions, and let each model explain; the smaller amounts are parts of the larger.

    One file per amount, `texts-AMOUNT-SEED.json`, is kept in the run's folder, so that an interrupted run resumes. The
    model with the most instructions and the one with the fewest also answer questions about attributes, and explain to
    the same people under changed descriptions.

    Returns:
        Amount -> `amount, seed, per_dataset, loss_unseen, texts` (recommender -> texts) and, of these two, `answers`
        (question -> answers) and `swapped` (`attribute: value` -> texts).
    """
    chosen = settings.llmxrec
    amounts = sorted({min(amount, len(study.instructions)) for amount in chosen.amount_list})
    order = np.random.default_rng(chosen.seed).permutation(len(study.instructions)).tolist()
    taught = [(explanation_prompt(r), r.texts["text"]) for r in (study.instructions[n] for n in order)]
    made = {}
    for amount in amounts:
        path = run.folder / f"texts-{amount}-{chosen.seed}.json"
        kept = read_kept(path, run.fingerprint)
        if kept is None:
            folder = run.checkpoints() / f"texts-{amount}"
            model = tune(taught[:amount], backbone_of(settings), chosen.fit, folder, chosen.seed, shared, show_progress)
            kept = {"fingerprint": run.fingerprint, "amount": amount, "seed": chosen.seed}
            kept["per_dataset"] = chosen.tested
            kept["loss_unseen"] = model.loss([(explanation_prompt(r), r.texts["text"]) for r in study.unseen])

            def write(records: Sequence[TextRecord], model: InstructedModel = model) -> list[str]:
                return model.write([explanation_prompt(r) for r in records], chosen.max_tokens, show_progress)

            kept["texts"] = {name: write(own) for name, own in study.recommended.items()}
            if amount in (amounts[0], amounts[-1]):
                asked = asked_people(study, settings)
                kept["answers"] = {
                    f"{q.attribute} {told}": model.choose([q.prompt(r, told == "withheld") for r in asked], q.options)
                    for q in attribute_questions(asked)
                    for told in ("withheld", "shown")
                }
                described = people(study)[:_CHANGED_PEOPLE]
                changed = BIAS_VARIANTS if described else {}
                kept["swapped"] = {
                    name: write([with_person(r, **values) for r in described]) for name, values in changed.items()
                }
            write_json(path, kept)
        made[amount] = kept
    return made


def fit_judge(
    study: InstructionStudy, settings: Settings, run: Run, shared: SharedBackbone, show_progress: bool = True
) -> InstructedModel:
    """Tune the discriminator on the study's comparisons."""
    chosen, rows, folder = settings.llmxrec, discriminator_rows(study.judged), run.checkpoints() / "discriminator"
    return tune(rows, backbone_of(settings), chosen.judge, folder, chosen.seed, shared, show_progress)


def attributes_named(
    study: InstructionStudy, made: Mapping[int, Mapping[str, Any]], settings: Settings
) -> pd.DataFrame:
    """How often the models name attributes rightly: the rows of `answer_table` with `instructions` before them."""
    asked, tables = asked_people(study, settings), []
    for amount, kept in made.items():
        for question in attribute_questions(asked) if "answers" in kept else ():
            own = {told: kept["answers"][f"{question.attribute} {told}"] for told in ("withheld", "shown")}
            table = answer_table(question, asked, own)
            table.insert(0, "instructions", amount)
            tables.append(table)
    columns = ["instructions", "attribute", "told", "value", "low", "high", "n", "names"]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def bias_table(study: InstructionStudy, made: Mapping[int, Mapping[str, Any]]) -> pd.DataFrame:
    """Length and sentiment by gender and age: between the people as they are, and of the same people told otherwise.

    Returns:
        Rows `texts, compared, measure, group, value, low, high, n`; none where nothing is known of the people.
    """
    last, tables = list(made.values())[-1], []
    known = [(r, t) for name, own in last["texts"].items() for r, t in zip(study.recommended[name], own, strict=True)]
    known = [(dict(r.person), r.user, t) for r, t in known if r.person]
    for name, group in (("gender", str), ("age", _around_30)):
        own = [(group(person[name][0]), user, text) for person, user, text in known if name in person]
        if own:
            groups, users, texts = zip(*own, strict=True)
            tables.append(group_differences(texts, groups, users).assign(texts=last["amount"], compared="people"))
    for amount, kept in made.items():
        if kept.get("swapped"):
            tables.append(paired_differences(kept["swapped"]).assign(texts=amount, compared="described otherwise"))
    columns = ["texts", "compared", "measure", "group", "value", "low", "high", "n"]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def _around_30(age: str) -> str:
    """The group of an age; empty if it is no number, so that the person is left out."""
    return "" if not age.isdecimal() else "under 30" if int(age) < 30 else "from 30 on"


def curve_frame(ratios: pd.DataFrame, folder: str = "") -> pd.DataFrame:
    """Win ratios by amount as curves: `curve, amount, value, low, high`.

    Args:
        ratios: `judge, amount, value, low, high`.
        folder: folder of the public files, whose published ratios become one more curve, the mean and the range over
            three recommenders and three data sets; empty for none, and none if the folder lacks their file.

    Raises:
        DataError: the file with the published ratios is damaged.
    """
    curves = ratios.assign(curve="judged by " + ratios["judge"])
    path = paths.expanded(folder) / PUBLISHED
    if folder and path.is_file():
        try:
            published = pd.read_csv(path).groupby("length")["win ratio"]
            table = published.agg(value="mean", low="min", high="max").rename_axis("amount").reset_index()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}: expected a table with the columns length and win ratio ({error!r}).") from error
        curves = pd.concat([curves, table.assign(curve="published, LLaMA2")], ignore_index=True)
    return curves[["curve", "amount", "value", "low", "high"]]


def sheet_frame(study: InstructionStudy, made: Mapping[int, Mapping[str, Any]]) -> pd.DataFrame:
    """Texts for the blind rating tool: `method, pair, user, history, item, target, text`, of the model with most
    instructions and of all other sources."""
    last, rows, pair = list(made.values())[-1], [], 0
    for name, texts in last["texts"].items():
        for record, text in zip(study.recommended[name], texts, strict=True):
            history = [title for title, _ in record.history]
            for method, own in {f"tuned on {last['amount']}": text, **record.texts}.items():
                rows.append((method, pair, record.user, history, record.item[0], True, own))
            pair += 1
    return pd.DataFrame(rows, columns=["method", "pair", "user", "history", "item", "target", "text"])
