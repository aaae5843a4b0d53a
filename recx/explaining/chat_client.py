"""A chat model behind an address that speaks OpenAI's protocol: validated replies, retries, cost, and what is kept."""

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
SAMPLE = 120  # letters of a reply that cannot be used, as they are shown
# After so many requests in a row without any answer the address is taken to be dead; after so many questions at the
# start that none came of, useless.
DEAD_AFTER = 6
# A filter, or a question longer than the model reads, is about one question. What else is refused is so for all.
_ABOUT_ONE_QUESTION = {400, 413, 422}
_FILTERED = re.compile(r"content.?(?:filter|policy|management)|moderation|flagged", re.IGNORECASE)
_PASSING = {408, 409, 425, 429}


class ChatError(RecxError):
    """A chat address that cannot be used; replies that came before are kept."""


@dataclass(frozen=True)
class _Missing:
    """Why a question has no answer: "refused", "not answered" (by the server) or "not readable", and what was said."""

    kind: str
    reason: str


class _Refused(Exception):
    """The server answers, and says that it does not answer this question."""


class _NoReply(Exception):
    """The server answers, but not in the protocol."""


@dataclass(frozen=True)
class Cost:
    """What a job will send and receive at most.

    Attributes:
        requests: number of replies still to be asked for.
        tokens_in: tokens sent, estimated at four characters each.
        tokens_out: tokens received at most.
        price: in the currency of the settings.
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
    """Asks many questions at once and survives what happens on the way.

    Time-outs, rate limits and errors of the server are tried again by the client library, which waits longer each
    time; a reply of the wrong form is asked for again with what was expected. A question that the server refuses (its
    filter, or one longer than the model reads) and one that stays without a usable reply have no answer; how many
    there are, and why, is printed. What a model thinks before it answers is no part of a reply.

    Args:
        settings: address, model and limits.
        store: where replies are kept by the hash of model and messages; what it holds is not asked again.

    Raises:
        SettingsError: no address or model is set, the address can be none, or the client library is missing.
    """

    def __init__(self, settings: ChatSettings, store: TextStore | None = None) -> None:
        if not settings.address or not settings.model:
            raise SettingsError(
                "A chat model needs an address and a model, e.g. http://127.0.0.1:8000/v1 and its name."
            )
        try:
            import openai
        except ImportError as error:
            raise SettingsError("Chat models need the package openai: pip install 'recx[llm]'.") from error
        self.settings, self.store = settings, TextStore(None) if store is None else store
        self._openai = openai
        if not settings.address.isprintable():
            raise SettingsError(f"The address {settings.address!r} holds a character that no address has.")
        # Local servers ask for no key, but the client library wants one.
        self._client = openai.OpenAI(
            base_url=settings.address,
            api_key=os.environ.get(settings.key_variable) or "none",
            timeout=settings.seconds,
            max_retries=settings.retries,
        )
        self._sampling: dict[str, float] = {"temperature": 0, "max_tokens": settings.max_tokens}
        self._lock = threading.Lock()
        self._reached = self._useful = False  # whether the server ever said anything, and anything that could be read

    def cost(self, questions: Sequence[Sequence[Message]]) -> Cost:
        """What asking these questions will take, those already answered left out."""
        left = [q for q in questions if self.store.get(self._key(q)) is None]
        sent = sum(len(m["content"]) for q in left for m in q) // CHARACTERS_A_TOKEN
        received = len(left) * self.settings.max_tokens
        price = (sent * self.settings.price_in + received * self.settings.price_out) / 1e6
        return Cost(len(left), sent, received, price)

    def ask(
        self, questions: Sequence[Sequence[Message]], read: Callable[[str], T], show_progress: bool = False
    ) -> list[T | None]:
        """Ask all questions, several at once; the cost is printed first where progress is shown.

        Args:
            questions: messages of each.
            read: turns a reply, without thinking, into a value, or raises `BadReply`.
            show_progress: print the cost and show a bar.

        Returns:
            A value for each question, in their order; None where no usable reply came.

        Raises:
            ChatError: the address refuses the key, the model or everything that is asked, does not answer at all, or
                answers nothing that can be read.
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
        """Give up where going on is useless."""
        if silent >= min(DEAD_AFTER, questions):
            raise ChatError(
                f"{self.settings.address}: {silent} requests in a row came to nothing ({missing[-1].reason}). "
                "Replies that came before are kept; the same command goes on from there."
            )
        # A few unreadable replies may be bad luck; refused questions cost nothing to be told of at once.
        enough = DEAD_AFTER if any(m.kind == "not readable" for m in missing) else min(DEAD_AFTER, questions)
        if missing and not self._useful and len(missing) >= enough:
            raise ChatError(
                f"{self._name}: none of the first {len(missing)} questions has a usable answer: {_counts(missing)}. "
                "Look at the address, the model and how it is served, and whether it is asked within its limits."
            )

    def _ask(self, question: Sequence[Message], read: Callable[[str], T]) -> tuple[T | None, _Missing | None]:
        """A value, or None and why there is none."""
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
                # Some servers take no empty turn, and no two turns of one side.
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
        """The answer, and whether it was cut at the limit of tokens."""
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
        """What is said in an answer of the server, of whatever form it is."""
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
        """What an error means for the question.

        Raises:
            ChatError: it means the same for all questions: nobody listens, or key, model or address are refused.
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
        """What a server says, in one short line: the key taken out wherever it is repeated, nothing that controls."""
        key = os.environ.get(self.settings.key_variable, "")
        line = " ".join((text.replace(key, "***") if key else text)[:LONGEST].split())
        plain = "".join(c if c.isprintable() else repr(c)[1:-1] for c in line[:letters])
        return plain + ("..." if len(line) > letters else "")


def _counts(missing: Sequence[_Missing]) -> str:
    """How many of each kind, each with the commonest reason."""
    said = []
    for kind, count in Counter(m.kind for m in missing).items():
        ((reason, _),) = Counter(m.reason for m in missing if m.kind == kind).most_common(1)
        said.append(f"{count:,} {kind} ({reason})")
    return ", ".join(said)


def accepted(sampling: Mapping[str, float], refusal: str) -> dict[str, float]:
    """What to send instead to a server that refuses part of it; the same where the refusal is about something else.

    Models that reason before they reply call the limit `max_completion_tokens`, and some choose the temperature
    themselves.

    Args:
        sampling: what was sent beside the messages.
        refusal: what the server said of it.
    """
    words = refusal.lower()
    if "max_tokens" in sampling and "max_completion_tokens" in words:
        return {("max_completion_tokens" if k == "max_tokens" else k): v for k, v in sampling.items()}
    if "temperature" in sampling and "temperature" in words:
        return {k: v for k, v in sampling.items() if k != "temperature"}
    return dict(sampling)
