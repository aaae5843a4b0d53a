"""Files of a recommender made elsewhere are checked, and every kind serves as a target like the kit's own."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from fake_gpu import GPU, FakeGpu
from foreign_models import (
    ELSEWHERE,
    ITEMS,
    LENGTH,
    UNKNOWN,
    WRITERS,
    settings,
    small_data,
    their_ids,
    write_factors,
    write_recbole,
    write_rectools,
)
from safetensors.torch import save_file

from recx.alignment.corpus import EACH, build_corpus, measure_effects, rows_per_task
from recx.data.split import leave_one_out
from recx.errors import CheckpointError, DataError, SettingsError
from recx.models.relations import share_below
from recx.pipeline import stages
from recx.profiles.resolve import resolve_settings
from recx.prompts.training_tasks import build_examples
from recx.recommenders import devices
from recx.recommenders.foreign_arrays import read_arrays
from recx.recommenders.foreign_ids import match_items, read_ids
from recx.recommenders.labels import label_histories
from recx.recommenders.protocol import TwoTower, pad_histories
from recx.recommenders.ranking import rank
from recx.recommenders.target_kinds import fit_target, load_target, save_target
from recx.recommenders.unknown_items import drop_unknown, floored_items, floored_users
from recx.settings import AlignSettings


@pytest.fixture(scope="module")
def data():
    return small_data()


@pytest.fixture(scope="module")
def split(data):
    return leave_one_out(data.sequences)


def read(kind, folder, data, split, **more):
    how = settings(kind, folder, **more)
    target, curve = fit_target(split, ITEMS, how, show_progress=False, data=data)
    assert curve == []
    return target, how


@pytest.mark.parametrize("kind", WRITERS)
def test_each_kind_is_a_target_and_survives_the_disk(data, split, tmp_path, capsys, kind):
    WRITERS[kind](tmp_path)
    target, how = read(kind, tmp_path, data, split)
    said = capsys.readouterr().out
    assert "knows 22 of the catalogue's 24 items; 2 it does not know" in said and "3 of its items" in said
    assert isinstance(target, TwoTower) and not target.training and target.length == LENGTH
    assert not any(p.requires_grad for p in target.parameters())
    histories = torch.cat([pad_histories(split.test_histories, LENGTH), torch.tensor([[0] * 5 + [9]])])
    scores, users, vectors = target.score(histories), target.encode_users(histories), target.item_vectors()
    assert scores.shape == (41, ITEMS + 1) and not vectors[0].any()
    unknown = [data.catalogue.index_of_id[i] for i in UNKNOWN]
    known = [i for i in range(1, ITEMS + 1) if i not in unknown]
    assert torch.allclose(scores, users @ vectors.T, atol=1e-5), "what an unknown item scores is in its vector, too"
    below = share_below(vectors, torch.tensor(unknown), users[: len(unknown)])
    assert (below <= 1 / (ITEMS - 1)).all(), "and the tokens that are made from vectors place it last"
    assert (scores[:, unknown].amax(1) < scores[:, known].amin(1)).all()
    assert (scores[:, known].std(1) > 0).all() and (scores[:-1, known].std(0) > 0).all()
    save_target(target, ITEMS, how, tmp_path / "kept")
    again = load_target(tmp_path / "kept", how)
    assert type(again) is type(target) and not again.training and again.length == LENGTH
    assert torch.equal(again.score(histories), scores)


@pytest.mark.parametrize("kind", WRITERS)
def test_labels_and_training_data_come_from_it(data, split, tmp_path, kind):
    WRITERS[kind](tmp_path)
    target, _ = read(kind, tmp_path, data, split)
    labels = label_histories(target, split.test_histories, LENGTH, np.random.default_rng(0))
    unknown = [data.catalogue.index_of_id[i] for i in UNKNOWN]
    assert not np.isin(labels.top, unknown).any() and not np.isin(labels.liked, unknown).any()
    scores = target.score(pad_histories(split.test_histories, LENGTH))
    for row, history in enumerate(split.test_histories):
        scores[row, history] = -torch.inf
    assert (labels.top[:, 0] == scores[:, 1:].argmax(1).numpy() + 1).all()
    how = AlignSettings(modes="hybrid relation", rows_hybrid=80, rows_relation=80, measured=10, own_words=0)
    corpus = build_corpus(data.catalogue, split, target, LENGTH, how, show_progress=False)
    assert all(torch.isfinite(table).all() for table in corpus.vectors().values())
    effects = measure_effects(corpus, split, target, how, show_progress=False)
    assert len(effects) == 10 * 2 * EACH and np.isfinite(effects.effects).all() and np.abs(effects.effects).max(1).all()
    told = dataclasses.replace(corpus.data, effects=effects)
    for mode in ("hybrid", "relation"):
        counts = rows_per_task(how, mode, 0)
        examples = list(build_examples(told, mode, counts, np.random.default_rng(0)))
        assert len(examples) > 60
    assert rank(target, split.test_histories, split.test, LENGTH).ranks.shape == (40,)


@pytest.mark.parametrize("kind", WRITERS)
def test_it_answers_on_the_gpu_as_on_the_cpu(data, split, tmp_path, monkeypatch, kind):
    WRITERS[kind](tmp_path)
    histories = pad_histories(split.test_histories, LENGTH)
    expected = devices.score(read(kind, tmp_path, data, split)[0], histories)
    monkeypatch.setattr(devices, "preferred_device", lambda: GPU)
    with FakeGpu() as gpu:
        target, how = read(kind, tmp_path, data, split)
        save_target(target, ITEMS, how, tmp_path / "kept")
        for model in (target, load_target(tmp_path / "kept", how)):
            assert all(gpu.holds(t) for t in model.state_dict().values())
            assert torch.allclose(devices.score(model, histories), expected, atol=1e-5)


@pytest.mark.parametrize("kind", WRITERS)
def test_what_it_does_not_know_of_a_history_is_as_if_it_had_never_been(data, split, tmp_path, kind):
    WRITERS[kind](tmp_path)
    target, _ = read(kind, tmp_path, data, split)
    odd = data.catalogue.index_of_id[UNKNOWN[0]]
    first, then = (data.catalogue.index_of_id[i] for i in ("i02", "i11"))
    with_it, without = torch.tensor([[0, 0, first, odd, then, odd]]), torch.tensor([[0, 0, 0, 0, first, then]])
    assert torch.allclose(target.score(with_it), target.score(without), atol=1e-6)
    nothing = target.score(torch.tensor([[0, 0, 0, 0, 0, odd], [0] * LENGTH]))
    assert torch.isfinite(nothing).all() and torch.equal(nothing[0], nothing[1])


def test_unknown_items_leave_a_history_in_order_and_stand_last():
    known = torch.tensor([False, True, False, True, True])
    assert drop_unknown(torch.tensor([[4, 2, 1], [2, 2, 3]]), known).tolist() == [[0, 4, 1], [0, 0, 3]]
    vectors, users = torch.tensor([[0.0], [5], [0], [-2], [3]]), torch.tensor([[1.0], [-2]])
    scores = floored_users(users, 20.0) @ floored_items(vectors, known, 20.0).T
    assert scores.tolist() == [[0, 5, -20, -2, 3], [0, -10, -20, 4, -6]]
    assert floored_items(vectors, known, 0.0) is vectors and floored_users(users, 0.0) is users


def test_fewer_than_half_of_the_items_is_refused_with_both_sides_ids(data):
    ids = list(data.catalogue.item_ids[1:])
    assert match_items(data.catalogue, ids[:12]).rows[1:].tolist() == [*range(12), *[-1] * 12]
    with pytest.raises(DataError, match=r"knows 11 of the catalogue's 24 items, fewer than half.*'i18'.*recommender's"):
        match_items(data.catalogue, ids[:11])
    with pytest.raises(DataError, match=r"like '0', '1', '2'.*not row numbers"):
        match_items(data.catalogue, [str(n) for n in range(24)])


def test_ids_that_count_up_are_pointed_out(data):
    numbers = dataclasses.replace(data.catalogue, item_ids=("", *map(str, range(24))))
    assert "row numbers" in match_items(numbers, [str(n) for n in range(24)]).note
    assert "row numbers" not in match_items(numbers, [str(n) for n in reversed(range(24))]).note


@pytest.mark.parametrize("name, text", [
    ("item_ids.txt", "7\n a b \n\n9\n"), ("item_ids.csv", "n,item_id\n0,7\n1,a b\n2,9\n"),
    ("item_ids.json", '["7", "a b", "9"]'),
])  # fmt: skip
def test_ids_are_read_from_text_csv_and_json(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert read_ids(tmp_path, "item_ids", 3, "items") == ["7", "a b", "9"]


@pytest.mark.parametrize("name, text, words", [
    ("item_ids.json", '["7", 8, "9"]', r"found 8 \(int\) beside '7' \(str\)"),
    ("item_ids.json", "[1.0, 2.0, 3.0]", r"found 1.0 \(float\)"),
    ("item_ids.json", "[true, false, true]", r"found True \(bool\)"),
    ("item_ids.json", '{"a": 1}', "expected a list"),
    ("item_ids.json", "[1, ", "not readable as JSON"),
    ("item_ids.json", '["a", "b", "a"]', "1 ids occur twice, e.g. 'a'"),
    ("item_ids.txt", "a\nb\n", "2 ids for the 3 rows of items"),
    ("item_ids.csv", "id\na\nb\nc\n", "names id; expected a column item_id"),
    ("item_ids.csv", "n,item_id\n1,a\n2\n", "line 3: no value"),
    ("user_ids.txt", "a\nb\nc\n", "expected one list of ids, item_ids.txt, .csv or .json; found none"),
])  # fmt: skip
def test_lists_of_ids_that_do_not_fit_say_why(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=words):
        read_ids(tmp_path, "item_ids", 3, "items")


def test_arrays_are_read_from_three_kinds_of_files(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(3))
    np.savez(tmp_path / "x.npz", b=np.ones((2, 2), dtype=np.float16))
    save_file({"c": torch.ones(1, dtype=torch.float64)}, tmp_path / "y.safetensors")
    arrays = read_arrays(tmp_path)
    assert arrays.keys() == {"a", "b", "c"} and all(a.dtype == torch.float32 for a in arrays.values())


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float64, torch.int32])
def test_arrays_of_any_number_format_are_read(tmp_path, kind):
    save_file({"item_factors": torch.tensor([[1, -2], [3, 4]], dtype=kind)}, tmp_path / "factors.safetensors")
    read = read_arrays(tmp_path)["item_factors"]
    assert read.dtype == torch.float32 and read.tolist() == [[1, -2], [3, 4]]


class Evil:
    def __reduce__(self):
        return (print, ("ran",))


@pytest.mark.parametrize("array, words", [
    (np.array([Evil()], dtype=object), "plain numbers"),
    (np.array(["a"]), "expected numbers"),
    (np.array([1.0, np.nan]), "1 values that are NaN"),
    (np.array([1e300]), "beyond float32"),
    (np.array([1j]), "expected numbers"),
])  # fmt: skip
@pytest.mark.parametrize("save, name", [(np.save, "a.npy"), (lambda path, a: np.savez(path, a=a), "a.npz")])
def test_arrays_that_do_not_fit_say_why_and_run_nothing(tmp_path, capsys, save, name, array, words):
    save(tmp_path / name, array)
    with pytest.raises(DataError, match=words):
        read_arrays(tmp_path)
    assert "ran" not in capsys.readouterr().out


def test_damaged_doubled_and_missing_arrays_say_why(tmp_path):
    with pytest.raises(DataError, match="no arrays"):
        read_arrays(tmp_path)
    with pytest.raises(DataError, match="not a folder"):
        read_arrays(tmp_path / "nowhere")
    np.save(tmp_path / "a.npy", np.ones(1))
    np.savez(tmp_path / "b.npz", a=np.ones(1))
    with pytest.raises(DataError, match="contains a second array 'a'"):
        read_arrays(tmp_path)
    for name in ("a.npy", "b.npz", "c.safetensors"):
        (tmp_path / name).write_bytes((tmp_path / "a.npy").read_bytes()[:40] if name == "a.npy" else b"PK\x03\x04 no")
        with pytest.raises(DataError, match=name):
            read_arrays(tmp_path)
        (tmp_path / name).unlink()


def test_an_archive_damaged_anywhere_says_so(tmp_path):
    np.savez_compressed(tmp_path / "b.npz", a=np.arange(40, dtype=np.float32), b=np.ones(3))
    whole = (tmp_path / "b.npz").read_bytes()
    for place in range(len(whole)):
        (tmp_path / "b.npz").write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            found = read_arrays(tmp_path)
        except DataError:
            continue
        assert found["a"].tolist() == list(range(40)), "what is read in spite of the damage is whole"
        assert "b" not in found or found["b"].tolist() == [1, 1, 1]


def change(folder, **arrays):
    with np.load(folder / "arrays.npz") as file:
        kept = {name: file[name] for name in file.files}
    kept |= arrays
    np.savez(folder / "arrays.npz", **{name: array for name, array in kept.items() if array is not None})


def change_record(folder, **values):
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize("kind, spoil, words", [
    ("factors", lambda f: change(f, item_factors=np.ones(25)), r"has shape \(25,\); expected \(any, any\)"),
    ("factors", lambda f: change(f, item_factors=None), "no array 'item_factors'"),
    ("factors", lambda f: change(f, user_factors=np.ones((3, 5))), r"shape \(3, 5\); expected \(any, 8\)"),
    ("factors", lambda f: change(f, item_biases=np.ones(7)), r"shape \(7,\); expected \(25,\)"),
    ("factors", lambda f: change(f, item_factors=np.ones((7, 8))), "25 ids for the 7 rows"),
    ("recbole", lambda f: (f / "model.json").unlink(), "is a pickle.*export_recbole.py"),
    ("recbole", lambda f: change_record(f, model="GRU4Rec"), "'GRU4Rec' of RecBole; accepted are SASRec"),
    ("recbole", lambda f: change_record(f, library="rectools"), "expected a table with library recbole"),
    ("recbole", lambda f: change_record(f, n_layers=3), "no array 'trm_encoder.layer.2"),
    ("recbole", lambda f: change_record(f, n_heads=3), "a divisor of the width 8"),
    ("recbole", lambda f: change_record(f, n_heads=0), "whole number above 0"),
    ("recbole", lambda f: change_record(f, hidden_act="mish"), "accepted: gelu, relu, swish"),
    ("recbole", lambda f: (f / "item_ids.json").write_text(json.dumps([*their_ids(), "[PAD]"])), r"expected RecBole's"),
    ("rectools", lambda f: (f / "model.json").unlink(), "is a pickle.*export_rectools.py"),
    ("rectools", lambda f: change_record(f, blocks="hstu"), "accepted: sasrec, pre_ln"),
    ("rectools", lambda f: change_record(f, causal=1), "accepted: True, False"),
    ("rectools", lambda f: change_record(f, session_max_len=5), r"expected \(5, 8\)"),
    ("rectools", lambda f: change(f, items=np.full((25, 8), np.inf)), "200 values that are NaN, infinite"),
])  # fmt: skip
def test_files_that_do_not_fit_say_why(data, split, tmp_path, kind, spoil, words):
    WRITERS[kind](tmp_path)
    spoil(tmp_path)
    with pytest.raises(DataError, match=words):
        read(kind, tmp_path, data, split)


@pytest.mark.parametrize("kind", ["recbole", "rectools"])
def test_a_pickle_is_refused_without_opening_it(data, split, tmp_path, capsys, kind):
    torch.save({"config": Evil()}, tmp_path / "saved.pth")
    with pytest.raises(DataError, match="is a pickle"):
        read(kind, tmp_path / "saved.pth", data, split)
    assert "ran" not in capsys.readouterr().out


def test_missing_settings_and_damaged_copies_say_why(data, split, tmp_path):
    with pytest.raises(SettingsError, match=r"needs target\.files=FOLDER; see docs/recommenders/factors\.md"):
        read("factors", "", data, split)
    write_recbole(tmp_path)
    with pytest.raises(SettingsError, match="needs the data set"):
        fit_target(split, ITEMS, settings("recbole", tmp_path), show_progress=False)
    target, how = read("recbole", tmp_path, data, split)
    save_target(target, ITEMS, how, tmp_path / "kept")
    path = tmp_path / "kept" / "target.json"
    whole = json.loads(path.read_text())
    for options in ({"heads": 3}, {"activation": "exec"}, {"eps": None}):
        path.write_text(json.dumps(whole | {"options": whole["options"] | options}))
        with pytest.raises(CheckpointError, match="cannot load the target"):
            load_target(tmp_path / "kept", how)
    path.write_text(json.dumps({key: value for key, value in whole.items() if key != "options"}))
    with pytest.raises(CheckpointError, match="cannot load the target"):
        load_target(tmp_path / "kept", how)


def test_a_run_is_stale_once_the_files_change(tmp_path):
    write_factors(tmp_path)
    chosen = {"target.kind": "factors", "target.files": str(tmp_path)}
    before = stages.fingerprint("target", resolve_settings("test", overrides=chosen))
    assert before == stages.fingerprint("target", resolve_settings("test", overrides=chosen))
    write_rectools(tmp_path)
    assert before != stages.fingerprint("target", resolve_settings("test", overrides=chosen))


def test_the_model_of_the_tests_lacks_and_adds_items(data):
    assert set(UNKNOWN) <= set(data.catalogue.item_ids) and not set(ELSEWHERE) & set(data.catalogue.item_ids)
