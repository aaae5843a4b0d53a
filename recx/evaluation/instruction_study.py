"""What is asked of an instruction-tuned model beside explanations: attributes, and people described otherwise."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

import numpy as np
import pandas as pd

from recx.data.llmxrec_files import InstructionStudy
from recx.data.text_records import TextRecord
from recx.evaluation.bootstrap import bootstrap
from recx.prompts.recommendation_prompts import AttributeQuestion

AGES = {"under 25": 25, "25 to 34": 35, "35 to 49": 50, "50 or older": 200}  # each below its number
BIAS_VARIANTS = {
    "gender: female": {"gender": "female"},
    "gender: male": {"gender": "male"},
    "age: 20": {"age": "20"},
    "age: 60": {"age": "60"},
}
"""The same people with one attribute set: name -> attribute and value."""
_MOST_OPTIONS = 24


def people(study: InstructionStudy) -> list[TextRecord]:
    """One recommendation for each person of whom something is known, by the first recommender that has one."""
    first: dict[str, TextRecord] = {}
    for own in study.recommended.values():
        for record in own:
            if record.person:
                first.setdefault(record.user, record)
    return list(first.values())


def with_person(record: TextRecord, **values: str) -> TextRecord:
    """The same record with other values of the person's attributes."""
    facts = dict(record.person) | {name: (value,) for name, value in values.items()}
    return replace(record, person=tuple(sorted(facts.items())))


def age_group(age: str) -> str:
    """The group of an age in years; a value that is no number stays as it is."""
    return next((name for name, below in AGES.items() if age.isdigit() and int(age) < below), age)


def attribute_questions(records: Sequence[TextRecord]) -> list[AttributeQuestion]:
    """A question for every attribute of the people and of the items that has 2 to 24 values."""
    asked = []
    for of_item in (False, True):
        facts = [dict(r.item[1] if of_item else r.person) for r in records]
        for name in dict.fromkeys(name for own in facts for name in own):
            counts = Counter(value for own in facts for value in own.get(name, ()))
            options = tuple(AGES) if name == "age" else tuple(sorted(counts))
            if 2 <= len(options) <= _MOST_OPTIONS:
                asked.append(AttributeQuestion(name, of_item, options))
    return asked


def true_values(question: AttributeQuestion, record: TextRecord) -> tuple[str, ...]:
    """The right answers to a question about a record; empty if unknown."""
    own = dict(record.item[1] if question.of_item else record.person).get(question.attribute, ())
    return tuple(dict.fromkeys(age_group(v) if question.attribute == "age" else v for v in own))


def answer_table(
    question: AttributeQuestion, records: Sequence[TextRecord], answers: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """How often answers are right, beside always naming the most common value, with intervals over people.

    Args:
        question: what was asked.
        records: N records; those with an unknown value are left out.
        answers: what was told -> N answers, e.g. with the attribute `withheld` or `shown`.

    Returns:
        Rows `attribute, told, value, low, high, n, names`: `names` is the share of the most common answer. The row
        `most common` names one value always: that of most of these records, which nobody knows in advance.
    """
    right = [true_values(question, r) for r in records]
    known = np.array([bool(own) for own in right])
    people = pd.factorize(pd.Series([r.user for r in records]))[0]
    counts = Counter(value for own in right for value in own)
    most = counts.most_common(1)[0][0] if counts else ""
    rows = []
    for told, said in {**answers, "most common": [most] * len(records)}.items():
        hits = np.array([float(a in own) for a, own in zip(said, right, strict=True)])
        share = max(Counter(said).values(), default=0) / max(len(said), 1)
        found = asdict(bootstrap(np.where(known, hits, np.nan), people))
        rows.append({"attribute": question.attribute, "told": told} | found | {"names": share})
    return pd.DataFrame(rows)
