"""Pairs of a history and an item, named by people, explained: each text checked, and what the target says."""

import shutil
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

import numpy as np

from recx.attribution.removal import value_function
from recx.data.catalogue import Catalogue
from recx.data.title_search import TitleSearch
from recx.errors import DataError
from recx.explaining.aligned import AlignedExplainer
from recx.explaining.evidence_cache import remembered
from recx.explaining.measured import measure_evidence
from recx.explaining.records import Explanation
from recx.explaining.segments import segments
from recx.parsing.parsed_explanation import Statement
from recx.pipeline.finished import FinishedRun
from recx.prompts.evidence import Evidence
from recx.prompts.modes import MODE_SPECS
from recx.recommenders.item_rank import ItemRank, item_ranks

LEGEND = (
    "✓ true (history, catalogue or measurement), ✗ false, ? the catalogue does not tell; "
    "● the title matters as the text says, ○ it does not"
)
_DECISIONS = {"yes": "suggests it", "no": "does not suggest it", "between": "is undecided about it"}


@dataclass(frozen=True)
class Pair:
    """Somebody's history, and an item to explain to them.

    Attributes:
        history: item indices, oldest first.
        item: item index.
        view: an instruction for the explanation.
        read_as: what was typed -> the label it was read as, where it is misspelt or a part of a title.
    """

    history: np.ndarray
    item: int
    view: str = ""
    read_as: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ExplainedPair:
    """A pair, its explanation, and what the target says.

    Attributes:
        pair: the history and the item.
        answer: the explanation, with its parts checked.
        rank: the rank that the target gives the item.
        evidence: the measured causes of the target's decision.
    """

    pair: Pair
    answer: Explanation
    rank: ItemRank
    evidence: Evidence


