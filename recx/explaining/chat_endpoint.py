"""One request to a chat endpoint that speaks OpenAI's protocol: its answer, and what a failure means."""

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from recx.errors import RecxError, SettingsError
from recx.explaining.chat_replies import LONGEST, answer_of, text_of
from recx.settings import ChatSettings

Message = dict[str, str]
SAMPLE = 120  # characters shown of an unusable reply
# A content filter or an overlong question concerns a single question. Any other refusal applies to all questions.
_ABOUT_ONE_QUESTION = {400, 413, 422}
_FILTERED = re.compile(r"content.?(?:filter|policy|management)|moderation|flagged", re.IGNORECASE)
_PASSING = {408, 409, 425, 429}


class ChatError(RecxError):
    """The chat endpoint cannot be used; replies received before are kept."""


class Refused(Exception):
    """The server responds, but declines to answer this question; the message says why."""


class NoReply(Exception):
    """The server responds, but not according to the protocol; the message shows how."""


class Unanswered(Exception):
    """The server does not answer this question, despite all attempts; the message says why."""


class ChatEndpoint:
    """Sends one question at a time; may be used from several threads.

    The client library retries time-outs, rate limits and server errors with increasing delays.

    Args:
        settings: address, model and limits.

    Raises:
        SettingsError: no address or model is set, the address is invalid, or the client library is missing.
    """

    def __init__(self, settings: ChatSettings) -> None:
        if not settings.address or not settings.model:
            raise SettingsError(
                "A chat model (evaluate.judge, evaluate.chat or xrec.writer) needs an address, e.g. "
                f"http://127.0.0.1:8000/v1, and a model; given: {settings.address!r} and {settings.model!r}."
            )
        try:
            import openai
        except ImportError as error:
            raise SettingsError("Chat models need the package openai: pip install 'recx[llm]'") from error
        self.settings, self._openai = settings, openai
        if not settings.address.isprintable():
            raise SettingsError(f"The address {settings.address!r} contains an invalid character.")
        # Local servers need no key, but the client library requires one.
        try:
            self.client = openai.OpenAI(
                base_url=settings.address,
                api_key=os.environ.get(settings.key_variable) or "none",
                timeout=settings.seconds,
                max_retries=settings.retries,
            )
        except Exception as error:  # of the HTTP library that the client happens to use
            raise SettingsError(f"The address {settings.address!r} is invalid: {error}.") from error
        self._sampling: dict[str, float] = {"temperature": 0, "max_tokens": settings.max_tokens}
        self._reached = False  # whether the server ever responded

    @property
    def name(self) -> str:
        """The model and its address, as messages name them."""
        return f"{self.settings.model} at {self.settings.address}"

    def reply(self, messages: Sequence[Message]) -> tuple[str, bool]:
        """Return the answer to messages, and whether it was truncated at the token limit.

        Raises:
            Refused: the server declines to answer.
            NoReply: the response does not follow the protocol.
            Unanswered: there was no response, despite all attempts.
            ChatError: the endpoint cannot be reached, or the key, the model or the address is refused.
        """
        try:
            return self._read(self._response(messages))
        except (self._openai.APIConnectionError, self._openai.APIStatusError) as error:
            raise self._meaning(error) from None

    def _response(self, messages: Sequence[Message]) -> Any:
        sampling = self._sampling
        while True:
            try:
                response = self.client.chat.completions.create(
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
                raise NoReply(self.shown(str(error), SAMPLE)) from None
            self._reached, self._sampling = True, sampling
            return response

    def _read(self, reply: Any) -> tuple[str, bool]:
        """Extract the answer from a server response of any form."""
        choices = getattr(reply, "choices", None)
        if not isinstance(choices, list):
            raise NoReply(self.shown(str(getattr(reply, "error", None) or reply), SAMPLE))
        if not choices:
            raise Refused("no choices")
        end = getattr(choices[0], "finish_reason", None)
        message = getattr(choices[0], "message", None)
        answer = answer_of(text_of(getattr(message, "content", None)))
        refusal = getattr(message, "refusal", None)
        if not answer and (refusal or end == "content_filter"):
            raise Refused(self.shown(f"{end}: {refusal}" if refusal else str(end)))
        return answer, end == "length"

    def _meaning(self, error: Exception) -> Exception:
        """What an error of the client library means for this question, or for all."""
        status, said = getattr(error, "status_code", None), f"{type(error).__name__}: {self.shown(str(error))}"
        self._reached |= status is not None
        if status in _ABOUT_ONE_QUESTION or (status == 403 and _FILTERED.search(str(error))):
            return Refused(said)
        if status is not None and status < 500 and status not in _PASSING:
            return ChatError(f"{self.settings.address} refuses {self.settings.model!r}: {said}")
        if status is None and not self._reached and not isinstance(error, self._openai.APITimeoutError):
            return ChatError(f"{self.settings.address} cannot be reached: {said} ({self.shown(str(error.__cause__))})")
        return Unanswered(said)

    def shown(self, text: str, letters: int = 200) -> str:
        """Shorten a server message to one line, with the key masked and control characters escaped."""
        key = os.environ.get(self.settings.key_variable, "")
        line = " ".join((text.replace(key, "***") if key else text)[:LONGEST].split())
        plain = "".join(c if c.isprintable() else repr(c)[1:-1] for c in line[:letters])
        return plain + ("..." if len(line) > letters else "")


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
