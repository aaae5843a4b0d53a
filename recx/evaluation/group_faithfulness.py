"""Does an explanation of a group's recommendation name the rule by which the members' wishes were put together?

The rule is known, because it is applied here: each member's satisfactions come from the target, and a rule makes one
recommendation of them. Waterschoot et al. (RecSys 2025, arXiv 2507.13705) found that language models recommend to
groups much as a sum would, and explain it by averages, similarity, diversity or popularity.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from recx.data.catalogue import Catalogue
from recx.errors import DataError
from recx.evaluation.methods import Method
from recx.evaluation.metric_records import metric_record
from recx.explaining.free_questions import answer
from recx.explaining.group_questions import GroupQuestion, group_question, template_answer
from recx.parsing.stated_rule import stated_rules
from recx.parsing.title_index import TitleIndex
from recx.parsing.without_titles import without_titles
from recx.recommenders.group_rules import RULES, NothingNewError, best_for_group, satisfactions
from recx.recommenders.protocol import Scorer

SIZES = (2, 3, 4, 6, 8)
TEMPLATES = ("template, guesses", "template, infers", "template, told")


@dataclass(frozen=True)
class GroupChoice:
    """What a group was recommended, and by which rule.

    Attributes:
        group: number of the group; the same people are recommended something by every rule.
        histories: of the G members.
        rule: the true rule, a key of `RULES`.
        item: what it gives them.
        satisfied: (G,) how content each member is with the item, from 0 to 1.
        possible: all rules that give them this item, among them the true one.
    """

    group: int
    histories: tuple[np.ndarray, ...]
    rule: str
    item: int
    satisfied: tuple[float, ...]
    possible: tuple[str, ...]

    def question(self, told: bool) -> GroupQuestion:
        """The question about this choice; the rule is told or not."""
        return group_question(self.histories, self.item, self.satisfied, self.rule if told else "")


def draw_choices(
    target: Scorer,
    histories: Sequence[np.ndarray],
    length: int,
    count: int,
    sizes: Sequence[int] = SIZES,
    seed: int = 0,
) -> list[GroupChoice]:
    """Draw groups of random people, and let every rule recommend them an item.

    Groups to whose members hardly any item is new are left out.

    Args:
        target: the recommender, which is not changed.
        histories: of the people.
        length: how many of the latest items the target reads.
        count: number of groups of each size.
        sizes: numbers of members; those above the number of people are left out.
        seed: of the draws.

    Raises:
        DataError: no group is left.
    """
    rng, choices = np.random.default_rng(seed), []
    drawn = [rng.permutation(len(histories))[:size] for size in sizes if size <= len(histories) for _ in range(count)]
    for people in drawn:
        own = tuple(histories[p] for p in people)
        try:
            members = satisfactions(target, own, length)
        except NothingNewError:
            continue
        group = choices[-1].group + 1 if choices else 0
        best = {rule: best_for_group(members, rule) for rule in RULES}
        for rule, item in best.items():
            possible = tuple(other for other, its in best.items() if its == item)
            choices.append(GroupChoice(group, own, rule, item, tuple(members[:, item].tolist()), possible))
    if not choices:
        raise DataError("No group of these people has two items that are new to all of them, so no rule can choose.")
    return choices


def explain_choices(
    methods: Mapping[str, Method], choices: Sequence[GroupChoice], catalogue: Catalogue, seed: int = 0
) -> pd.DataFrame:
    """Explain all choices: by every method, once without and once with the rule in the prompt, and by three templates.

    `template, guesses` names any rule, `template, infers` any of those that would have given this item, which is all
    that can be known without being told, and `template, told` the true one.

    Returns:
        Columns `method, control, group, size, rule, text, stated, named, right, words`: `stated` lists the rules that
        the text names, `named` is whether there are any, and `right` whether it names the true one and no other.
    """
    rng, index, frames = np.random.default_rng(seed), TitleIndex(catalogue), []
    plain = [choice.question(told=False) for choice in choices]
    rules = {
        TEMPLATES[0]: [str(rng.choice(list(RULES))) for _ in choices],
        TEMPLATES[1]: [str(rng.choice(choice.possible)) for choice in choices],
        TEMPLATES[2]: [choice.rule for choice in choices],
    }
    for name, own in rules.items():
        texts = [template_answer(question, rule, catalogue) for question, rule in zip(plain, own, strict=True)]
        frames.append(_frame(name, "", texts, choices, index))
    for name, method in methods.items():
        if not method.explainer.explains_only:
            for control, told in (("", False), ("told", True)):
                texts = answer(method.explainer, [choice.question(told) for choice in choices])
                frames.append(_frame(name, control, texts, choices, index))
    return pd.concat(frames, ignore_index=True)


def _frame(
    name: str, control: str, texts: Sequence[str], choices: Sequence[GroupChoice], index: TitleIndex
) -> pd.DataFrame:
    rows = []
    for text, choice in zip(texts, choices, strict=True):
        stated = stated_rules(without_titles(text, index))
        right = float(stated == (choice.rule,))
        rows.append(
            (choice.group, len(choice.histories), choice.rule, text, ", ".join(stated), float(bool(stated)), right)
        )
    frame = pd.DataFrame(rows, columns=["group", "size", "rule", "text", "stated", "named", "right"])
    frame.insert(0, "method", name)
    frame.insert(1, "control", control)
    return frame.assign(words=frame["text"].str.split().str.len().astype(float))


def group_records(answers: pd.DataFrame, methods: Mapping[str, Method]) -> list[dict[str, Any]]:
    """Records of `rule_named`, `rule_right` and `words` of each method, with intervals over groups."""
    records = []
    for (name, control), own in answers.groupby(["method", "control"], sort=False):
        about = methods[name].columns if name in methods else {"method": str(name)}
        groups = own["group"].to_numpy()
        for metric, column in (("rule_named", "named"), ("rule_right", "right"), ("words", "words")):
            told = {"control": control} if control else {}
            records.append(
                metric_record(**{**about, **told}, metric=metric, values=own[column].to_numpy(), users=groups)
            )
    return records


def size_frame(answers: pd.DataFrame) -> pd.DataFrame:
    """Means by size of the group, for the figure `group_rules`: `method, size, measure, value`."""
    means = answers.assign(method=_labels(answers)).groupby(["method", "size"], sort=False)[["right", "words"]].mean()
    long = means.rename(columns={"right": "names the true rule alone"}).melt(var_name="measure", ignore_index=False)
    return long.reset_index()


def texts_about(answers: pd.DataFrame, group: int) -> pd.DataFrame:
    """What every explainer says about a group's first recommendation, for reading: columns `explainer, text`."""
    own = answers[answers["group"] == group].drop_duplicates(["method", "control"])
    return pd.DataFrame({"explainer": _labels(own), "text": own["text"].replace("", "(nothing)")})


def _labels(answers: pd.DataFrame) -> pd.Series:
    return answers["method"].where(answers["control"] == "", answers["method"] + ", " + answers["control"])


def confusion_table(answers: pd.DataFrame, method: str, control: str = "") -> pd.DataFrame:
    """How often a method's texts state each rule, or none, by the true rule: shares, one row per true rule."""
    own = answers[(answers["method"] == method) & (answers["control"] == control)]
    shares = pd.crosstab(own["rule"], own["stated"].replace("", "none"), normalize="index")
    stated = [*RULES, *shares.columns.difference(list(RULES))]
    return shares.reindex(list(RULES)).reindex(columns=stated, fill_value=0.0)
