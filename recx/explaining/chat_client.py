"""Many questions to a chat endpoint: validated replies, asking again, cost estimate and cache."""

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, TypeVar

from tqdm.auto import tqdm

from recx.explaining.chat_endpoint import SAMPLE, ChatEndpoint, ChatError, Message, NoReply, Refused, Unanswered
from recx.explaining.chat_replies import BadReply, answer_of
from recx.settings import ChatSettings
from recx.storage.text_store import TextStore

T = TypeVar("T")
CHARACTERS_A_TOKEN = 4
# After this many consecutive requests without any answer the endpoint counts as dead; after this many questions at the
# start without a usable answer it counts as useless.
DEAD_AFTER = 6


@dataclass(frozen=True)
class _Missing:
    """Why a question has no answer: "refused", "not answered" (by the server) or "not readable", and the details."""

    kind: str
    reason: str


@dataclass(frozen=True)
class Cost:
    """What a job will send and receive if every first reply can be used.

    Attributes:
        requests: number of requests still to be made.
        tokens_in: tokens to be sent, estimated at four characters each.
        tokens_out: largest number of tokens of these replies.
        price: estimated price, in the currency of the settings.
    """

    requests: int
    tokens_in: int
    tokens_out: int
    price: float

    def __str__(self) -> str:
        price = f", about {self.price:.2f} at the prices of the settings" if self.price else ""
        return (
            f"{self.requests:,} requests, about {self.tokens_in:,} tokens to send and at most {self.tokens_out:,} "
            f"to receive{price}"
        )


