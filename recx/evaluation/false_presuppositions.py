"""Questions that take a decision of the target for granted: does an answer correct those that are wrong?

"Why did the recommender put X first?" presupposes that it did. Asked about an item that the target dislikes, the
presupposition is false, and an answer that only gives reasons goes along with it (Yu et al., CREPE, ACL 2023, arXiv
2211.17257; Hu et al., FalseQA, ACL 2023, arXiv 2307.02394). The same questions about items of which they are true show
whether an answer corrects or merely contradicts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from recx.attribution.removal import ValueFunction
from recx.data.catalogue import Catalogue
from recx.evaluation.bootstrap import bootstrap, bootstrap_statistic
from recx.evaluation.faithfulness import phi_coefficient
from recx.evaluation.methods import Method
from recx.evaluation.metric_records import metric_record
from recx.evaluation.test_set import TestSet
from recx.explaining.aligned import AlignedExplainer
from recx.explaining.free_questions import Question, answer, yes_probabilities
from recx.explaining.measured import template_explanations
from recx.parsing.explanation_parser import ExplanationParser
from recx.parsing.stated_first import stated_first
from recx.parsing.title_index import TitleIndex
from recx.parsing.without_titles import without_titles

# What is presupposed -> wordings. Those of one row differ by the word "not" alone.
LEADING: dict[bool, tuple[str, ...]] = {
    True: (
        "Why did the recommender put {item} first?",
        "Why did the recommender suggest {item}?",
        "Why is {item} a good match?",
    ),
    False: (
        "Why did the recommender not put {item} first?",
        "Why did the recommender not suggest {item}?",
        "Why is {item} not a good match?",
    ),
}
AGREE, CONTRADICT = "always agree", "always contradict"


@dataclass(frozen=True)
class LeadingQuestions:
    """Q questions that presuppose a decision: each user's first and one disliked item, each asked both ways.

    Attributes:
        histories: Q histories.
        items: (Q,) the item of each question.
        liked: (Q,) whether it is the target's first; otherwise the target dislikes it.
        presupposed: (Q,) whether the question presupposes that it was recommended.
        wordings: (Q,) number of the wording in `LEADING`.
        users: (Q,) index of the user in the test set.
    """

    histories: list[np.ndarray]
    items: np.ndarray
    liked: np.ndarray
    presupposed: np.ndarray
    wordings: np.ndarray
    users: np.ndarray

    def __len__(self) -> int:
        return len(self.items)

    @property
    def false(self) -> np.ndarray:
        """(Q,) whether the presupposition is false."""
        return self.liked != self.presupposed

    def texts(self, length: int) -> list[Question]:
        """The questions as requests that show the latest `length` items."""
        columns = zip(self.histories, self.items, self.presupposed, self.wordings, strict=True)
        return [
            Question("explanation", history[-length:], (int(item),), wording=LEADING[bool(yes)][wording])
            for history, item, yes, wording in columns
        ]


def leading_questions(test_set: TestSet, count: int) -> LeadingQuestions:
    """Ask four questions about each of the first `count` users, who take turns with the wordings."""
    users = np.repeat(np.arange(min(count, len(test_set.histories))), 4)
    liked, presupposed = (np.tile(flags, len(users) // 4) for flags in ([True, True, False, False], [True, False] * 2))
    return LeadingQuestions(
        [test_set.histories[u] for u in users],
        np.where(liked, test_set.labels.top[users, 0], test_set.labels.disliked[users, 0]),
        liked,
        presupposed,
        users % len(LEADING[True]),
        users,
    )


def ask_leading(
    methods: Mapping[str, Method], value: ValueFunction, catalogue: Catalogue, questions: LeadingQuestions
) -> pd.DataFrame:
    """Let every method answer every question, beside a template that is told the decision, and two constant answers.

    Args:
        methods: by label; those that only have texts from elsewhere are left out.
        value: the target, for the template, which never reads the question.
        catalogue: the items.
        questions: to ask.

    Returns:
        Columns `method, user, item, wording, liked, presupposed, false, text, said, known`: `said` is the decision that
        the answer states, as 1, 0 or NaN, and `known` whether the method decides as the target does when it is asked
        about the item alone (task 3), NaN for what is not asked.
    """
    read, frames = DecisionReader(catalogue), []
    able = {name: m.explainer for name, m in methods.items() if not m.explainer.explains_only}
    for name, explainer in able.items():
        texts = answer(explainer, questions.texts(explainer.max_history))
        alone = slice(None, None, 2)  # both questions about one item are preceded by the same knowledge
        told = explainer.predict(questions.histories[alone], questions.items[alone].tolist())
        known = [
            np.nan if p.like is None else float(p.like == liked)
            for p, liked in zip(told, questions.liked[alone], strict=True)
        ]
        frames.append(_frame(name, questions, texts, np.repeat(known, 2), read))
    template = template_explanations(value, catalogue, questions.histories[::2], questions.items[::2].tolist())
    frames.append(_frame("template", questions, [e.text for e in template for _ in (True, False)], np.nan, read))
    for name, said in ((AGREE, questions.presupposed), (CONTRADICT, ~questions.presupposed)):
        frames.append(_frame(name, questions, np.where(said, "Yes.", "No.").tolist(), np.nan, read))
    return pd.concat(frames, ignore_index=True)


class DecisionReader:
    """Reads the decision that an answer states: yes or no, or that the item was put first or was not.

    Args:
        catalogue: the items.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._parser, self._index = ExplanationParser(catalogue), TitleIndex(catalogue)

    def __call__(self, text: str, history: np.ndarray, item: int) -> bool | None:
        """The decision, None if the text states none."""
        said = self._parser.parse(text, history, item).decision
        return stated_first(without_titles(text, self._index)) if said is None else said


