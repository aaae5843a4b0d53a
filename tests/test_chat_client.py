import json
from dataclasses import replace

import pytest
from chat_server import ChatServer

from recx.errors import SettingsError
from recx.explaining.chat_client import ChatClient
from recx.explaining.chat_endpoint import ChatError
from recx.explaining.chat_replies import BadReply
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


def test_endless_babble_is_none_and_the_others_are_answered(serve, capsys):
    _, how = serve(lambda messages, n: "blah" if "question 1" in messages[0]["content"] else "5")
    assert ChatClient(how).ask(questions(3), number) == [5, None, 5]
    assert "1 of 3 questions have no answer: 1 not readable (it is no number: 'blah')" in capsys.readouterr().out


def test_what_is_thought_is_neither_read_nor_kept_nor_sent_back(serve, tmp_path):
    server, how = serve(lambda messages, n: "<think>7?</think>\n8" if n else "<think>7</think> let me see")
    for _ in range(2):
        assert ChatClient(how, TextStore(tmp_path / "r.jsonl")).ask(questions(1), number) == [8]
    assert len(server.asked) == 2 and "7" not in (tmp_path / "r.jsonl").read_text().split('"text"')[1]
    assert server.asked[1]["messages"][1]["content"] == "let me see"


def test_a_reply_kept_with_its_thinking_is_read_without(serve, tmp_path):
    server, how = serve(lambda messages, n: "1")
    client = ChatClient(how, TextStore(None))
    client.store.keep({client._key(questions(1)[0]): "<think>2</think>3"})
    assert client.ask(questions(1), number) == [3] and not server.asked


def test_parts_are_joined_and_those_that_think_are_not_read(serve):
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "9"}]}
    parts = [thinking, {"type": "text", "text": "1"}, {"type": "text", "text": "2"}, {"type": "image_url", "url": "x"}]
    server, how = serve(lambda messages, n: parts)
    assert ChatClient(how).ask(questions(1), number) == [12]
    apart = {"message": {"content": None, "reasoning_content": "5", "reasoning": "5"}}
    _, how = serve(lambda messages, n: apart if n < 2 else "6")
    assert ChatClient(how).ask(questions(1), number) == [6]


@pytest.mark.parametrize(
    "refusal, why",
    [
        (("refused", "filtered by the content policy"), "filtered by the content policy"),
        (("refused", "This model's maximum context length is 4096 tokens. However, 'max_tokens' or "
          "'max_completion_tokens' is too large", 400), "maximum context length"),
        (("refused", "inputs must have less than 2048 tokens", 422), "less than 2048"),
        (("refused", "too large", 413), "too large"),
        (("refused", "Your input was flagged", 403), "flagged"),
        ({"choices": []}, "no choices"),
        ({"finish_reason": "content_filter", "message": {"content": None}}, "content_filter"),
        ({"message": {"content": None, "refusal": "I cannot help"}}, "stop: I cannot help"),
    ],
)  # fmt: skip
def test_a_refused_question_is_one_missing_answer(serve, capsys, refusal, why):
    server, how = serve(lambda messages, n: refusal if "question 1" in messages[0]["content"] else "5")
    assert ChatClient(how).ask(questions(9), number) == [5, None] + [5] * 7
    told = capsys.readouterr().out
    assert "m at http://127.0.0.1" in told and "1 of 9 questions have no answer: 1 refused (" in told and why in told
    assert len(server.asked) <= 10


@pytest.mark.parametrize("nothing", [{"message": {"content": None}}, {"message": {}}, {"choices": None},
                                     {"choices": 5}, {"choices": {}, "error": {"message": "upstream"}}, 5, "",
                                     {"message": {"content": {"type": "thinking", "text": "5"}}}])  # fmt: skip
def test_an_answer_without_content_is_asked_for_again_and_then_missing(serve, capsys, nothing):
    server, how = serve(lambda messages, n: nothing if "question 1" in messages[0]["content"] else "5")
    assert ChatClient(how).ask(questions(3), number) == [5, None, 5] and len(server.asked) == 5
    assert "1 of 3 questions have no answer: 1 not readable" in capsys.readouterr().out
    assert all(len(asked["messages"]) == 1 for asked in server.asked)


def test_an_answer_lost_in_thought_names_the_limit(serve, capsys):
    lost = {"finish_reason": "length", "message": {"content": "<think>Well, let me see"}}
    _, how = serve(lambda messages, n: lost if "question 1" in messages[0]["content"] else "5")
    assert ChatClient(how).ask(questions(2), number) == [5, None]
    assert "empty after max_tokens=300" in capsys.readouterr().out


