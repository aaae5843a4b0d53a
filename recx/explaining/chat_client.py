"""Client for chat endpoints that speak OpenAI's protocol: validated replies, retries, cost estimate and cache."""

import hashlib
import json
import os
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from tqdm.auto import tqdm

from recx.errors import RecxError, SettingsError
from recx.explaining.chat_replies import LONGEST, BadReply, answer_of, text_of
from recx.settings import ChatSettings
from recx.storage.text_store import TextStore

T = TypeVar("T")
Message = dict[str, str]
CHARACTERS_A_TOKEN = 4
SAMPLE = 120  # characters shown of an unusable reply
# After this many consecutive requests without any answer the endpoint counts as dead; after this many questions at the
# start without a usable answer it counts as useless.
DEAD_AFTER = 6
# A content filter or an overlong question concerns a single question. Any other refusal applies to all questions.
_ABOUT_ONE_QUESTION = {400, 413, 422}
_FILTERED = re.compile(r"content.?(?:filter|policy|management)|moderation|flagged", re.IGNORECASE)
_PASSING = {408, 409, 425, 429}


class ChatError(RecxError):
    """The chat endpoint cannot be used; replies received before are kept."""


@dataclass(frozen=True)
class _Missing:
    """Why a question has no answer: "refused", "not answered" (by the server) or "not readable", and the details."""

    kind: str
    reason: str


class _Refused(Exception):
    """The server responds, but declines to answer this question."""


class _NoReply(Exception):
    """The server responds, but not according to the protocol."""