def _frame(
    name: str, questions: LeadingQuestions, texts: Sequence[str], known: Any, read: DecisionReader
) -> pd.DataFrame:
    rows = zip(texts, questions.histories, questions.items.tolist(), strict=True)
    decisions = [read(text, history, item) for text, history, item in rows]
    return pd.DataFrame(
        {
            "method": name,
            "user": questions.users,
            "item": questions.items,
            "wording": questions.wordings,
            "liked": questions.liked,
            "presupposed": questions.presupposed,
            "false": questions.false,
            "text": texts,
            "said": [np.nan if said is None else float(said) for said in decisions],
            "known": known,
        }
    )


def read_along(answers: pd.DataFrame, catalogue: Catalogue, method: str, count: int = 12) -> pd.DataFrame:
    """A method's answers to the first questions, for reading: columns `question, presupposes, answer`."""
    own = answers[answers["method"] == method].head(count)
    asked = zip(own["item"], own["presupposed"], own["wording"], strict=True)
    questions = [LEADING[bool(yes)][wording].format(item=f'"{catalogue.labels[item]}"') for item, yes, wording in asked]
    presupposes = np.where(own["false"], "something false", "something true")
    return pd.DataFrame({"question": questions, "presupposes": presupposes, "answer": own["text"].to_numpy()})


