"""Client of the process that holds the models, over the loopback interface with a token; standard library only.

A visitor's kernel does not load models: it calls the server that does (`recx.playground.rpc_server`).
"""

import json
import os
import uuid
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException
from typing import Any

from recx.errors import RecxError

ADDRESS_VARIABLE = "RECX_PLAYGROUND"  # "port token", set by `recx app` for the kernels of its visitors
HOST = "127.0.0.1"
TIMEOUT = 600.0  # seconds


class RpcError(RecxError):
    """The server rejected a call, or cannot be reached."""


class RpcClient:
    """Calls the methods of an `RpcServer`.

    Args:
        port: port of the server.
        token: token that the server requires.
        bound: arguments added to every call.
    """

    def __init__(self, port: int, token: str, bound: Mapping[str, Any] | None = None) -> None:
        self.port, self._token, self._bound = port, token, dict(bound or {})

    def bind(self, **arguments: Any) -> "RpcClient":
        """Return a client of the same server that adds these arguments to every call."""
        return RpcClient(self.port, self._token, self._bound | arguments)

    def call(self, method: str, /, **arguments: Any) -> Any:
        """Call a method and return its result.

        Raises:
            RpcError: the server rejected the call, or cannot be reached.
        """
        return next(self.stream(method, "", **arguments), None)

    def stream(self, method: str, call_id: str = "", /, **arguments: Any) -> Iterator[Any]:
        """Yield the values of a method one by one; leaving the loop or calling `stop(call_id)` stops it.

        Raises:
            RpcError: the server rejected the call, or cannot be reached.
        """
        arguments = self._bound | arguments
        body = json.dumps({"method": method, "arguments": arguments, "id": call_id or new_call_id()})
        connection = HTTPConnection(HOST, self.port, timeout=TIMEOUT)
        response = None
        try:
            connection.request("POST", "/", body.encode(), {"X-Recx-Token": self._token})
            response = connection.getresponse()
            for line in response:
                record = json.loads(line)
                if "error" in record:
                    raise RpcError(record["error"])
                if record.get("end"):
                    return
                yield record["value"]
            raise RpcError("The answer is incomplete because the process that holds the model has ended.")
        except (OSError, HTTPException, ValueError) as error:
            raise RpcError(f"The process that holds the model cannot be reached ({error}).") from error
        finally:
            if response is not None:
                response.close()  # otherwise the socket stays open
            connection.close()

    def stop(self, call_id: str) -> None:
        """Stop a stream; has no effect if it has ended."""
        self.call("stop", call_id=call_id)


def new_call_id() -> str:
    """Create an unguessable id for a call."""
    return uuid.uuid4().hex


def connect() -> RpcClient:
    """Connect to the server that `recx app` has started for this kernel.

    Raises:
        RpcError: this kernel was not started by `recx app`.
    """
    address = os.environ.get(ADDRESS_VARIABLE, "").split()
    if len(address) != 2:
        raise RpcError(
            "There is no playground server for this kernel. Start the web page with: recx app. In a notebook, open a "
            "run and pass its client: app(run, serve_in_notebook(open_finished(settings), settings))."
        )
    return RpcClient(int(address[0]), address[1])
