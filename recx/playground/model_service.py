"""All questions that the playground can ask the target and the explainers, with plain values in and out."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

import numpy as np
from torch import Tensor

from recx.attribution.attribute_effects import value_effects, value_holders
from recx.attribution.counterfactual import MAX_CHANGES, apply_changes, find_counterfactual
from recx.attribution.removal import ValueFunction
from recx.attribution.shapley import shapley_values
from recx.errors import DataError
from recx.evaluation.faithfulness import cited_places, erasure
from recx.evaluation.pair_effects import PairEffects
from recx.explaining.aligned import AlignedExplainer
from recx.explaining.measured import measure_evidence
from recx.explaining.predicted_effects import predicted_effects
from recx.explaining.records import Explanation
from recx.explaining.segments import segments
from recx.playground.history_service import HistoryService, Json
from recx.playground.instruction_options import build_instruction, evidence_told, quotes_held
from recx.playground.streaming import stream_explanation
from recx.prompts.evidence import Evidence
from recx.prompts.modes import MODE_SPECS
from recx.recommenders.devices import score
from recx.recommenders.item_rank import item_ranks, top_items
from recx.recommenders.protocol import Scorer

MOST_VALUES = 10  # of an attribute whose effects are shown: the time doubles with each


class ModelService:
    """Answers for one target and the explainers aligned to it; its methods may be called from many threads.

    Args:
        histories: service for titles and histories, which also validates input.
        explainers: name -> explainer.
        target: the recommender.
        max_history: how many of the latest items the target reads.
        value: value function of the target for parts of a history; without it, effects are not measured.
    """

    def __init__(
        self,
        histories: HistoryService,
        explainers: Mapping[str, AlignedExplainer],
        target: Scorer,
        max_history: int,
        value: ValueFunction | None = None,
    ) -> None:
        self.histories, self.explainers = histories, dict(explainers)
        self.target, self.max_history, self.catalogue, self.value = target, max_history, histories.catalogue, value
        # Each call uses all cores, so parallel calls would not be faster. Taking turns shares the cores fairly: several
        # texts are generated together, token by token, instead of one after the other.
        self._lock = threading.Lock()

    def ask_target(self, history: Sequence[int], item: int, k: int = 10) -> Json:
        """Return the target's top k items with scores (`top`) and the rank of the item (`rank`)."""
        history, item = self._validate(history, item)
        with self._lock:
            best = top_items(self.target, history, self.max_history, k)
            rank = item_ranks(self.target, [history], item, self.max_history)[0]
        return {"top": self._top(best), "rank": asdict(rank)}

    def ask_model(self, model: str, history: Sequence[int], item: int, k: int = 10) -> Json:
        """Return what an explainer would recommend, and its probability of a "yes" for the item.

        Returns:
            `model, top, like, probability`, `shared` (how many of the target's top k items are in its own top k) and
            `place` (position of the item in its top k, 0 if it is not there).
        """
        explainer = self._explainer(model)
        history, item = self._validate(history, item)
        with self._lock:
            own = explainer.recommend([history], k=min(k, len(self.catalogue) - len(set(history))))[0]
            prediction = explainer.predict([history], [item])[0]
            best = {n for n, _ in top_items(self.target, history, self.max_history, k)}
        return {
            "model": model,
            "top": self._top(zip(own.items, own.scores, strict=True)),
            "like": prediction.like,
            "probability": prediction.probability,
            "shared": len(best.intersection(own.items)),
            "place": own.items.index(item) + 1 if item in own.items else 0,
        }

    def explain(
        self,
        model: str,
        history: Sequence[int],
        item: int,
        options: Mapping[str, Any] | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Iterator[Json]:
        """Stream an explanation: `{"text": text so far}` after every token, then the checked answer.

        The last record has `model, item, text, decision, segments, cited, target_decision, agrees, instruction, prompt,
        held` (whether quotes were restricted), `seconds, tokens` (of the final text), `stopped, told` (whether the
        model was given the measured causes), `revised` (the number of sentences that were written again or left out
        because they contradicted those) and, if effects were measured, `effects` (of each item of the history on the
        decision, strongest cause first, with whether the text cites it as a cause), `percentile` (of the cited titles'
        effect among random sets) and `p_value` (share of the sets that reach it), both None if undefined, `unsaid`
        (notable causes that the text does not name), and `by_attribute` (attribute -> effects of its values, for
        attributes whose values several items of the history share; the value "" stands for items without one).
        """
        explainer, options = self._explainer(model), options or {}
        history, item = self._validate(history, item)
        instruction = build_instruction(options, tuple(self.catalogue.attributes))
        names_causes = MODE_SPECS[explainer.mode].reads_relations
        held = quotes_held(options, by_default=names_causes)
        explainer = explainer.with_held_quotes() if held else explainer
        told = self.value is not None and evidence_told(options) and names_causes
        evidence = self._evidence(history, item)
        if told:
            explainer = explainer.with_evidence(lambda *_: evidence)
            explainer = explainer.with_held_evidence() if held else explainer
        started = time.monotonic()
        for text in stream_explanation(explainer, history, item, instruction, should_stop=should_stop, lock=self._lock):
            if isinstance(text, Explanation):
                yield self._answer(explainer, text, history, item, instruction, evidence) | {
                    "model": model,
                    "held": held,
                    "told": told,
                    "seconds": round(time.monotonic() - started, 2),
                    "tokens": len(explainer.encoder.tokenizer.encode(text.text, add_special_tokens=False)),
                    "stopped": should_stop(),
                }
            else:
                yield {"text": text}

    def what_if(self, history: Sequence[int], item: int, removed: Sequence[int], added: Sequence[int]) -> Json:
        """Change a history and ask the target again, and say what was to be expected.

        Returns:
            The new `history`, the ranks of the item `before` and `after` and, if effects are measured, the change of
            the item's log-probability in nats: `measured`; `predicted`, the sum of the effects of what is added less
            those of what is removed; and `predicted_by`, where these effects come from: "relation tokens" (the
            regression behind them), or "Shapley values" for a run without a model that has such tokens.
        """
        history, item = self._validate(history, item)
        changes = [("remove", int(n)) for n in self.histories.validate(removed)]
        changes += [("add", int(n)) for n in self.histories.validate(added)]
        if not changes:
            raise DataError("Nothing has been changed: choose an item to remove or to add.")
        changed = apply_changes(history, changes)
        if not len(changed):
            raise DataError("Nothing would be left of the history, but the target needs at least one item.")
        with self._lock:
            before, after = item_ranks(self.target, [history, changed], item, self.max_history, history)
            effect = {} if self.value is None else self._change(history, changed, item)
        return {"history": changed.tolist(), "before": asdict(before), "after": asdict(after), **effect}

    def find_counterfactual(
        self,
        history: Sequence[int],
        item: int,
        wanted: Literal["yes", "no"],
        adding: bool = False,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Json:
        """Find the smallest change of the history that makes the target say `wanted`.

        Args:
            history: item indices, oldest first.
            item: the item in question.
            wanted: "yes" or "no".
            adding: whether items may also be added, not only removed.
            should_stop: called between batches; the search stops when it returns True.

        Returns:
            The fields of a `Counterfactual`, where each change has its `kind` and the item, and `most`, the size of the
            largest set of changes that may have been tried.
        """
        history, item = self._validate(history, item)
        if wanted not in ("yes", "no"):
            raise DataError(f"The wanted decision must be 'yes' or 'no', not {wanted!r}.")
        target, kinds = _LockedScorer(self.target, self._lock), ("remove", "add") if adding else ("remove",)
        result = find_counterfactual(
            target, history, item, self.max_history, len(self.catalogue), wanted, kinds, should_stop=should_stop
        )
        changes = [{"kind": kind, **self.histories.item(n)} for kind, n in result.changes]
        return asdict(result) | {"changes": changes, "most": MAX_CHANGES}

    def _answer(
        self,
        explainer: AlignedExplainer,
        explanation: Explanation,
        history: np.ndarray,
        item: int,
        instruction: str,
        evidence: Evidence | None,
    ) -> Json:
        with self._lock:
            rank = item_ranks(self.target, [history], item, self.max_history)[0]
            measured = {} if evidence is None else self._measured(evidence, explanation, history)
            prompt = explainer.prompt_text(history, item, instruction)
        undecided = rank.decision == "between" or explanation.decision is None
        return {
            "item": self.histories.item(item),
            "decision": explanation.decision,
            "text": explanation.text,
            "revised": explanation.revised,
            "segments": [asdict(s) for s in segments(explanation, evidence)],
            "cited": sorted({c.item for c in explanation.citations if c.item}),
            "target_decision": rank.decision,
            "agrees": None if undecided else explanation.decision == (rank.decision == "yes"),
            "instruction": instruction,
            "prompt": prompt,
            **measured,
        }

    def _change(self, history: np.ndarray, changed: np.ndarray, item: int) -> Json:
        """The predicted and the measured change of an item's log-probability from one history to another."""
        (by, old), (_, new) = self._effects(history, item), self._effects(changed, item)
        before, after = (set(h[-self.max_history :].tolist()) for h in (history, changed))  # what the target reads
        removed, added = before - after, after - before
        predicted = sum(new.get(n, 0.0) for n in added) - sum(old.get(n, 0.0) for n in removed)
        measured = self.value.full(changed, [item]) - self.value.full(history, [item])
        return {"predicted": float(predicted), "predicted_by": by, "measured": float(measured[0])}

    def _effects(self, history: np.ndarray, item: int) -> tuple[str, dict[int, float]]:
        for explainer in self.explainers.values():
            predicted = predicted_effects(explainer, history, item)
            if predicted is not None:
                return "relation tokens", predicted
        found = shapley_values(self.value, history, [item])
        return "Shapley values", dict(zip(found.players.tolist(), found.values[:, 0].tolist(), strict=True))

    def _evidence(self, history: np.ndarray, item: int) -> Evidence | None:
        if self.value is None:
            return None
        with self._lock:
            return measure_evidence(self.value, history, item)

    def _measured(self, evidence: Evidence, explanation: Explanation, history: np.ndarray) -> Json:
        """Compare the measured causes of the decision with the causes that the text cites."""
        effects = PairEffects(self.value, history, evidence.item, evidence.liked)
        places = cited_places(effects, explanation)
        cited = {int(effects.players[p]) for p in places}
        against_random = erasure(effects, places)
        return {
            "effects": [
                self.histories.item(n) | {"effect": effect, "cited": n in cited}
                for n, effect in zip(evidence.causes, evidence.effects, strict=True)
            ],
            "percentile": against_random and against_random.percentile,
            "p_value": against_random and against_random.p_value,
            "unsaid": [self.catalogue.labels[n] for n in evidence.notable if n not in cited],
            "by_attribute": self._by_attribute(evidence, history),
        }

    def _by_attribute(self, evidence: Evidence, history: np.ndarray) -> Json:
        """The effects of values that several items share, strongest for the decision first."""
        players, sign = self.value.players(history), 1 if evidence.liked else -1
        found: Json = {}
        for name in self.catalogue.attributes:
            values, _ = value_holders(self.catalogue, name, players)
            if 1 < len(values) <= min((len(players) + 1) // 2, MOST_VALUES):
                effects = value_effects(self.value, history, [evidence.item], self.catalogue, name).shapley[:, 0]
                rows = [{"value": v, "effect": sign * float(e)} for v, e in zip(values, effects, strict=True)]
                found[name] = sorted(rows, key=lambda row: -row["effect"])
        return found

    def _top(self, scored: Iterable[tuple[int, float]]) -> list[Json]:
        return [self.histories.item(n) | {"score": score} for n, score in scored]

    def _explainer(self, model: str) -> AlignedExplainer:
        if model not in self.explainers:
            raise DataError(f"There is no model {model!r}. Known: {', '.join(self.explainers)}.")
        return self.explainers[model]

    def _validate(self, history: Sequence[int], item: int) -> tuple[np.ndarray, int]:
        checked = self.histories.validate(history)
        if not len(checked):
            raise DataError("The history is empty: add at least one item.")
        return checked, int(self.histories.validate([item])[0])


class _LockedScorer:
    """A scorer that takes a lock for each batch only, so that other calls can proceed during a long search."""

    def __init__(self, target: Scorer, lock: threading.Lock) -> None:
        self.target, self.lock = target, lock

    def score(self, histories: Tensor) -> Tensor:
        """(B, L) -> (B, N + 1)."""
        with self.lock:
            return score(self.target, histories)