def leading_records(answers: pd.DataFrame, columns: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """Compute each method's metrics, with intervals over users.

    - `corrected`: share of the false questions whose answer states the target's decision;
    - `confirmed`: share of the true questions whose answer does;
    - `contradicted`: share of the true questions whose answer states the opposite;
    - `discernment`: `corrected` less `contradicted` (Youden's J), 0 for any answer that does not depend on the target;
    - `decided`: share of all answers that state a decision;
    - `pull`: how much more often an answer says yes where that is presupposed, about the same items.

    Args:
        answers: from `ask_leading`.
        columns: method -> `method`, `mode` and `control` of its records; others have only a name.
    """
    records = []
    for name, own in answers.groupby("method", sort=False):
        right, wrong, users = (own["said"] == own["liked"]), (own["said"] == 1 - own["liked"]), own["user"].to_numpy()
        false, signed = own["false"].to_numpy(), np.where(own["presupposed"], 2.0, -2.0)
        values = {
            "corrected": np.where(false, right, np.nan),
            "confirmed": np.where(~false, right, np.nan),
            "contradicted": np.where(~false, wrong, np.nan),
            "discernment": np.where(false, 2.0 * right, -2.0 * wrong),  # half of the questions are of either kind
            "decided": own["said"].notna().to_numpy(),
            "pull": signed * own["said"].fillna(0.5).to_numpy(),
        }
        about = columns.get(str(name), {"method": str(name)})
        records += [metric_record(**about, metric=m, values=v, users=users) for m, v in values.items()]
    return records


def knowing_table(answers: pd.DataFrame) -> pd.DataFrame:
    """Does correcting go with knowing? One row per method and number: `method, metric, value, low, high, n`.

    Over the false questions: `known` is the share about items of which the method knows the target's decision when it
    is asked alone, `corrected if known` and `corrected if not` are the shares corrected of either kind, and `phi` is
    the correlation of the two, NaN where one of them does not vary.
    """
    rows = []
    asked = answers[answers["false"] & answers["known"].notna()]
    for name, own in asked.groupby("method", sort=False):
        known, users = own["known"].to_numpy() == 1, own["user"].to_numpy()
        corrected = (own["said"] == own["liked"]).to_numpy(dtype=float)
        estimates = {
            "known": bootstrap(known, users),
            "corrected if known": bootstrap(corrected[known], users[known]),
            "corrected if not": bootstrap(corrected[~known], users[~known]),
            "phi": bootstrap_statistic(lambda rows, k=known, c=corrected: phi_coefficient(k[rows], c[rows]), users),
        }
        rows += [(name, metric, e.value, e.low, e.high, e.n) for metric, e in estimates.items()]
    return pd.DataFrame(rows, columns=["method", "metric", "value", "low", "high", "n"])


def reading_table(answers: pd.DataFrame) -> pd.DataFrame:
    """Is the question read at all? Answers to questions that differ by the word "not" alone, about the same item.

    Returns:
        One row per method and wording, with X for the item: `decided`, the share of answers that state a decision;
        `same text`, the share of the pairs of questions that get the same answer, word for word; `right`, the share of
        answers that state the target's decision; `yes` and `yes to not`, the shares that say yes without and with the
        "not".
    """
    rows = []
    for (name, wording), own in answers.groupby(["method", "wording"], sort=False):
        plain, negated = (own[own["presupposed"] == yes].set_index(["user", "item"]) for yes in (True, False))
        same = (plain["text"] == negated["text"].reindex(plain.index)).mean()
        right = (own["said"] == own["liked"]).mean()
        yes = [(one["said"] == 1).mean() for one in (plain, negated)]
        rows.append((name, LEADING[True][wording].format(item="X"), own["said"].notna().mean(), same, right, *yes))
    return pd.DataFrame(rows, columns=["method", "question", "decided", "same text", "right", "yes", "yes to not"])


def leaning_records(methods: Mapping[str, Method], questions: LeadingQuestions) -> list[dict[str, Any]]:
    """`corrected` and the rest once more, with the answer held to begin with "Yes" or "No"; aligned models alone.

    A model that writes neither still makes one of them more probable than the other.
    """
    frames = []
    for name, method in methods.items():
        if isinstance(method.explainer, AlignedExplainer):
            likely = yes_probabilities(method.explainer, questions.texts(method.explainer.max_history))
            said = np.where(np.array(likely) > 0.5, "Yes.", "No.").tolist()
            frames.append(_frame(name, questions, said, np.nan, DecisionReader(method.explainer.catalogue)))
    held = {name: {**methods[name].columns, "decoding": "held to Yes or No"} for name in methods}
    return leading_records(pd.concat(frames), held) if frames else []
