"""Checks of texts by anyone, and the report of them."""

import json

import numpy as np
import pytest
from chat_server import ChatServer

from recx.cli import main
from recx.evaluation.foreign_texts import read_foreign_texts
from recx.evaluation.judged_texts import FACTS, NOT_MEASURED, TITLES, baselines, judge_texts, repeated
from recx.settings import ChatSettings, EvaluateSettings

GENRES = {"Halo": "Shooter", "Doom": "Shooter", "Okami": "Adventure", "Zelda": "Adventure", "Portal": "Puzzle"}
ITEMS = [{"title": t, "attributes": {"genre": [g]}} for t, g in GENRES.items()]


def record(n, **texts):
    a, b, c = (ITEMS[(n + k) % 5] for k in (0, 1, 2))
    texts = {
        "honest": f'You chose "{a["title"]}", which is a {a["attributes"]["genre"][0]} game. Record {n}.',
        "careless": f'You chose "{c["title"]} 9", and "{a["title"]}" is a Racing game, a Racing game.',
    } | texts
    return {"dataset": "made & <b>up</b>", "history": [a, b], "item": c, "texts": texts, "user": n}


@pytest.fixture
def path(tmp_path):
    records = [record(n) for n in range(40)]
    records[0]["history"].append({"title": "Mario Kart", "attributes": {"genre": ["Racing"]}})
    records[1]["texts"]["careless"] = ""
    file = tmp_path / "texts.jsonl"
    file.write_text("".join(json.dumps(r) + "\n" for r in records))
    return file


def value(judged, method, metric):
    rows = judged.measures.query("method == @method and metric == @metric")
    return rows["value"].item() if len(rows) else None


def test_each_source_and_the_baselines_are_measured(path):
    (given,) = read_foreign_texts(path)
    judged = judge_texts(given)
    assert (judged.records, judged.users, judged.items) == (40, 40, 6)
    assert value(judged, "honest", "texts") == 40 and value(judged, "careless", "texts") == 39
    for method, cited, true in (("honest", 1, 1), ("careless", 0.5, 0), (FACTS, 1, 1)):
        assert value(judged, method, "cited_in_history") == pytest.approx(cited), method
        assert value(judged, method, "stated_attributes_true") == pytest.approx(true, abs=0.06), method
    assert value(judged, TITLES, "cited_in_history") == 1 and value(judged, TITLES, "stated") == 0
    assert value(judged, "honest", "unique_ratio") == 1 and value(judged, "honest", "mean_win_rate") > 0.5
    assert value(judged, "honest", "rating") > value(judged, "careless", "rating")
    assert value(judged, "honest", "attribute_accuracy") is not None and not judged.remarks
    assert judged.sources["accuracy"].iloc[0] == 1 and set(judged.wins["method"]) == {"honest", "careless"}
    assert "decision_agreement" not in set(judged.measures["metric"])


def test_a_baseline_does_not_cite_the_item_itself(path):
    (given,) = read_foreign_texts(path)
    given.pairs.histories[0][:] = given.pairs.items[0], 1, 1
    assert baselines(given)[TITLES][0] == f'Because of "{given.catalogue.labels[1]}".'


def test_small_files_and_items_without_attributes_say_what_is_left_out(tmp_path):
    file = tmp_path / "few.jsonl"
    file.write_text(json.dumps({"history": ["Halo"], "item": "Doom", "texts": {"a": "As you liked Halo!", "b": " "}}))
    judged = judge_texts(read_foreign_texts(file)[0])
    assert value(judged, "a", "cited_in_history") == 1 and np.isnan(value(judged, "a", "stated_attributes_true"))
    assert np.isnan(value(judged, "b", "words")) and FACTS not in set(judged.measures["method"])
    assert "at least 20 users" in judged.remarks[0]


def test_repeated_sequences_of_words():
    assert repeated("One two three four. One two, three four!") == pytest.approx(1 / 5)
    assert repeated("too short") == 0


def test_the_command_prints_and_writes(path, tmp_path, capsys):
    main(["judge", str(path), "--json", str(tmp_path / "out" / "j.json"), "--html", str(tmp_path / "j.html")])
    printed = capsys.readouterr().out
    assert "cited_in_history" in printed and NOT_MEASURED in printed
    told = json.loads((tmp_path / "out" / "j.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    assert told["not_measured"] == NOT_MEASURED and told["datasets"][0]["measures"][0]["metric"] == "texts"
    page = (tmp_path / "j.html").read_text()
    assert "made &amp; &lt;b&gt;up&lt;/b&gt;" in page and "<b>" not in page and "nan" not in page.replace("finance", "")


def test_the_command_names_what_is_wrong(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["judge", str(tmp_path / "none.jsonl")])
    assert "cannot be read" in capsys.readouterr().err


def test_a_chat_model_compares_texts_with_references_and_an_interrupted_command_goes_on(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RECX_CACHE_DIR", str(tmp_path / "cache"))
    records = [record(n) | {"reference": f"The user loves puzzles, {n}."} for n in range(3)]
    del records[2]["reference"]
    file, out = tmp_path / "texts.jsonl", tmp_path / "j.json"
    file.write_text("".join(json.dumps(r) + "\n" for r in records))
    server = ChatServer(lambda messages, n: ("status", 401) if n == 3 else "60")
    told = ["--set", f"evaluate.judge.address={server.address}", "evaluate.judge.model=m", "evaluate.judge.parallel=1"]
    try:
        with pytest.raises(SystemExit):
            main(["judge", str(file), "--json", str(out), *told])
        assert "refuses 'm'" in capsys.readouterr().err and not out.exists()
        main(["judge", str(file), "--json", str(out), *told])
    finally:
        server.stop()
    printed = capsys.readouterr().out
    assert len(server.asked) == 9, "four methods, two references, and one question asked again"
    assert "m at http://127.0.0.1" in printed and ": 5 requests" in printed
    (data,) = json.loads(out.read_text())["datasets"]
    rows = {(m["method"], m["metric"]): m for m in data["measures"]}
    for method in ("honest", "careless", FACTS, TITLES):
        assert (rows[method, "gpt_score"]["value"], rows[method, "gpt_score"]["n"]) == (60, 2)
        assert rows[method, "word_overlap"]["n"] == 2
    assert "GPTScores are given by m" in " ".join(data["remarks"]) and "bert_f1" not in {metric for _, metric in rows}


def test_without_a_reference_no_chat_model_is_asked(path):
    (given,) = read_foreign_texts(path)
    settings = EvaluateSettings(judge=ChatSettings("http://127.0.0.1:9/v1", "m"))
    judged = judge_texts(given, settings)
    assert "no record has a" in judged.remarks[0] and value(judged, "honest", "gpt_score") is None
