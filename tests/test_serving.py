import json
import threading
import time
from http.client import HTTPConnection

import pytest

from recx.errors import DataError
from recx.playground.client import HOST, Remote, RemoteError, new_id
from recx.playground.server import Server


def refuse():
    raise DataError("There is no such thing.")


def no_room():
    raise OSError(28, "No space left on device")


def break_down():
    raise ValueError("inside")


@pytest.fixture
def server():
    seen = threading.Event()

    def count(upto, stopped):
        try:
            for n in range(upto):
                if stopped():
                    return
                yield n
                time.sleep(0.01)
        finally:
            seen.set()

    methods = {
        "add": lambda a, b: a + b,
        "count": count,
        "refuse": refuse,
        "break_down": break_down,
        "no_room": no_room,
    }

    def search(stopped):
        """Says nothing until it ends."""
        while not stopped():
            time.sleep(0.01)
        seen.set()

    methods = methods | {"search": search}
    found = Server(methods, frozenset({"count", "search"})).start()
    found.seen = seen
    yield found
    found.shutdown()


@pytest.fixture
def remote(server):
    return Remote(server.port, server.token)


def test_values_streams_and_errors_cross(remote):
    assert remote.call("add", a=2, b=3) == 5
    assert list(remote.stream("count", upto=4)) == [0, 1, 2, 3]
    for method, said in (
        ("refuse", "no such thing"),
        ("break_down", "inside"),
        ("no_room", "No space left"),
        ("other", "no method"),
    ):
        with pytest.raises(RemoteError, match=said):
            remote.call(method)
    with pytest.raises(RemoteError):
        remote.call("add", c=1)


def test_a_stream_is_stopped_by_its_name(server, remote):
    call, got = new_id(), []
    for n in remote.stream("count", call, upto=100_000):
        got.append(n)
        if n == 3:
            remote.stop(call)
    assert len(got) < 100 and server.seen.wait(10)
    remote.stop("nothing of that name")


def test_a_caller_who_goes_away_stops_the_work(server, remote):
    stream = remote.stream("count", upto=100_000)
    next(stream)
    stream.close()
    assert server.seen.wait(10)
    time.sleep(0.1)
    assert not server.running


def test_a_silent_search_ends_when_the_caller_goes_away(server):
    connection = HTTPConnection(HOST, server.port, timeout=10)
    call = json.dumps({"method": "search", "arguments": {}, "id": "x"})
    connection.request("POST", "/", call, {"X-Recx-Token": server.token})
    answer = connection.getresponse()
    assert not server.seen.wait(0.3)
    answer.close()
    connection.close()
    assert server.seen.wait(10)


def ask(server, body, headers):
    connection = HTTPConnection(HOST, server.port, timeout=10)
    connection.request("POST", "/", body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_strangers_are_refused(server):
    call = json.dumps({"method": "add", "arguments": {"a": 1, "b": 1}, "id": "x"})
    assert ask(server, call, {})[0] == 403
    assert ask(server, call, {"X-Recx-Token": "wrong"})[0] == 403
    known = {"X-Recx-Token": server.token}
    assert ask(server, call, known)[0] == 200
    assert ask(server, "", known | {"Content-Length": "1000001"})[0] == 413
    for body in ("", "[]", "{", '{"method": 1}', "[" * 10_000):
        status, said = ask(server, body, known)
        assert status == 200 and b"error" in said
    assert server.server_address[0] == "127.0.0.1"


def test_nobody_there():
    with pytest.raises(RemoteError, match="cannot be reached"):
        Remote(1, "x").call("add")
