"""The Explainer: everything a notebook or a widget shows of an aligned model goes through it."""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from recx.data.catalogue import Catalogue
from recx.data.item_lookup import Item, find_item
from recx.decoding import constrained as decoding
from recx.decoding import free as generation
from recx.decoding.held_quotes import Quotes
from recx.decoding.title_graph import single_title, title_list
from recx.errors import DataError, SettingsError
from recx.explaining.in_context import Shots
from recx.explaining.records import Explanation, Prediction, Recommendation
from recx.explaining.writing import Writer
from recx.models.aligned_model import AlignedModel
from recx.prompts import wordings as prompts
from recx.prompts.controls import Control
from recx.prompts.reading import Reader
from recx.prompts.tokens import Encoder
from recx.prompts.training_tasks import TaskData, as_text, question
from recx.prompts.wordings import Mode, Piece
from recx.recommenders.labels import NO_LABELS
from recx.recommenders.protocol import TwoTower, mask_seen, pad_histories
from recx.storage.text_store import TextStore


class Explainer:
    """Asks an aligned model about histories.

    Histories and items are given as catalogue labels, source ids or item indices. An opening and a question are
    chosen for each task once and used for all, so that answers differ only through persons and items.

    Args:
        model: aligned, in eval mode.
        tokenizer: of its backbone.
        mode: the form of prompts it was aligned with.
        catalogue: items.
        target: encodes histories; not needed in the behavior mode.
        longest: how many of the latest items a prompt shows and the target reads.
        precision: "auto", "bfloat16" or "float32".
    """

    def __init__(
        self,
        model: AlignedModel,
        tokenizer: PreTrainedTokenizerBase,
        mode: Mode,
        catalogue: Catalogue,
        target: TwoTower | None,
        longest: int,
        precision: str = "auto",
    ) -> None:
        if mode != "behavior" and target is None:
            raise SettingsError(f"The {mode} mode reads user vectors and needs a target that makes them.")
        if model.entities is not None and len(model.entities.items) != len(catalogue) + 1:
            told = len(model.entities.items) - 1
            raise SettingsError(f"The model was aligned with {told} items; this catalogue has {len(catalogue)}.")
        self.model, self.mode, self.catalogue, self.target = model, mode, catalogue, target
        self.longest, self.precision = longest, precision
        self.shots: Shots = {}
        self.held = False
        vocabulary = model.backbone.get_input_embeddings().weight.shape[0]
        self.encoder = Encoder(tokenizer, catalogue.labels, vocabulary)
        self.reader, self.writer = Reader(catalogue), Writer(model, self.encoder, precision)
        self.separator = np.concatenate(self.encoder.pieces(["; "]))
        self._longest_title = max(map(len, self.encoder.titles))
        self._one = single_title(self.encoder.titles, self.encoder.end)
        self._many = title_list(self.encoder.titles, self.separator, self.encoder.end)
        self._yes, self._no = (int(self.encoder.pieces([w])[0][0]) for w in ("Yes", "No"))

    def find(self, item: Item) -> int:
        """Index of an item given as index, label, title or source id.

        Raises:
            DataError: there is none, or several share the title; the message names the nearest ones.
        """
        return find_item(self.catalogue, item)

    def history(self, items: Sequence[Item]) -> np.ndarray:
        """Indices of a history given in any form.

        Raises:
            DataError: it is empty or names an unknown item.
        """
        if len(items) == 0:
            raise DataError("The history is empty; name at least one item.")
        return np.array([self.find(i) for i in items], dtype=np.int64)

    def recommend(
        self, histories: Sequence[Sequence[Item]], k: int = 5, show_progress: bool = False, seen: bool = False
    ) -> list[Recommendation]:
        """The k most probable next titles of each person, by beam search over the catalogue (task 1).

        Args:
            histories: R histories.
            k: titles wanted.
            show_progress: show a bar.
            seen: whether items of the whole history may be among them; the target never recommends these.

        Raises:
            DataError: a history is empty or names an unknown item.
            SettingsError: k is not between 1 and the number of items that may be recommended.
        """
        data, encoded = self.ask("retrieval", histories)
        without = [() if seen else np.unique(h).tolist() for h in data.histories]
        room = len(self.catalogue) - max(map(len, without), default=0)
        if not 0 < k <= room:
            raise SettingsError(f"{k} titles were asked for; there are {room} to choose from.")
        items, scores = decoding.beam_titles(
            self.model,
            encoded,
            self._one,
            k,
            precision=self.precision,
            show_progress=show_progress,
            without=None if seen else without,
        )
        return [
            Recommendation(tuple(i.tolist()), tuple(self.catalogue.labels[n] for n in i), tuple(s.tolist()))
            for i, s in zip(items, scores, strict=True)
        ]

    def recommend_freely(
        self, histories: Sequence[Sequence[Item]], beams: int = 5, show_progress: bool = False
    ) -> np.ndarray:
        """Task 1 without the trie, as the paper decodes it: free beam search, answers matched to labels exactly.

        Returns:
            Items (R, beams), the best first; 0 where the text is no title of the catalogue.
        """
        _, encoded = self.ask("retrieval", histories)
        answers = generation.free_answers(
            self.model,
            encoded,
            int(self.encoder.end[0]),
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
        """Candidates (R, C) of each person in the model's order, as item indices (task 2)."""
        shown = np.array([[self.find(c) for c in row] for row in candidates])
        _, encoded = self.ask("ranking", histories, shown)
        return decoding.greedy_order(
            self.model,
            encoded,
            shown,
            self.encoder.titles,
            self.separator,
            precision=self.precision,
            show_progress=show_progress,
        )

    def predict(
        self, histories: Sequence[Sequence[Item]], items: Sequence[Item], show_progress: bool = False
    ) -> list[Prediction]:
        """Would person r like item r? (task 3), from the probabilities of "Yes" and "No"."""
        found = [self.find(i) for i in items]
        _, encoded = self.ask("preference", histories, [[i] for i in found])
        probability = generation.choice_probability(
            self.model, encoded, (self._yes, self._no), precision=self.precision, show_progress=show_progress
        )
        return [
            Prediction(i, self.catalogue.labels[i], bool(p > 0.5), float(p))
            for i, p in zip(found, probability, strict=True)
        ]

    def rank_by_preference(
        self, histories: Sequence[Sequence[Item]], candidates: Sequence[Sequence[Item]], show_progress: bool = False
    ) -> np.ndarray:
        """Candidates (R, C) of each person by the probability that task 3 says "Yes", the highest first."""
        shown = np.array([[self.find(c) for c in row] for row in candidates])
        people = [history for history in histories for _ in range(shown.shape[1])]
        said = self.predict(people, shown.flatten().tolist(), show_progress=show_progress)
        order = np.array([-p.probability for p in said]).reshape(shown.shape).argsort(1, kind="stable")
        return np.take_along_axis(shown, order, axis=1)

    def reconstruct(self, histories: Sequence[Sequence[Item]], show_progress: bool = False) -> list[tuple[int, ...]]:
        """The items the model reads out of each person's user vector (task 6).

        Raises:
            SettingsError: in the behavior mode, which has no user vector to read.
        """
        if self.mode == "behavior":
            raise SettingsError("The behavior mode has no user vector, so there is nothing to reconstruct.")
        _, encoded = self.ask("history", histories, form="intention")
        lists = decoding.greedy_lists(
            self.model, encoded, self._many, self.longest, precision=self.precision, show_progress=show_progress
        )
        return [tuple(row) for row in lists]

    def explain(
        self,
        histories: Sequence[Sequence[Item]],
        items: Sequence[Item],
        instruction: str | Control = "",
        max_tokens: int = 160,
        show_progress: bool = False,
        store: TextStore | None = None,
    ) -> list[Explanation]:
        """Would the recommender suggest item r to person r, and why?

        Args:
            histories: R histories.
            items: R items.
            instruction: free text, or a `Control` such as `Control(view="platform")`.
            max_tokens: longest answer.
            show_progress: show a bar.
            store: where texts are kept by the hash of prompt and model; what it holds is not written again.
        """
        asked = wish(instruction)
        found = [self.find(i) for i in items]
        data, encoded = self.ask("explanation", histories, [[i] for i in found], instruction=asked)
        quotes = [self.quotes(data.recent(row), item) for row, item in enumerate(found)] if self.held else None
        texts = self.writer.write(encoded, max_tokens, store, show_progress, quotes)
        return [
            self.read(text, data.recent(row), item, asked)
            for row, (item, text) in enumerate(zip(found, texts, strict=True))
        ]

    def read(self, text: str, history: Sequence[int], item: int, instruction: str = "") -> Explanation:
        """A text as an explanation: its decision, and what it cites and states, checked.

        Args:
            text: what was written.
            history: item indices that the prompt showed.
            item: the item asked about.
            instruction: what it was asked to mind.
        """
        found, label = self.reader.read(text, history, item), self.catalogue.labels[item]
        return Explanation(item, label, found.decision, text, found.citations, found.statements, instruction)

    def prompt_text(self, history: Sequence[Item], item: Item, instruction: str | Control = "") -> str:
        """The prompt of an explanation as text; vectors show as <user> and <item>."""
        pieces = self._pieces(
            self._data([history]), 0, prompts.EXPLANATION[0], [self.find(item)], wish(instruction), self.mode
        )
        return as_text(pieces, self.catalogue)

    def target_top(self, history: Sequence[Item], k: int = 5) -> list[str]:
        """What the target itself recommends: the labels of its k best items outside the history.

        Raises:
            SettingsError: there is no target to ask.
        """
        if self.target is None:
            raise SettingsError("This explainer was built without its target.")
        found = self.history(history)
        with torch.inference_mode():
            scores = mask_seen(self.target.score(pad_histories([found], self.longest)).clone(), [found])[0]
        unseen = int((scores > -torch.inf).sum())
        return [self.catalogue.labels[i] for i in scores.topk(min(k, unseen)).indices.tolist()]

    def with_shots(self, shots: Shots) -> "Explainer":
        """The same model, shown worked examples before it is asked; for the behavior mode, whose prompts are text.

        Raises:
            SettingsError: in another mode.
        """
        if self.mode != "behavior":
            raise SettingsError(f"In-context examples are text; the {self.mode} mode reads vectors.")
        other = copy.copy(self)
        other.shots = shots
        return other

    def with_target(self, target: TwoTower) -> "Explainer":
        """The same model, reading the user vectors of another target."""
        other = copy.copy(self)
        other.target = target
        return other

    def with_held_quotes(self) -> "Explainer":
        """The same model; whatever title its explanations quote is one of the history, or the item asked about."""
        other = copy.copy(self)
        other.held = True
        return other

    def quotes(self, history: Sequence[int], item: int) -> Quotes:
        """What an explanation may quote where quotes are held.

        Args:
            history: item indices that a prompt shows.
            item: the item asked about.
        """
        stop, source = (int(found[-1]) for found in self.encoder.pieces([".", " history"]))
        return Quotes([self.encoder.titles[h] for h in history], self.encoder.titles[item], stop, source)

    def _data(self, histories: Sequence[Sequence[Item]]) -> TaskData:
        found = [self.history(h) for h in histories]
        return TaskData(self.catalogue, found, NO_LABELS, longest=self.longest)

    def ask(
        self,
        task: str,
        histories: Sequence[Sequence[Item]],
        items: Sequence[Sequence[int]] | np.ndarray | None = None,
        instruction: str = "",
        form: Mode | None = None,
    ) -> tuple[TaskData, list[np.ndarray]]:
        """Put the user vectors in place and encode one question about each person.

        The model holds the vectors of the latest call only: whoever asks for several people at once in several
        threads reads the prompts (a first pass through the model) before the next call.

        Args:
            task: a key of `prompts.ALL_WORDINGS`.
            histories: R histories.
            items: of each person, where the task asks about items.
            instruction: a line that goes with the question.
            form: of the prompt; the mode unless told.

        Returns:
            What is asked about, and R prompts as token ids.
        """
        data, form = self._data(histories), form or self.mode
        if self.mode != "behavior":
            self.model.entities.set_users(self.user_vectors(data.histories))
        asked = [
            self._pieces(
                data, row, prompts.ALL_WORDINGS[task][0], () if items is None else items[row], instruction, form
            )
            for row in range(len(data.histories))
        ]
        return data, [self.encoder.prompt(pieces, self.shots.get(task, ())) for pieces in asked]

    def _pieces(
        self, data: TaskData, row: int, wording: str, items: Sequence[int], instruction: str, form: Mode
    ) -> list[Piece]:
        return question(data, form, row, 0, wording, items) + ([f" {instruction}"] if instruction else [])

    @torch.inference_mode()
    def user_vectors(self, histories: Sequence[np.ndarray]) -> torch.Tensor:
        """The target's vectors (R, d) of histories."""
        return self.target.encode_users(pad_histories(histories, self.longest))


def wish(instruction: str | Control) -> str:
    """An instruction as one line of text."""
    return instruction.wording() if isinstance(instruction, Control) else " ".join(instruction.split())
