"""Calls to a model that lives in another process of this machine; standard library only.

A visitor's kernel holds no model: it asks one process that does, over the loopback address and with a token.
"""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from typing import Any, Self

from recx.errors import RecxError

ADDRESS = "RECX_PLAYGROUND"  # "port token", set by `recx app` for the kernels of its visitors
HOST = "127.0.0.1"
PATIENCE = 600.0
_OWN: "list[Remote]" = []  # the process this one has started, so that a cell run again starts no other


class RemoteError(RecxError):
    """What the other process said was wrong, or that it cannot be reached."""


class Remote:
    """Methods of another process.

    Args:
        port: it listens there.
        token: it answers to nobody else.
        process: that was started for this and ends with it.
    """

    def __init__(self, port: int, token: str, process: "subprocess.Popen[str] | None" = None) -> None:
        self.port, self._token, self._process = port, token, process

    def call(self, method: str, /, **arguments: Any) -> Any:
        """What a method gives.

        Raises:
            RemoteError: it refused, or the process cannot be reached.
        """
        for record in self.stream(method, "", **arguments):
            return record
        return None

    def stream(self, method: str, call_id: str = "", /, **arguments: Any) -> Iterator[Any]:
        """What a method gives bit by bit; leaving the loop stops it, and so does `stop(call_id)`.

        Raises:
            RemoteError: it refused, or the process cannot be reached.
        """
        body = json.dumps({"method": method, "arguments": arguments, "id": call_id or new_id()})
        connection = HTTPConnection(HOST, self.port, timeout=PATIENCE)
        answer = None
        try:
            connection.request("POST", "/", body.encode(), {"X-Recx-Token": self._token})
            answer = connection.getresponse()
            for line in answer:
                record = json.loads(line)
                if "error" in record:
                    raise RemoteError(record["error"])
                if record.get("end"):
                    return
                yield record["value"]
            raise RemoteError("The answer broke off: the process that holds the model has ended.")
        except (OSError, HTTPException, ValueError) as error:
            raise RemoteError(f"The process that holds the model cannot be reached ({error}).") from error
        finally:
            if answer is not None:
                answer.close()  # the socket stays open as long as the answer is
            connection.close()

    def stop(self, call_id: str) -> None:
        """Stop a stream; nothing happens if it has ended."""
        self.call("stop", call_id=call_id)

    @property
    def alive(self) -> bool:
        """Whether the process that was started for this still runs."""
        return self._process is not None and self._process.poll() is None

    def close(self) -> None:
        """End the process if it was started for this."""
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait(10)
            self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def new_id() -> str:
    """A name for a call that nobody else can guess."""
    return uuid.uuid4().hex


def connect() -> Remote:
    """The process that `recx app` has started, else one of one's own that ends with this one.

    Raises:
        RemoteError: it does not start.
    """
    told = os.environ.get(ADDRESS, "").split()
    if len(told) == 2:
        return Remote(int(told[0]), told[1])
    if _OWN and _OWN[0].alive:
        return _OWN[0]
    process = subprocess.Popen(
        [sys.executable, "-m", "recx.playground.web_app"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    line = process.stdout.readline().split()
    if len(line) != 2:
        raise RemoteError("The process that holds the model did not start.")
    _OWN[:] = [Remote(int(line[0]), line[1], process)]
    return _OWN[0]