@dataclass(frozen=True)
class Cost:
    """Upper bound on what a job will send and receive.

    Attributes:
        requests: number of requests still to be made.
        tokens_in: tokens to be sent, estimated at four characters each.
        tokens_out: largest number of tokens that may be received.
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


class ChatClient(Generic[T]):
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
        if not settings.address or not settings.model:
            raise SettingsError(
                "A chat model needs an address, e.g. http://127.0.0.1:8000/v1, and the name of a model."
            )
        try:
            import openai
        except ImportError as error:
            raise SettingsError("Chat models need the package openai: pip install 'recx[llm]'") from error
        self.settings, self.store = settings, TextStore(None) if store is None else store
        self._openai = openai
        if not settings.address.isprintable():
            raise SettingsError(f"The address {settings.address!r} contains an invalid character.")
        # Local servers need no key, but the client library requires one.
        self._client = openai.OpenAI(
            base_url=settings.address,
            api_key=os.environ.get(settings.key_variable) or "none",
            timeout=settings.seconds,
            max_retries=settings.retries,
        )
        self._sampling: dict[str, float] = {"temperature": 0, "max_tokens": settings.max_tokens}
        self._lock = threading.Lock()
        self._reached = self._useful = False  # whether the server ever responded, and ever gave a usable reply

    def cost(self, questions: Sequence[Sequence[Message]]) -> Cost:
        """Estimate the cost of these questions, not counting those whose answers are cached."""
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
            ChatError: the endpoint refuses the key, the model or every question, does not respond at all, or never
                gives a usable reply.
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
            print(f"{self._name}: {len(missing):,} of {len(questions):,} questions have no answer: {_counts(missing)}")
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
                f"{self._name}: none of the first {len(missing)} questions got a usable answer: {_counts(missing)}. "
                "Check the address, the model, how it is served, and its limits."
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
                answer, cut = self._reply(messages)
                value = read(answer)
            except _Refused as refusal:
                return None, _Missing("refused", self._shown(str(refusal)))
            except (self._openai.APIConnectionError, self._openai.APIStatusError) as error:
                return None, self._unanswered(error)
            except BadReply as bad:
                problem = f"{bad}: '{self._shown(answer, SAMPLE)}'"
                if not answer:
                    problem = f"empty after max_tokens={self.settings.max_tokens}" if cut else "empty"
                again = f"That reply cannot be used: {bad}. Reply again in the form asked for, with nothing else."
                # Some servers accept neither empty turns nor two consecutive turns of one role.
                turns = [{"role": "assistant", "content": answer[:2000]}, {"role": "user", "content": again}]
                messages = [*question, *(turns if answer else [])]
                continue
            except _NoReply as nothing:
                problem = f"not in the protocol: '{self._shown(str(nothing), SAMPLE)}'"
                continue
            with self._lock:
                self._useful = True
                self.store.keep({key: answer})
            return value, None
        return None, _Missing("not readable", problem)

    def _reply(self, messages: Sequence[Message]) -> tuple[str, bool]:
        """Return the answer and whether it was truncated at the token limit."""
        sampling = self._sampling
        while True:
            try:
                reply = self._client.chat.completions.create(
                    model=self.settings.model, messages=list(messages), **sampling
                )
            except self._openai.BadRequestError as error:
                sent, sampling = sampling, accepted(sampling, str(error))
                if sampling == sent:
                    raise
                continue
            except (self._openai.APIConnectionError, self._openai.APIStatusError):
                raise
            except (self._openai.OpenAIError, ValueError, TypeError) as error:
                raise _NoReply(str(error)) from None
            self._reached, self._sampling = True, sampling
            return self._read(reply)

    def _read(self, reply: Any) -> tuple[str, bool]:
        """Extract the answer from a server response of any form."""
        choices = getattr(reply, "choices", None)
        if not isinstance(choices, list):
            raise _NoReply(str(getattr(reply, "error", None) or reply))
        if not choices:
            raise _Refused("no choices")
        end = getattr(choices[0], "finish_reason", None)
        message = getattr(choices[0], "message", None)
        answer = answer_of(text_of(getattr(message, "content", None)))
        refusal = getattr(message, "refusal", None)
        if not answer and (refusal or end == "content_filter"):
            raise _Refused(f"{end}: {refusal}" if refusal else end)
        return answer, end == "length"

    def _unanswered(self, error: Exception) -> _Missing:
        """Classify an error that concerns one question.

        Raises:
            ChatError: the error concerns all questions: the endpoint cannot be reached, or the key, the model or the
                address is refused.
        """
        status, said = getattr(error, "status_code", None), f"{type(error).__name__}: {self._shown(str(error))}"
        self._reached |= status is not None
        if status in _ABOUT_ONE_QUESTION or (status == 403 and _FILTERED.search(str(error))):
            return _Missing("refused", said)
        if status is not None and status < 500 and status not in _PASSING:
            raise ChatError(f"{self.settings.address} refuses {self.settings.model!r}: {said}") from None
        if status is None and not self._reached and not isinstance(error, self._openai.APITimeoutError):
            raise ChatError(f"{self.settings.address} cannot be reached: {said} ({self._shown(str(error.__cause__))})")
        return _Missing("not answered", said)

    def _key(self, question: Sequence[Message]) -> str:
        asked = json.dumps([self.settings.address, self.settings.model, self.settings.max_tokens, list(question)])
        return hashlib.sha256(asked.encode()).hexdigest()[:32]

    @property
    def _name(self) -> str:
        return f"{self.settings.model} at {self.settings.address}"

    def _shown(self, text: str, letters: int = 200) -> str:
        """Shorten a server message to one line, with the key masked and control characters escaped."""
        key = os.environ.get(self.settings.key_variable, "")
        line = " ".join((text.replace(key, "***") if key else text)[:LONGEST].split())
        plain = "".join(c if c.isprintable() else repr(c)[1:-1] for c in line[:letters])
        return plain + ("..." if len(line) > letters else "")


def _counts(missing: Sequence[_Missing]) -> str:
    """Count the missing answers of each kind and give the most common reason."""
    said = []
    for kind, count in Counter(m.kind for m in missing).items():
        ((reason, _),) = Counter(m.reason for m in missing if m.kind == kind).most_common(1)
        said.append(f"{count:,} {kind} ({reason})")
    return ", ".join(said)


def accepted(sampling: Mapping[str, float], refusal: str) -> dict[str, float]:
    """Adapt sampling parameters to a server's refusal; unchanged if the refusal concerns something else.

    Reasoning models call the token limit `max_completion_tokens`, and some do not allow the temperature to be set.

    Args:
        sampling: parameters that were sent with the messages.
        refusal: error message of the server.
    """
    words = refusal.lower()
    if "max_tokens" in sampling and "max_completion_tokens" in words:
        return {("max_completion_tokens" if k == "max_tokens" else k): v for k, v in sampling.items()}
    if "temperature" in sampling and "temperature" in words:
        return {k: v for k, v in sampling.items() if k != "temperature"}
    return dict(sampling)