def test_nonsense_throughout_is_named_after_the_first_few(serve):
    server, how = serve(lambda messages, n: "\x1b[31mlorem \u202eipsum " + "x" * 500)
    with pytest.raises(ChatError, match="none of the first 6 questions got a usable answer: 6 not readable") as told:
        ChatClient(replace(how, parallel=1)).ask(questions(40), number)
    words = str(told.value)
    assert f"m at {how.address}" in words and "'\ufffd[31mlorem \\u202eipsum xxx" in words and len(words) < 500
    assert len(server.asked) == 18 and words.isprintable()
    _, how = serve(lambda messages, n: ("html",))
    with pytest.raises(ChatError, match="not in the protocol: '<html>Welcome to the hotel network"):
        ChatClient(how).ask(questions(40), number)


def test_after_a_usable_answer_nonsense_is_missing_and_no_more(serve):
    _, how = serve(lambda messages, n: "5" if "question 0" in messages[0]["content"] else "lorem")
    assert ChatClient(replace(how, parallel=1)).ask(questions(12), number) == [5] + [None] * 11


def test_the_one_refused_question_of_a_resumed_job_ends_nothing(serve, tmp_path):
    _, how = serve(lambda messages, n: ("refused", "filtered") if "question 1" in messages[0]["content"] else "5")
    for _ in range(2):
        store = TextStore(tmp_path / "r.jsonl")
        assert ChatClient(how, store).ask(questions(3), number) == [5, None, 5] and len(store) == 2


@pytest.mark.parametrize("trouble", [("status", 429), ("status", 500), ("wait", 1.5), ("cut",), ("html",)])
def test_what_happens_once_is_survived(serve, trouble):
    _, how = serve(lambda messages, n: trouble if n == 0 else "3")
    assert ChatClient(how).ask(questions(2), number) == [3, 3]


@pytest.mark.parametrize("trouble", [("status", 429), ("status", 503)])
def test_a_dead_address_is_told_and_what_came_is_kept(serve, tmp_path, trouble):
    server, how = serve(lambda messages, n: "4" if n < 2 else trouble)
    how = replace(how, retries=0, parallel=1)
    store = TextStore(tmp_path / "replies.jsonl")
    with pytest.raises(ChatError, match="in a row failed"):
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


def test_a_server_that_refuses_all_is_named_after_the_first_few(serve):
    server, how = serve(lambda messages, n: ("refused", "these messages are too long"))
    with pytest.raises(ChatError, match="none of the first 6 .* too long"):
        ChatClient(replace(how, parallel=1)).ask(questions(30), number)
    assert len(server.asked) == 6


@pytest.mark.parametrize("status", [401, 402, 403, 404, 405])
def test_a_wrong_key_model_or_address_ends_it_at_once(serve, status):
    server, how = serve(lambda messages, n: ("status", status))
    with pytest.raises(ChatError, match=f"refuses 'm'.*{status}"):
        ChatClient(replace(how, parallel=1)).ask(questions(30), number)
    assert len(server.asked) == 1


def test_nobody_listens_ends_it_at_once(monkeypatch):
    how = replace(HOW, address="http://127.0.0.1:9/v1", retries=0, parallel=1)
    client, asked = ChatClient(how), []
    create = client.endpoint.client.chat.completions.create
    monkeypatch.setattr(client.endpoint.client.chat.completions, "create", lambda **k: asked.append(1) or create(**k))
    with pytest.raises(ChatError, match="127.0.0.1:9/v1 cannot be reached: APIConnectionError"):
        client.ask(questions(30), number)
    assert len(asked) == 1


def test_a_mistyped_address_is_a_clear_error():
    with pytest.raises(SettingsError, match="'http://localhost:abc/v1' is invalid"):
        ChatClient(replace(HOW, address="http://localhost:abc/v1"))


def test_an_address_is_needed():
    with pytest.raises(SettingsError, match="an address.* and a model; given"):
        ChatClient(ChatSettings())
    with pytest.raises(SettingsError, match="invalid character"):
        ChatClient(replace(HOW, address="http://127.0.0.1:9/v1\n"))
    with pytest.raises(SettingsError, match="begins with http:// or https://, not 'localhost:9/v1'"):
        replace(HOW, address="localhost:9/v1")