class ChatClient:
    """Asks many questions concurrently and recovers from failures.

    The client library retries time-outs, rate limits and server errors with increasing delays; a malformed reply is
    requested again together with a description of the expected form. Questions that the server refuses (because of a
    content filter, or because they are too long) and questions without a usable reply remain unanswered; their number
    and the reasons are printed. A model's reasoning before its answer is not part of the reply.

    Args:
        settings: address, model and limits.
        store: cache of replies, keyed by the hash of model and messages; cached questions are not asked again.

    Raises:
        SettingsError: no address or model is set, the address is invalid, or the client library is missing.
    """

    def __init__(self, settings: ChatSettings, store: TextStore | None = None) -> None:
        self.settings, self.endpoint = settings, ChatEndpoint(settings)
        self.store = TextStore(None) if store is None else store
        self._lock = threading.Lock()
        self._useful = False  # whether the server ever gave a usable reply

    def cost(self, questions: Sequence[Sequence[Message]]) -> Cost:
        """Estimate the cost of these questions, not counting those whose answers are cached.

        Replies that cannot be read are asked for again, up to `replies` times each, and come on top.
        """
        left = [q for q in questions if self.store.get(self._key(q)) is None]
        sent = sum(len(m["content"]) for q in left for m in q) // CHARACTERS_A_TOKEN
        received = len(left) * self.settings.max_tokens
        price = (sent * self.settings.price_in + received * self.settings.price_out) / 1e6
        return Cost(len(left), sent, received, price)

    def ask(
        self, questions: Sequence[Sequence[Message]], read: Callable[[str], T], show_progress: bool = False
    ) -> list[T | None]:
        """Ask all questions, several at a time; if progress is shown, the estimated cost is printed first.

        Args:
            questions: the messages of each question.
            read: turns a reply, without its reasoning, into a value, or raises `BadReply`.
            show_progress: print the cost and show a progress bar.

        Returns:
            One value per question, in order; None where there was no usable reply.

        Raises:
            ChatError: the endpoint refuses the key, the model or every question, does not respond at all, or gives no
                usable reply to the first six questions.
        """
        if show_progress:
            print(f"{self.settings.model} at {self.settings.address}: {self.cost(questions)}", flush=True)
        values: list[T | None] = [None] * len(questions)
        missing: list[_Missing] = []
        silent = 0
        pool = ThreadPoolExecutor(max(1, self.settings.parallel))
        waiting: dict[Future[Any], int] = {}
        following = iter(range(len(questions)))
        try:
            with tqdm(total=len(questions), desc="replies", disable=not show_progress, leave=False) as bar:
                while True:
                    while len(waiting) < max(1, self.settings.parallel):
                        n = next(following, None)
                        if n is None:
                            break
                        waiting[pool.submit(self._ask, questions[n], read)] = n
                    if not waiting:
                        break
                    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                    for future in done:
                        n = waiting.pop(future)
                        values[n], problem = future.result()
                        silent = silent + 1 if problem and problem.kind == "not answered" else 0
                        missing += [problem] if problem else []
                        bar.update(1)
                    self._check(missing, silent, len(questions))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        if missing:
            unanswered = f"{len(missing):,} of {len(questions):,} questions have no answer"
            print(f"{self.endpoint.name}: {unanswered}: {_counts(missing)}")
        return values

    def _check(self, missing: Sequence[_Missing], silent: int, questions: int) -> None:
        """Give up when continuing is pointless."""
        if silent >= min(DEAD_AFTER, questions):
            raise ChatError(
                f"{self.settings.address}: {silent} requests in a row failed ({missing[-1].reason}). "
                "Replies received so far are kept; rerun the same command to resume."
            )
        # A few unreadable replies may be bad luck; refusals are reported at once.
        enough = DEAD_AFTER if any(m.kind == "not readable" for m in missing) else min(DEAD_AFTER, questions)
        if missing and not self._useful and len(missing) >= enough:
            raise ChatError(
                f"{self.endpoint.name}: none of the first {len(missing)} questions got a usable answer: "
                f"{_counts(missing)}. Check the address, the model, how it is served, and its limits."
            )

    def _ask(self, question: Sequence[Message], read: Callable[[str], T]) -> tuple[T | None, _Missing | None]:
        """Return a value, or None and the reason why there is none."""
        key = self._key(question)
        kept = self.store.get(key)
        if kept is not None:
            try:
                value = read(answer_of(kept))
                self._useful = True
                return value, None
            except BadReply:
                pass
        messages, problem = list(question), ""
        for _ in range(max(1, self.settings.replies)):
            answer = ""
            try:
                answer, cut = self.endpoint.reply(messages)
                value = read(answer)
            except Refused as refusal:
                return None, _Missing("refused", str(refusal))
            except Unanswered as failure:
                return None, _Missing("not answered", str(failure))
            except BadReply as bad:
                problem = f"{bad}: '{self.endpoint.shown(answer, SAMPLE)}'"
                if not answer:
                    problem = f"empty after max_tokens={self.settings.max_tokens}" if cut else "empty"
                again = f"That reply cannot be used: {bad}. Reply again in the form asked for, with nothing else."
                # Some servers accept neither empty turns nor two consecutive turns of one role.
                turns = [{"role": "assistant", "content": answer[:2000]}, {"role": "user", "content": again}]
                messages = [*question, *(turns if answer else [])]
                continue
            except NoReply as nothing:
                problem = f"not in the protocol: '{nothing}'"
                continue
            with self._lock:
                self._useful = True
                self.store.keep({key: answer})
            return value, None
        return None, _Missing("not readable", problem)

    def _key(self, question: Sequence[Message]) -> str:
        asked = json.dumps([self.settings.address, self.settings.model, self.settings.max_tokens, list(question)])
        return hashlib.sha256(asked.encode()).hexdigest()[:32]


def _counts(missing: Sequence[_Missing]) -> str:
    """Count the missing answers of each kind and give the most common reason."""
    said = []
    for kind, count in Counter(m.kind for m in missing).items():
        ((reason, _),) = Counter(m.reason for m in missing if m.kind == kind).most_common(1)
        said.append(f"{count:,} {kind} ({reason})")
    return ", ".join(said)
