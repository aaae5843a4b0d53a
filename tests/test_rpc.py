import json
import threading
import time
from http.client import HTTPConnection

import pytest

from recx.errors import DataError
from recx.playground.rpc_client import HOST, RpcClient, RpcError, new_call_id
from recx.playground.rpc_server import RpcServer


def refuse():
    raise DataError("There is no such thing.")


def no_room():
    raise OSError(28, "No space left on device")


def break_down():
    raise ValueError("inside")


@pytest.fixture
def server():
    seen = threading.Event()

    def count(upto, should_stop):
        try:
            for n in range(upto):
                if should_stop():
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

    def search(should_stop):
        """A long call that sends nothing until it ends."""
        while not should_stop():
            time.sleep(0.01)
        seen.set()

    methods = methods | {"search": search}
    found = RpcServer(methods, frozenset({"count", "search"})).start()
    found.seen = seen
    yield found
    found.shutdown()


@pytest.fixture
def client(server):
    return RpcClient(server.port, server.token)


def test_values_streams_and_errors_cross(client):
    assert client.call("add", a=2, b=3) == 5
    assert list(client.stream("count", upto=4)) == [0, 1, 2, 3]
    for method, said in (
        ("refuse", "no such thing"),
        ("break_down", "inside"),
        ("no_room", "No space left"),
        ("other", "no method"),
    ):
        with pytest.raises(RpcError, match=said):
            client.call(method)
    with pytest.raises(RpcError):
        client.call("add", c=1)


def test_a_stream_is_stopped_by_its_name(server, client):
    call, got = new_call_id(), []
    for n in client.stream("count", call, upto=100_000):
        got.append(n)
        if n == 3:
            client.stop(call)
    assert len(got) < 100 and server.seen.wait(10)
    client.stop("nothing of that name")


def test_a_caller_who_goes_away_stops_the_work(server, client):
    stream = client.stream("count", upto=100_000)
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
    with pytest.raises(RpcError, match="cannot be reached"):
        RpcClient(1, "x").call("add")
