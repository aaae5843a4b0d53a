from recx.storage.text_store import TextStore


def test_texts_come_back_and_a_cut_line_is_left_out(tmp_path):
    path = tmp_path / "deep" / "texts.jsonl"
    store = TextStore(path)
    store.keep({"a": 'one "quoted"\nline', "b": "two"})
    store.keep({})
    with path.open("ab") as file:
        file.write(b'{"key": "c", "te')
    again = TextStore(path)
    assert (again.get("a"), again.get("b"), again.get("c"), len(again)) == ('one "quoted"\nline', "two", None, 2)
    again.keep({"d": "four"})
    assert TextStore(path).get("d") == "four" and len(TextStore(path)) == 3


def test_without_a_file_texts_stay_in_memory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = TextStore(None)
    store.keep({"a": "x"})
    assert store.get("a") == "x" and not list(tmp_path.iterdir())
