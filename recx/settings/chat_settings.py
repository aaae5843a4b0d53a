"""Settings of a chat model: `evaluate.judge`, `evaluate.chat` and `xrec.writer`."""

from dataclasses import dataclass

from recx.settings.accepted_values import require


@dataclass(frozen=True)
class ChatSettings:
    """A chat model served through an OpenAI-compatible API; none by default.

    Attributes:
        address: e.g. `http://127.0.0.1:8000/v1`; empty for none.
        model: name of the model at that address.
        key_variable: environment variable that holds the API key; the key itself is never stored.
        seconds: longest wait for one reply.
        retries: further attempts after a time-out, rate limit or server error, with increasing delays.
        replies: attempts to get a reply in the requested form.
        parallel: number of simultaneous requests.
        max_tokens: longest reply, including reasoning tokens; a reasoning model needs a few thousand.
        price_in: price of a million input tokens, in any currency.
        price_out: price of a million output tokens.
    """

    address: str = ""
    model: str = ""
    key_variable: str = "OPENAI_API_KEY"
    seconds: float = 60.0
    retries: int = 4
    replies: int = 3
    parallel: int = 4
    max_tokens: int = 300
    price_in: float = 0.0
    price_out: float = 0.0

    def __post_init__(self) -> None:
        known = not self.address or self.address.startswith(("http://", "https://"))
        require(known, "evaluate.chat.address", "an address that begins with http:// or https://", self.address)
        for name in ("price_in", "price_out"):
            require(getattr(self, name) >= 0, f"evaluate.chat.{name}", "at least 0", getattr(self, name))
