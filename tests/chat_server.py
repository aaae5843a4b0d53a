"""A local server that stands in for a chat model and behaves as a test specifies."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ChatServer:
    """Answers POST /v1/chat/completions by `answer(messages, number)`.

    `answer` returns the content of a message (a text, a list of parts, None), a dict (the first choice, or the whole
    body if it has `choices`), or one of `("status", code)`, `("refused", message)` (optionally followed by a status
    code), `("wait", seconds)`, `("cut",)` (half a body) and `("html",)`.
    """

    def __init__(self, answer):
        outer = self
        self.asked, self.keys, self.lock = [], [], threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with outer.lock:
                    number = len(outer.asked)
                    outer.asked.append(body)
                    outer.keys.append(self.headers.get("Authorization", ""))
                told = answer(body["messages"], number)
                try:
                    self.reply(told)
                except (BrokenPipeError, ConnectionResetError):
                    pass

            def reply(self, told):
                if isinstance(told, tuple) and told[0] == "wait":
                    time.sleep(told[1])
                    told = ""
                code, kind, body = 200, "application/json", b""
                if not isinstance(told, tuple):
                    choice = told if isinstance(told, dict) else {"message": {"content": told}}
                    choice = {"index": 0, "finish_reason": "stop"} | choice
                    record = {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
                    body = json.dumps(told if isinstance(told, dict) and "choices" in told else record).encode()
                elif told[0] == "status":
                    code, body = told[1], b'{"error": {"message": "no, key-123 may not"}}'
                elif told[0] == "refused":
                    code, body = [*told, 400][2], json.dumps({"error": {"message": told[1]}}).encode()
                elif told[0] == "html":
                    kind, body = "text/html", b"<html>Welcome to the hotel network</html>"
                elif told[0] == "cut":
                    body = b'{"id": "x", "choi'
                self.send_response(code)
                self.send_header("Content-Type", kind)
                if code == 429:
                    self.send_header("Retry-After", "0.05")
                self.send_header("Content-Length", str(len(body) + (500 if told == ("cut",) else 0)))
                self.end_headers()
                self.wfile.write(body)
                if told == ("cut",):
                    self.wfile.flush()
                    self.close_connection = True

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
