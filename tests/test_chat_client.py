import json
from dataclasses import replace

import pytest
from chat_server import ChatServer

from recx.errors import SettingsError
from recx.explaining.chat_client import BadReply, ChatClient, ChatError
from recx.settings import ChatSettings
from recx.storage.text_store import TextStore

HOW = ChatSettings(model="m", seconds=0.6, retries=2, parallel=2, key_variable="RECX_TEST_KEY")


@pytest.fixture
def serve():
    servers = []

    def start(answer):
        servers.append(ChatServer(answer))
        return servers[-1], replace(HOW, address=servers[-1].address)

    yield start
    for server in servers:
        server.stop()


def questions(count):
    return [[{"role": "user", "content": f"question {n}"}] for n in range(count)]


def number(reply):
    if not reply.strip().isdigit():
        raise BadReply("it is no number")
    return int(reply)


def test_answers_come_in_the_order_of_the_questions(serve):
    server, how = serve(lambda messages, n: messages[-1]["content"].split()[-1])
    assert ChatClient(how).ask(questions(9), number) == list(range(9))
    assert len(server.asked) == 9 and server.asked[0]["temperature"] == 0


def test_babble_is_asked_again_with_what_was_expected(serve):
    server, how = serve(lambda messages, n: "7" if len(messages) > 1 else "well, let me think ...")
    assert ChatClient(how).ask(questions(1), number) == [7]
    again = server.asked[1]["messages"]
    assert again[1] == {"role": "assistant", "content": "well, let me think ..."} and "no number" in again[2]["content"]


def test_endless_babble_is_none_and_the_others_are_answered(serve):
    _, how = serve(lambda messages, n: "blah" if "question 1" in messages[0]["content"] else "5")
    assert ChatClient(how).ask(questions(3), number) == [5, None, 5]


@pytest.mark.parametrize("trouble", [("status", 429), ("status", 500), ("wait", 1.5), ("cut",), ("html",)])
def test_what_happens_once_is_survived(serve, trouble):
    _, how = serve(lambda messages, n: trouble if n == 0 else "3")
    assert ChatClient(how).ask(questions(2), number) == [3, 3]


@pytest.mark.parametrize("trouble", [("status", 429), ("status", 503)])
def test_a_dead_address_is_told_and_what_came_is_kept(serve, tmp_path, trouble):
    server, how = serve(lambda messages, n: "4" if n < 2 else trouble)
    how = replace(how, retries=0, parallel=1)
    store = TextStore(tmp_path / "replies.jsonl")
    with pytest.raises(ChatError, match="in a row came to nothing"):
        ChatClient(how, store).ask(questions(12), number)
    assert len(TextStore(store.path)) == 2 and len(server.asked) < 12


def test_what_is_kept_is_not_asked_again(serve, tmp_path):
    server, how = serve(lambda messages, n: "1")
    for _ in range(2):
        assert ChatClient(how, TextStore(tmp_path / "r.jsonl")).ask(questions(4), number) == [1] * 4
    assert len(server.asked) == 4
    client = ChatClient(replace(how, price_in=1e6, price_out=2e6), TextStore(tmp_path / "r.jsonl"))
    assert client.cost(questions(4)).requests == 0
    cost = client.cost(questions(5)[4:])
    assert (cost.requests, cost.tokens_in, cost.tokens_out, cost.price) == (1, 2, 300, 602.0)


def test_a_refused_key_ends_it_and_the_key_is_nowhere(serve, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RECX_TEST_KEY", "key-123")
    server, how = serve(lambda messages, n: ("status", 401))
    with pytest.raises(ChatError, match="refuses") as told:
        ChatClient(how, TextStore(tmp_path / "r.jsonl")).ask(questions(2), number, show_progress=True)
    assert server.keys[0] == "Bearer key-123"
    seen = str(told.value) + capsys.readouterr().out + json.dumps(how.__dict__)
    assert "key-123" not in seen and "RECX_TEST_KEY" in seen
    assert not list(tmp_path.iterdir())


def test_a_model_that_names_the_limit_otherwise_and_wants_no_temperature_is_asked_its_way(serve):
    def picky(messages, n):
        if "max_tokens" in server.asked[n]:
            return ("refused", "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        return ("refused", "'temperature' does not support 0.0") if "temperature" in server.asked[n] else "5"

    server, how = serve(picky)
    assert ChatClient(replace(how, parallel=1)).ask(questions(3), number) == [5, 5, 5]
    assert len(server.asked) == 5  # two refusals, once
    assert server.asked[-1]["max_completion_tokens"] == how.max_tokens and "temperature" not in server.asked[-1]


def test_another_refusal_ends_it(serve):
    server, how = serve(lambda messages, n: ("refused", "these messages are too long"))
    with pytest.raises(ChatError, match="too long"):
        ChatClient(replace(how, parallel=1)).ask(questions(3), number)
    assert len(server.asked) == 1


def test_nobody_listens(tmp_path):
    how = replace(HOW, address="http://127.0.0.1:9/v1", retries=0)
    with pytest.raises(ChatError, match="127.0.0.1:9"):
        ChatClient(how).ask(questions(3), number)


def test_an_address_is_needed():
    with pytest.raises(SettingsError, match="address and a model"):
        ChatClient(ChatSettings())
