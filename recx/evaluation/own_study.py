"""Instructions, comparisons and recommendations for LLMXRec made from a data set and its recommenders."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from recx import paths
from recx.data.catalogue import Catalogue
from recx.data.dataset import Dataset
from recx.data.llmxrec_files import InstructionStudy
from recx.data.split import Split
from recx.data.text_records import Comparison, DescribedItem, Facts, TextRecord, read_text_records
from recx.errors import DataError
from recx.evaluation.foreign_texts import foreign_texts
from recx.evaluation.judged_texts import FACTS, TITLES, baselines
from recx.evaluation.judges import explanations_to_rate, scores
from recx.evaluation.reference_judge import ReferenceJudge
from recx.recommenders.labels import label_histories
from recx.recommenders.protocol import Scorer
from recx.settings import LLMXRecSettings

OTHERS = "facts of another person"
_UNSEEN, _JUDGED, _JUDGED_UNSEEN = 60, 400, 100  # records; fewer where there are not so many people


def own_study(
    data: Dataset,
    split: Split,
    targets: Mapping[str, Scorer],
    settings: LLMXRecSettings,
    people: Mapping[str, Facts] | None = None,
) -> InstructionStudy:
    """Let recommenders recommend, and write instructions and texts to compare with by rule.

    An instruction states true facts that support the recommendation (`judged_texts.FACTS`), unless
    `settings.instructions` names a file of them. A comparison is between two of three texts by rule: such facts, a
    list of titles (`judged_texts.TITLES`), and the facts of another person; the reference judge says which is better.
    No person is in two of the groups: instructions, comparisons to learn from, recommendations and unseen comparisons.

    Args:
        data: the data set.
        split: leave-one-out; what comes before each person's last item is the history.
        targets: name -> recommender; the first recommends what instructions and comparisons are about.
        settings: how many of each.
        people: user id -> what is known of the person.

    Raises:
        DataError: the catalogue has no attributes, there are too few people, or the file of instructions is damaged.
    """
    if not data.catalogue.attributes:
        raise DataError(
            f"{data.name} has no attributes. Texts by rule then only name titles, so there is nothing to compare, and "
            "no discriminator to train. Add attributes, or name the public files of LLMXRec in llmxrec.files."
        )
    drawn = np.random.default_rng(settings.seed).permutation(len(split.test_histories)).tolist()
    wanted = (max(settings.amount_list) or _UNSEEN, _UNSEEN, settings.tested, _JUDGED, _JUDGED_UNSEEN)
    scale = min(1.0, len(drawn) / sum(wanted))
    ends = np.cumsum([int(scale * count) for count in wanted])
    if scale < 1 and min(np.diff([0, *ends])) < 2:
        raise DataError(
            f"{data.name}: {len(drawn)} people are too few; instructions, recommendations and comparisons, and those "
            "to test on, need at least two each."
        )
    groups = np.split(np.array(drawn[: ends[-1]]), ends[:-1])
    first = next(iter(targets.values()))

    def recommended(target: Scorer, users: np.ndarray) -> list[TextRecord]:
        records = recommendations(data, split, target, users, people or {})
        return [replace(r, texts=t) for r, t in zip(records, texts_by_rule(records, settings.seed), strict=True)]

    taught, unseen, tested, judged, judged_unseen = groups
    given = paths.expanded(settings.instructions) if settings.instructions else None
    return InstructionStudy(
        list(read_text_records(given)) if given else [_instruction(r) for r in recommended(first, taught)],
        [_instruction(r) for r in recommended(first, unseen)],
        comparisons(recommended(first, judged), settings.seed),
        comparisons(recommended(first, judged_unseen), settings.seed + 1),
        {name: recommended(target, tested) for name, target in targets.items()},
    )


def recommendations(
    data: Dataset, split: Split, target: Scorer, users: Sequence[int], people: Mapping[str, Facts]
) -> list[TextRecord]:
    """Records, without texts, of the item that a recommender puts first for each of some users."""
    histories = [split.test_histories[u] for u in users]
    top = label_histories(target, histories, target.length, np.random.default_rng(0)).top[:, 0]
    return [
        TextRecord(
            data.name,
            tuple(_described(data.catalogue, int(i)) for i in history[-target.length :]),
            _described(data.catalogue, int(item)),
            data.user_ids[user],
            {},
            people.get(data.user_ids[user], ()),
        )
        for user, history, item in zip(users, histories, top, strict=True)
    ]


def texts_by_rule(records: Sequence[TextRecord], seed: int = 0) -> list[dict[str, str]]:
    """Titles, true facts, and the facts of the next person of each record of one data set."""
    (given,) = foreign_texts(records)
    texts = baselines(given, seed)
    if FACTS in texts:
        texts[OTHERS] = [*texts[FACTS][1:], texts[FACTS][0]]
    return [dict(zip(texts, row, strict=True)) for row in zip(*texts.values(), strict=True)]


def comparisons(records: Sequence[TextRecord], seed: int = 0) -> list[Comparison]:
    """Compare two random texts of each record; where the reference judge rates both alike, there is no comparison."""
    rng, made = np.random.default_rng(seed), []
    (given,) = foreign_texts(records)
    judge, longest = ReferenceJudge(given.catalogue, decisions=False), max(map(len, given.pairs.histories))
    rated = {
        source: scores(judge.rate(explanations_to_rate(texts, given.pairs, longest)))
        for source, texts in given.texts.items()
    }
    for n, record in enumerate(records):
        names = rng.permutation(list(record.texts))[:2].tolist()
        if len(names) == 2 and rated[names[0]][n] != rated[names[1]][n]:
            pair = {side: record.texts[name] for side, name in zip(("first", "second"), names, strict=True)}
            made.append(Comparison(replace(record, texts=pair), bool(rated[names[0]][n] > rated[names[1]][n])))
    return made


def _instruction(record: TextRecord) -> TextRecord:
    return replace(record, texts={"text": record.texts.get(FACTS) or record.texts[TITLES]})


def _described(catalogue: Catalogue, item: int) -> DescribedItem:
    return catalogue.labels[item], tuple(sorted(catalogue.facts(item).items()))
