"""A chat model behind an address that speaks OpenAI's protocol: validated replies, retries, cost, and what is kept."""

import hashlib
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from tqdm.auto import tqdm

from recx.errors import RecxError, SettingsError
from recx.settings import ChatSettings
from recx.storage.text_store import TextStore

T = TypeVar("T")
Message = dict[str, str]
CHARACTERS_A_TOKEN = 4
# After so many requests in a row without any answer the address is taken to be dead.
DEAD_AFTER = 6


class ChatError(RecxError):
    """A chat address that cannot be used; replies that came before are kept."""


class BadReply(ValueError):
    """A reply that is not of the form asked for; the text says what was expected."""


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
    time; a reply of the wrong form is asked for again with what was expected. What stays without a
    usable reply is None.

    Args:
        settings: address, model and limits.
        store: where replies are kept by the hash of model and messages; what it holds is not asked again.

    Raises:
        SettingsError: no address or model is set, or the client library is missing.
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
        # Local servers ask for no key, but the client library wants one.
        self._client = openai.OpenAI(
            base_url=settings.address,
            api_key=os.environ.get(settings.key_variable) or "none",
            timeout=settings.seconds,
            max_retries=settings.retries,
        )
        self._sampling: dict[str, float] = {"temperature": 0, "max_tokens": settings.max_tokens}
        self._lock = threading.Lock()

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
            read: turns a reply into a value, or raises `BadReply`.
            show_progress: print the cost and show a bar.

        Returns:
            A value for each question, in their order; None where no usable reply came.

        Raises:
            ChatError: the address refuses the key or the model, or does not answer at all.
        """
        if show_progress:
            print(f"{self.settings.model} at {self.settings.address}: {self.cost(questions)}", flush=True)
        values: list[T | None] = [None] * len(questions)
        silent, reason = 0, ""
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
                        return values
                    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                    for future in done:
                        n = waiting.pop(future)
                        value, problem = future.result()
                        values[n] = value
                        silent, reason = (silent + 1, problem) if problem else (0, reason)
                        bar.update(1)
                    if silent >= min(DEAD_AFTER, len(questions)):
                        raise ChatError(
                            f"{self.settings.address}: {silent} requests in a row came to nothing ({reason}). "
                            "Replies that came before are kept; the same command goes on from there."
                        )
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _ask(self, question: Sequence[Message], read: Callable[[str], T]) -> tuple[T | None, str]:
        """A value, or None and, where the server gave no answer at all, why."""
        key = self._key(question)
        kept = self.store.get(key)
        if kept is not None:
            try:
                return read(kept), ""
            except BadReply:
                pass
        messages = list(question)
        for _ in range(max(1, self.settings.replies)):
            try:
                text = self._reply(messages)
            except (self._openai.APIConnectionError, self._openai.RateLimitError) as error:
                return None, self._in_one_line(error)
            except self._openai.APIStatusError as error:
                if error.status_code >= 500:
                    return None, self._in_one_line(error)
                # A refused key or an unknown model is the same for all questions.
                raise ChatError(
                    f"{self.settings.address} refuses {self.settings.model!r}: {self._in_one_line(error)}"
                ) from None
            except (self._openai.OpenAIError, ValueError, TypeError, AttributeError, IndexError):
                continue  # an answer that is none: cut off, or not of the protocol
            try:
                value = read(text)
            except BadReply as problem:
                again = f"That reply cannot be used: {problem}. Reply again in the form asked for, with nothing else."
                messages = [
                    *question,
                    {"role": "assistant", "content": text[:2000]},
                    {"role": "user", "content": again},
                ]
                continue
            with self._lock:
                self.store.keep({key: text})
            return value, ""
        return None, ""

    def _reply(self, messages: Sequence[Message]) -> str:
        sampling = self._sampling
        while True:
            try:
                answer = self._client.chat.completions.create(
                    model=self.settings.model, messages=list(messages), **sampling
                )
                return answer.choices[0].message.content or ""
            except self._openai.BadRequestError as error:
                sent, sampling = sampling, accepted(sampling, str(error))
                if sampling == sent:
                    raise
                self._sampling = sampling

    def _key(self, question: Sequence[Message]) -> str:
        asked = json.dumps([self.settings.address, self.settings.model, self.settings.max_tokens, list(question)])
        return hashlib.sha256(asked.encode()).hexdigest()[:32]

    def _in_one_line(self, error: Exception) -> str:
        """An error in one line, the key taken out of it wherever a server repeats it."""
        key = os.environ.get(self.settings.key_variable, "")
        words = " ".join(str(error).split())[:200]
        return f"{type(error).__name__}: {words.replace(key, '***') if key else words}"


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
