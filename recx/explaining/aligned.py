"""The explainer for aligned models, through which notebooks and forms use a model."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Self

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from recx.data.catalogue import Catalogue
from recx.data.item_lookup import Item, find_item
from recx.decoding import constrained, generation
from recx.decoding.quote_constraint import QuoteConstraint
from recx.decoding.title_trie import build_list_graph, build_title_trie
from recx.decoding.token_texts import TokenTexts
from recx.errors import SettingsError
from recx.explaining.evidence_cache import Measure, remembered
from recx.explaining.explainer import Explainer
from recx.explaining.in_context import Shots
from recx.explaining.records import Explanation, Prediction, Recommendation, explanation_of
from recx.explaining.revision import Reviser
from recx.explaining.text_generator import TextGenerator
from recx.models.aligned_model import AlignedModel
from recx.parsing.explanation_parser import ExplanationParser
from recx.prompts.controls import Control, instruction_text
from recx.prompts.evidence import tell
from recx.prompts.modes import MODE_SPECS, Mode
from recx.prompts.pieces import as_text
from recx.prompts.requests import Request, history_of
from recx.prompts.tokens import Prompt, PromptEncoder
from recx.prompts.wordings import ZERO_SHOT
from recx.recommenders.devices import encode_users
from recx.recommenders.item_rank import top_items
from recx.recommenders.protocol import TwoTower, pad_histories
from recx.storage.text_store import TextStore

ZERO_SHOT_TOKENS = 24


class AlignedExplainer(Explainer):
    """An `Explainer` backed by an aligned model, or by the unaligned backbone, which reads titles only.

    Histories and items may be given as catalogue labels, source ids or item indices. Each task uses one fixed wording,
    so that answers differ only because of the person and the item.

    Args:
        model: the aligned model, in eval mode.
        tokenizer: tokenizer of its backbone.
        mode: the form of prompts it was aligned with.
        catalogue: the items.
        target: the recommender that encodes histories; not needed for a model without entities.
        max_history: how many of the latest items a prompt shows and the target reads.
        precision: of matrix products, as in `FitSettings`.

    Raises:
        SettingsError: the model lacks the vectors or the target that the mode needs, or was aligned with another
            catalogue.
    """

    def __init__(
        self,
        model: AlignedModel,
        tokenizer: PreTrainedTokenizerBase,
        mode: Mode,
        catalogue: Catalogue,
        target: TwoTower | None,
        max_history: int,
        precision: str = "auto",
    ) -> None:
        self.reads_vectors = model.entities is not None
        if MODE_SPECS[mode].reads_vectors and not self.reads_vectors:
            raise SettingsError(f"The {mode} mode reads vectors, but this model was built without them.")
        if self.reads_vectors and target is None:
            raise SettingsError(f"The {mode} mode reads user vectors and needs a target that computes them.")
        if self.reads_vectors and len(model.entities.items) != len(catalogue) + 1:
            aligned = len(model.entities.items) - 1
            raise SettingsError(f"The model was aligned with {aligned} items, but this catalogue has {len(catalogue)}.")
        self.model, self.mode, self.catalogue, self.target = model, mode, catalogue, target
        self.max_history, self.precision = max_history, precision
        self.shots: Shots = {}
        self.holds_quotes = False
        self.zero_shot, self.min_tokens = False, 0
        self.measure: Measure | None = None
        self.holds_evidence = False
        vocabulary = model.backbone.get_input_embeddings().weight.shape[0]
        self.encoder = PromptEncoder(tokenizer, catalogue.labels, vocabulary)
        self.parser, self.text_generator = ExplanationParser(catalogue), TextGenerator(model, self.encoder, precision)
        self.separator = np.concatenate(self.encoder.pieces(["; "]))
        self._longest_title = max(map(len, self.encoder.titles))
        self.title_trie = build_title_trie(self.encoder.titles, self.encoder.end)
        self._many = build_list_graph(self.encoder.titles, self.separator, self.encoder.end)
        self._yes, self._no = self.encoder.choices("Yes", "No")

    def find(self, item: Item) -> int:
        """Find the index of an item given as index, label, title or source id.

        Raises:
            DataError: there is no such item, or several share the title; the message names the closest matches.
        """
        return find_item(self.catalogue, item)

    def history(self, items: Sequence[Item]) -> np.ndarray:
        """Convert a history given in any form to item indices.

        Raises:
            DataError: the history is empty or names an unknown item.
        """
        return history_of(self.catalogue, items)

    def recommend(
        self, histories: Sequence[Sequence[Item]], k: int = 5, show_progress: bool = False, seen: bool = False
    ) -> list[Recommendation]:
        """Find the k most probable next titles for each person by beam search over the catalogue (task 1).

        Args:
            histories: R histories.
            k: number of titles.
            show_progress: show a progress bar.
            seen: whether items of the history may be recommended; the target never recommends them.

        Raises:
            DataError: a history is empty or names an unknown item.
            SettingsError: k is not between 1 and the number of items that may be recommended.
        """
        whole = [self.history(h) for h in histories]
        exclude = [() if seen else np.unique(h).tolist() for h in whole]
        room = len(self.catalogue) - max(map(len, exclude), default=0)
        if not 0 < k <= room:
            raise SettingsError(f"{k} titles were requested; expected 1 to {room}, the items that may be recommended.")
        items, scores = constrained.beam_titles(
            self.model,
            self.prompts(self.requests("retrieval", whole)),
            self.title_trie,
            k,
            precision=self.precision,
            show_progress=show_progress,
            exclude=None if seen else exclude,
        )
        return [
            Recommendation(tuple(i.tolist()), tuple(self.catalogue.labels[n] for n in i), tuple(s.tolist()))
            for i, s in zip(items, scores, strict=True)
        ]

    def recommend_freely(
        self, histories: Sequence[Sequence[Item]], beams: int = 5, show_progress: bool = False
    ) -> np.ndarray:
        """Solve task 1 without the trie, as the paper does: free beam search with answers matched exactly to labels.

        Returns:
            Items (R, beams), best first; 0 where the text is not a title of the catalogue.
        """
        answers = generation.free_answers(
            self.model,
            self.prompts(self.requests("retrieval", histories)),
            self.encoder.ends,
            beams,
            beams,
            max_tokens=self._longest_title + 2,
            precision=self.precision,
            show_progress=show_progress,
        )
        texts = [[self.encoder.tokenizer.decode(a).strip().strip('"') for a in row] for row in answers]
        return np.array([[self.catalogue.index_of_label.get(t, 0) for t in row] for row in texts])

    def rank(
        self, histories: Sequence[Sequence[Item]], candidates: Sequence[Sequence[Item]], show_progress: bool = False
    ) -> np.ndarray:
        """Rank each person's candidates (R, C); returns item indices (task 2)."""
        shown = np.array([[self.find(c) for c in row] for row in candidates])
        return constrained.greedy_order(
            self.model,
            self.prompts(self.requests("ranking", histories, shown)),
            shown,
            self.encoder.titles,
            self.separator,
            precision=self.precision,
            show_progress=show_progress,
        )

    def predict(
        self, histories: Sequence[Sequence[Item]], items: Sequence[Item], show_progress: bool = False
    ) -> list[Prediction]:
        """Predict whether person r would like item r from the probabilities of "Yes" and "No" (task 3)."""
        requests = self.requests("preference", histories, [[i] for i in items])
        probabilities = generation.choice_probability(
            self.model,
            self.prompts(requests),
            (self._yes, self._no),
            precision=self.precision,
            show_progress=show_progress,
        )
        return [
            Prediction(r.items[0], self.catalogue.labels[r.items[0]], bool(p > 0.5), float(p))
            for r, p in zip(requests, probabilities, strict=True)
        ]

    def rank_by_preference(
        self, histories: Sequence[Sequence[Item]], candidates: Sequence[Sequence[Item]], show_progress: bool = False
    ) -> np.ndarray:
        """Rank each person's candidates (R, C) by their probability of a "Yes" in task 3, highest first."""
        shown = np.array([[self.find(c) for c in row] for row in candidates])
        people = [history for history in histories for _ in range(shown.shape[1])]
        predictions = self.predict(people, shown.flatten().tolist(), show_progress=show_progress)
        order = np.array([-p.probability for p in predictions]).reshape(shown.shape).argsort(1, kind="stable")
        return np.take_along_axis(shown, order, axis=1)

    def reconstruct(self, histories: Sequence[Sequence[Item]], show_progress: bool = False) -> list[tuple[int, ...]]:
        """Reconstruct each person's history from their user vector (task 6).

        Raises:
            SettingsError: the model reads titles only, so there is no user vector to read.
        """
        if not self.reads_vectors:
            return super().reconstruct(histories)
        lists = constrained.greedy_lists(
            self.model,
            self.prompts(self.requests("history", histories), form="intention"),
            self._many,
            self.max_history,
            precision=self.precision,
            show_progress=show_progress,
        )
        return [tuple(row) for row in lists]

    def explain(
        self,
        histories: Sequence[Sequence[Item]],
        items: Sequence[Item],
        instruction: str | Control = "",
        show_progress: bool = False,
        max_tokens: int = 0,
    ) -> list[Explanation]:
        """Explain whether the recommender would suggest item r to person r, and why.

        Args:
            histories: R histories.
            items: R items.
            instruction: free text, or a `Control` such as `Control(view="platform")`.
            show_progress: show a progress bar.
            max_tokens: greatest length of an answer; by default, what the titles of the catalogue need.
        """
        max_tokens = max_tokens or self.encoder.text_tokens
        requests = self.explanation_requests(histories, items, instruction)
        quotes = [self.quotes(request) for request in requests] if self.holds_quotes else None
        texts = self.text_generator.write(
            self.prompts(requests), max_tokens, show_progress, quotes, min_tokens=self.min_tokens
        )
        if self.measure is not None and self.holds_evidence:
            evidence = [self.measure(request.whole, request.items[0]) for request in requests]
            *_, drafts = Reviser(self, max_tokens).revise(requests, evidence, texts)
            return [self.read(draft.text, draft.request, draft.changed) for draft in drafts]
        return [self.read(text, request) for text, request in zip(texts, requests, strict=True)]

    def explanation_requests(
        self, histories: Sequence[Sequence[Item]], items: Sequence[Item], instruction: str | Control = ""
    ) -> list[Request]:
        """Build the requests of `explain`, including measured evidence if the model is given it."""
        wishes = [ZERO_SHOT] if self.zero_shot else []
        wishes += [text] if (text := instruction_text(instruction)) else []
        requests = self.requests("explanation", histories, [[i] for i in items], " ".join(wishes))
        if self.measure is None:
            return requests
        return [self._told(request) for request in requests]

    def read(self, text: str, request: Request, revised: int = 0) -> Explanation:
        """Parse a text, of which some sentences were `revised`, into an explanation with checked content."""
        return explanation_of(text, request, self.catalogue, self.parser, revised)

    def prompt_text(self, history: Sequence[Item], item: Item, instruction: str | Control = "") -> str:
        """Return the prompt as text; vectors and tokens appear as <user>, <item>, <relation> and <told>."""
        (request,) = self.explanation_requests([history], [item], instruction)
        return as_text(request.pieces(self.mode), self.catalogue)

    def target_top(self, history: Sequence[Item], k: int = 5) -> list[str]:
        """Return the labels of the k items that the target itself ranks highest, excluding the history.

        Raises:
            SettingsError: the explainer was built without a target.
        """
        if self.target is None:
            raise SettingsError("This explainer was built without its target.")
        best = top_items(self.target, self.history(history), self.max_history, k)
        return [self.catalogue.labels[item] for item, _ in best]

    def with_shots(self, shots: Shots) -> Self:
        """Return a copy that is shown worked examples before each question; for models with text-only prompts.

        Raises:
            SettingsError: the model reads vectors.
        """
        if self.reads_vectors:
            raise SettingsError(f"In-context examples are text, but the {self.mode} mode reads vectors.")
        return self._with(shots=shots)

    def with_target(self, target: TwoTower) -> Self:
        """Return a copy that reads the user vectors of another target."""
        return self._with(target=target)

    def with_model(self, model: AlignedModel) -> Self:
        """Return a copy that is backed by another model with the same backbone and vectors, without cached texts."""
        return self._with(model=model, text_generator=TextGenerator(model, self.encoder, self.precision))

    def with_zero_shot_prompt(self) -> Self:
        """Return a copy whose questions describe what an explanation contains, for models not trained on any.

        Task 3 has taught such a model to stop after its decision, so a text has at least `ZERO_SHOT_TOKENS` tokens.
        """
        return self._with(zero_shot=True, min_tokens=ZERO_SHOT_TOKENS)

    def with_held_quotes(self) -> Self:
        """Return a copy whose explanations may quote only titles of the history, and the item in question.

        None is cited as a further cause that was cited before, see `QuoteConstraint`.
        """
        return self._with(holds_quotes=True)

    def with_evidence(self, measure: Measure) -> Self:
        """Return a copy that is given measured evidence about the target with each question.

        Args:
            measure: maps a history and an item to the evidence, e.g. `partial(measure_evidence, value)`.
        """
        return self._with(measure=remembered(measure))

    def with_held_evidence(self) -> Self:
        """Return a copy whose told texts do not contradict their evidence, see `Reviser`."""
        return self._with(holds_evidence=True)

    def _told(self, request: Request) -> Request:
        """Add the measured causes of the target's decision to a question, in words and, if it reads them, in tokens."""
        evidence = self.measure(request.whole, request.items[0])
        roles = map(evidence.role, request.history.tolist()) if self.model.reads_told else ()
        return replace(request, evidence=tuple(tell(evidence)), roles=tuple(roles))

    def with_store(self, store: TextStore) -> Self:
        """Return a copy that caches its explanations by a hash of prompt and model."""
        return self._with(text_generator=self.text_generator.with_store(store))

    def _with(self, **changed: object) -> Self:
        other = copy.copy(self)
        vars(other).update(changed)
        return other

    def quotes(self, request: Request) -> QuoteConstraint:
        """Build the constraint on what an explanation may quote when quotes are restricted."""
        labels = self.catalogue.labels
        cited = [labels[h] for h in request.history]
        return QuoteConstraint(TokenTexts.of(self.encoder.tokenizer), cited, labels[request.items[0]])

    @torch.inference_mode()
    def prompts(self, requests: Sequence[Request], form: Mode | None = None) -> list[Prompt]:
        """Encode requests as prompts, each with its person's user vector, by default in the model's own mode."""
        users: Sequence[torch.Tensor | None] = [None] * len(requests)
        if self.reads_vectors:
            users = list(encode_users(self.target, pad_histories([r.history for r in requests], self.max_history)))
        return [
            self.encoder.prompt(request.pieces(form or self.mode), self.shots.get(request.task, ()), user)
            for request, user in zip(requests, users, strict=True)
        ]