class PairNames:
    """Reads titles as people type them.

    Args:
        catalogue: items.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._in_parts = {label.casefold() for label in catalogue.labels if ";" in label}
        self._most_parts = max((label.count(";") + 1 for label in self._in_parts), default=1)
        self._resolve = lru_cache(maxsize=1 << 16)(TitleSearch(catalogue).resolve)

    def pair(self, history: Sequence[str] | str, item: str, view: str = "") -> Pair:
        """A pair from titles, labels or source ids.

        Args:
            history: oldest first; as one text, the titles are separated by semicolons.
            item: the item in question.
            view: an instruction for the explanation.

        Raises:
            DataError: the history is empty, or a title fits no item or several; the message names the nearest.
        """
        titles = self._split(history) if isinstance(history, str) else history
        titles = [title.strip() for title in titles if title.strip()]
        if not titles:
            raise DataError("The history is empty; name at least one item.")
        if not item.strip():
            raise DataError("No item is named.")
        read_as: dict[str, str] = {}
        *indices, asked = (self._item(title, read_as) for title in [*titles, item.strip()])
        return Pair(np.array(indices, dtype=np.int64), asked, view, read_as)

    def _split(self, text: str) -> list[str]:
        """The titles of a list; a title may hold semicolons itself."""
        parts, titles = text.split(";"), []
        while parts:
            sizes = range(min(len(parts), self._most_parts), 1, -1)
            size = next((n for n in sizes if ";".join(parts[:n]).strip().casefold() in self._in_parts), 1)
            titles.append(";".join(parts[:size]))
            parts = parts[size:]
        return titles

    def _item(self, typed: str, read_as: dict[str, str]) -> int:
        found = self._resolve(typed)
        labels = [repr(self.catalogue.labels[match.item]) for match in found.matches]
        if found.kind == "ambiguous":
            raise DataError(f"{typed!r} may mean {_either(labels)}. Give one of these titles in full.")
        if found.kind == "unknown":
            near = f" The nearest titles are {_either(labels)}." if labels else ""
            raise DataError(f"No item is called {typed!r}.{near}")
        item = found.matches[0].item
        if found.kind == "close":
            read_as[typed] = self.catalogue.labels[item]
        return item


class PairExplainer:
    """Explains pairs by one explainer of a run.

    Args:
        opened: the run.
        mode: of the explainer.
        held_quotes: whether explanations may quote no title but those of the history and the item asked about, and
            no title as a cause twice.
        told: whether a model that has learnt to put measurements into words (relation mode) is told those of the
            target's decision; with held quotes, its texts do not contradict them.
    """

    def __init__(self, opened: FinishedRun, mode: str, held_quotes: bool = True, told: bool = True) -> None:
        explainer: AlignedExplainer = opened.explainers[mode]
        explainer = explainer.with_held_quotes() if held_quotes else explainer
        self.catalogue, self.target, self.mode = opened.data.catalogue, opened.target, mode
        self.names = PairNames(self.catalogue)
        value = value_function(self.target, opened.split.train, self.target.length)
        self._evidence = remembered(partial(measure_evidence, value))
        self.told = told and MODE_SPECS[explainer.mode].reads_relations
        if self.told:
            explainer = explainer.with_evidence(self._evidence)
            explainer = explainer.with_held_evidence() if held_quotes else explainer
        self.explainer = explainer

    def explain(self, pairs: Sequence[Pair]) -> list[ExplainedPair]:
        """Explanations of pairs in their order; those with the same wish are written together."""
        answers: dict[int, Explanation] = {}
        for view in dict.fromkeys(pair.view for pair in pairs):
            rows = [n for n, pair in enumerate(pairs) if pair.view == view]
            texts = self.explainer.explain([pairs[n].history for n in rows], [pairs[n].item for n in rows], view)
            answers |= dict(zip(rows, texts, strict=True))
        return [self._explained(pair, answers[n]) for n, pair in enumerate(pairs)]

    def _explained(self, pair: Pair, answer: Explanation) -> ExplainedPair:
        rank = item_ranks(self.target, [pair.history], pair.item, self.target.length)[0]
        return ExplainedPair(pair, answer, rank, self._evidence(pair.history, pair.item))

    def record(self, explained: ExplainedPair) -> dict[str, Any]:
        """An explained pair as plain values.

        Returns:
            `history` and `item` (labels), `decision` (True, False or None), `text`, `citations` (`title`, `in_history`,
            and the `effect` of that title on the target's decision in nats of log-probability, negative against it,
            None where it was not measured), `statements` (`attribute`, `value`, `negated`, `holds`), `unverified`
            (attributes of no title of the catalogue), `target_decision` (yes, between or no), `target_rank` from 1
            among `target_unseen` items, `mode`, `view`, `revised` (sentences written again or left
            out because they contradicted what was measured), and `read_as` where a title was misspelt.
        """
        pair, answer, rank = explained.pair, explained.answer, explained.rank
        measured = explained.evidence
        effects = {n: round(effect, 4) for n, effect in zip(measured.causes, measured.effects, strict=True)}
        read_as = {"read_as": pair.read_as} if pair.read_as else {}
        return {
            "history": [self.catalogue.labels[n] for n in pair.history],
            "item": answer.title,
            "decision": answer.decision,
            "text": answer.text,
            "citations": [
                {"title": c.title, "in_history": c.in_history, "effect": effects.get(c.item) if c.in_history else None}
                for c in answer.citations
            ],
            "statements": [
                {"attribute": self._attribute(s), "value": s.value, "negated": s.negated, "holds": s.true}
                for s in answer.statements
            ],
            "unverified": [answer.text[start:end] for start, end in answer.unverified],
            "target_decision": rank.decision,
            "target_rank": rank.rank,
            "target_unseen": rank.unseen,
            "mode": self.mode,
            "view": pair.view,
            "revised": answer.revised,
        } | read_as

    def _attribute(self, statement: Statement) -> str:
        """The attribute that a value is of; of a value of several, those of the items it is said of come first."""
        columns = self.catalogue.attributes
        own = [name for name, values in columns.items() if any(statement.value in values[n] for n in statement.items)]
        others = [name for name, values in columns.items() if any(statement.value in v for v in values)]
        # Only of series does the parser find values that no item has.
        return next(iter(own or others), "series")

    def shown(self, explained: ExplainedPair, width: int | None = None) -> str:
        """An explained pair as lines to read, with marks (`LEGEND`).

        Args:
            explained: to show.
            width: letters in a line; those of the terminal by default.
        """
        pair, answer, rank = explained.pair, explained.answer, explained.rank
        read = pair.history[-self.explainer.max_history :]
        part = f" (the latest {len(read)} of {len(pair.history)}, which the recommender reads)"
        head = "History" + (part if len(read) < len(pair.history) else "")
        lines = [f"“{typed}” was read as “{label}”." for typed, label in pair.read_as.items()]
        lines.append(f"{head}: {'; '.join(self.catalogue.labels[n] for n in read)}")
        said = f"the recommender {_DECISIONS[rank.decision]}: rank {rank.rank:,} of {rank.unseen:,}"
        lines.append(f"Item: {answer.title} ({said})")
        checked = segments(answer, explained.evidence)
        text = "".join(part.text + part.mark for part in checked) or "(The model wrote nothing.)"
        return "\n".join([*(wrapped(line, width) for line in lines), wrapped(text, width, "  ")])


def wrapped(text: str, width: int | None = None, indent: str = "") -> str:
    """A text in lines of a width, by default the terminal's; nothing in it can move the cursor or set colours."""
    columns = max(20, width or shutil.get_terminal_size().columns)
    clean = ["".join(c if c.isprintable() else " " for c in line) for line in text.splitlines()]
    return "\n".join(
        textwrap.fill(line, columns, initial_indent=indent, subsequent_indent="  ", break_on_hyphens=False)
        for line in clean
    )


def _either(labels: Sequence[str]) -> str:
    *others, last = labels
    return f"{', '.join(others)} or {last}" if others else last
