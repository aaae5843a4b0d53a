"""Server for calls from other processes on this machine: JSON over HTTP on the loopback interface, with a token."""

import hmac
import json
import secrets
import select
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from recx.errors import RecxError
from recx.playground.rpc_client import HOST

MAX_BYTES = 1_000_000  # size of a call
Method = Callable[..., Any]


class RpcServer(ThreadingHTTPServer):
    """Answers calls `{"method", "arguments", "id"}` with JSON lines `{"value"}`, then `{"end"}` or `{"error"}`.

    The values of an iterator are sent one by one. A stoppable method takes an argument `should_stop`, a function that
    returns whether the caller has asked to stop or has disconnected.

    Args:
        methods: methods by name, which are called from many threads.
        stoppable: names of the methods that take `should_stop`.
    """

    daemon_threads = True

    def __init__(self, methods: Mapping[str, Method], stoppable: frozenset[str] = frozenset()) -> None:
        super().__init__((HOST, 0), _Handler)
        self.methods, self.stoppable, self.token = dict(methods), stoppable, secrets.token_urlsafe(24)
        self.running: dict[str, threading.Event] = {}

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        return self.server_address[1]

    def start(self) -> "RpcServer":
        """Start answering calls in a background thread."""
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore callers that disconnect or fall silent."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _DisconnectedError(Exception):
    """The caller has disconnected."""


class _Handler(BaseHTTPRequestHandler):
    server: RpcServer
    timeout = 60

    def do_POST(self) -> None:
        """Answer one call."""
        token = self.headers.get("X-Recx-Token", "")
        length = self.headers.get("Content-Length", "")
        if not hmac.compare_digest(token.encode(), self.server.token.encode()):
            self.send_error(403)
        elif not (length.isascii() and length.isdigit()) or int(length) > MAX_BYTES:
            self.send_error(413)
        else:
            body = self.rfile.read(int(length))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-ndjson")
            self.end_headers()
            try:
                self._answer(body)
            except _DisconnectedError:
                return

    def _answer(self, body: bytes) -> None:
        try:
            call = json.loads(body)
            name, arguments, call_id = str(call["method"]), dict(call["arguments"]), str(call["id"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return self._send({"error": "This is not a valid call."})
        if name == "stop":
            running = self.server.running.get(str(arguments.get("call_id")))
            if running:
                running.set()
            self._send({"value": running is not None})
            return self._send({"end": True})
        if name not in self.server.methods:
            return self._send({"error": f"There is no method {str(name)[:40]!r}."})
        stop = threading.Event()
        self.server.running[call_id] = stop
        try:
            if name in self.server.stoppable:
                arguments["should_stop"] = lambda: stop.is_set() or self._disconnected()
            value = self.server.methods[name](**arguments)
            for record in value if isinstance(value, Iterator) else [value]:
                self._send({"value": record})
            self._send({"end": True})
        except RecxError as error:
            self._send({"error": str(error)})
        except _DisconnectedError:
            stop.set()
        except Exception as error:  # show any failure of a model on the visitor's page
            self._send({"error": f"{type(error).__name__}: {error}"})
        finally:
            self.server.running.pop(call_id, None)

    def _send(self, record: dict[str, Any]) -> None:
        try:
            self.wfile.write(json.dumps(record).encode() + b"\n")
            self.wfile.flush()
        except OSError as error:
            raise _DisconnectedError from error

    def _disconnected(self) -> bool:
        """Whether the caller has disconnected while nothing was being sent."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        try:
            return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def log_message(self, *_: Any) -> None:
        """Log nothing, so that visitors' questions are not recorded."""
