"""Every question the playground can ask of target and explainers, in plain values: what a form sends and shows."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

import numpy as np
from torch import Tensor

from recx.errors import DataError
from recx.explaining.aligned import Explainer
from recx.explaining.records import Explanation
from recx.explaining.segments import segments
from recx.playground.counterfactual import Flip, changed, flip
from recx.playground.histories import Histories, Plain
from recx.playground.streaming import stream_explanation
from recx.playground.wishes import instruction, quotes_held
from recx.recommenders.protocol import Scorer
from recx.recommenders.standing import standings, top_items


class Playground:
    """Asks a target and the explainers aligned to it.

    Args:
        histories: what is known without them; checks what comes in.
        explainers: name -> explainer.
        target: the recommender.
        length: items the target reads.
    """

    def __init__(self, histories: Histories, explainers: Mapping[str, Explainer], target: Scorer, length: int) -> None:
        self.histories, self.explainers = histories, dict(explainers)
        self.target, self.length, self.catalogue = target, length, histories.catalogue
        # One model at a time holds one set of user vectors; several streams take turns.
        self._turn = threading.Lock()

    def ask_target(self, history: Sequence[int], item: int, k: int = 10) -> Plain:
        """The target's best items with scores, and where the item stands."""
        given, asked = self._asked(history, item)
        with self._turn:
            best = top_items(self.target, given, self.length, k)
            standing = standings(self.target, [given], asked, self.length)[0]
        return {"top": [{**self.histories.shown(n), "score": s} for n, s in best], "standing": asdict(standing)}

    def ask_model(self, model: str, history: Sequence[int], item: int, k: int = 10) -> Plain:
        """What an explainer would recommend, and how probable it calls a "yes" for the item.

        Returns:
            `model, top, like, probability`, `shared` (how many of the target's k best are among its own) and `place`
            of the item among them, 0 where it is not.
        """
        explainer = self._explainer(model)
        given, asked = self._asked(history, item)
        with self._turn:
            best = explainer.recommend([given], k=min(k, len(self.catalogue) - len(set(given))))[0]
            said = explainer.predict([given], [asked])[0]
            wanted = {n for n, _ in top_items(self.target, given, self.length, k)}
        top = [{**self.histories.shown(n), "score": s} for n, s in zip(best.items, best.scores, strict=True)]
        told = {"model": model, "top": top, "like": said.like, "probability": said.probability}
        place = best.items.index(asked) + 1 if asked in best.items else 0
        return told | {"shared": len(wanted.intersection(best.items)), "place": place}

    def explain(
        self,
        model: str,
        history: Sequence[int],
        item: int,
        wish: Mapping[str, Any] | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Iterator[Plain]:
        """The explanation as it is written: `{"text": so far}` after every token, then the checked answer.

        The last record has `text, decision, segments, cited, agrees, verdict, instruction, prompt, held` (whether
        quotes were), `seconds, tokens, stopped`.
        """
        explainer = self._explainer(model)
        given, asked = self._asked(history, item)
        told, held = instruction(wish or {}, tuple(self.catalogue.attributes)), quotes_held(wish or {})
        explainer = explainer.with_held_quotes() if held else explainer
        started, tokens = time.monotonic(), 0
        for said in stream_explanation(explainer, given, asked, told, stopped=stopped, turn=self._turn):
            if isinstance(said, Explanation):
                yield self._answer(model, said, given, asked, told) | {
                    "held": held,
                    "seconds": round(time.monotonic() - started, 2),
                    "tokens": tokens,
                    "stopped": stopped(),
                }
            else:
                tokens += 1
                yield {"text": said}

    def what_if(self, history: Sequence[int], item: int, removed: Sequence[int], added: Sequence[int]) -> Plain:
        """A changed history, and where the item stands before and after."""
        given, asked = self._asked(history, item)
        changes = [("remove", int(n)) for n in self.histories.checked(removed)] + [
            ("add", int(n)) for n in self.histories.checked(added)
        ]
        if not changes:
            raise DataError("Nothing is changed: choose an item to remove or to add.")
        after = changed(given, changes)
        if not len(after):
            raise DataError("Nothing is left of the history; the target reads at least one item.")
        with self._turn:
            before, then = standings(self.target, [given, after], asked, self.length)
        return {"history": after.tolist(), "before": asdict(before), "after": asdict(then)}

    def turn_over(
        self,
        history: Sequence[int],
        item: int,
        wanted: Literal["yes", "no"],
        cited: Sequence[int] = (),
        adding: bool = False,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Plain:
        """The smallest change of the history that makes the target say `wanted`.

        Args:
            history: item indices, oldest first.
            item: asked about.
            wanted: "yes" or "no".
            cited: items that an explanation named, to be compared with those the change removes.
            adding: whether items may be added too, not only removed.
            stopped: asked between batches.
        """
        given, asked = self._asked(history, item)
        if wanted not in ("yes", "no"):
            raise DataError(f"One can look for a yes or a no, not for {wanted!r}.")
        # A search is long: others take their turn between any two of its batches.
        target, kinds = _InTurn(self.target, self._turn), ("remove", "add") if adding else ("remove",)
        found = flip(target, given, asked, self.length, len(self.catalogue), wanted, kinds, stopped=stopped)
        return self._flipped(found, given, set(self.histories.checked(cited).tolist()))

    def _flipped(self, found: Flip, history: np.ndarray, cited: set[int]) -> Plain:
        removed = [n for kind, n in found.changes if kind == "remove"]
        return {
            "wanted": found.wanted,
            "changes": [{"kind": kind, **self.histories.shown(n)} for kind, n in found.changes],
            "history": changed(history, found.changes).tolist(),
            "before": asdict(found.before),
            "after": asdict(found.after),
            "smallest": found.smallest,
            "tried": found.tried,
            "stopped": found.stopped,
            "removed": len(removed),
            "named": [self.histories.shown(n) for n in removed if n in cited],
        }

    def _answer(self, model: str, said: Explanation, history: np.ndarray, item: int, told: str) -> Plain:
        standing = standings(self.target, [history], item, self.length)[0]
        agrees = (
            None
            if standing.verdict == "between" or said.decision is None
            else (said.decision == (standing.verdict == "yes"))
        )
        return {
            "model": model,
            "item": self.histories.shown(item),
            "decision": said.decision,
            "text": said.text,
            "segments": [asdict(s) for s in segments(said.text, said.citations, said.statements)],
            "cited": sorted({c.item for c in said.citations if c.item}),
            "verdict": standing.verdict,
            "agrees": agrees,
            "instruction": told,
            "prompt": self.explainers[model].prompt_text(history, item, told),
        }

    def _explainer(self, model: str) -> Explainer:
        if model not in self.explainers:
            raise DataError(f"There is no model {model!r}; there are {', '.join(self.explainers)}.")
        return self.explainers[model]

    def _asked(self, history: Sequence[int], item: int) -> tuple[np.ndarray, int]:
        given = self.histories.checked(history)
        if not len(given):
            raise DataError("The history is empty: add at least one item.")
        return given, int(self.histories.checked([item])[0])


class _InTurn:
    """A scorer that waits for its turn at every batch."""

    def __init__(self, target: Scorer, turn: threading.Lock) -> None:
        self.target, self.turn = target, turn

    def score(self, histories: Tensor) -> Tensor:
        """(B, L) -> (B, N + 1)."""
        with self.turn:
            return self.target.score(histories)
