"""Reading explained pairs and the interactions around them."""

import gzip
import json

import numpy as np
import pytest

from recx.data.adding import add_dataset
from recx.data.registry import find_source, load_dataset
from recx.data.split import split_by_user
from recx.data.xrec_files import read_explained_pairs, read_predictions
from recx.errors import DataError
from recx.settings import DataSettings

PAIR = {"uid": 7, "iid": "b", "title": "Bell  Tower", "user_summary": "likes height", "item_summary": "for climbers"}
PAIR |= {"explanation": "The view.", "xrec": "It is high."}


def folder_of(path, pairs, csv="user,item\n7,a\n9,a\n7,a\n7,b\n"):
    with gzip.open(path / "explanations.jsonl.gz", "wt") as file:
        file.write("".join(json.dumps(pair) + "\n" for pair in pairs))
    (path / "interactions_trn.csv").write_text(csv)
    (path / "interactions_tst.csv").write_text("user,item\n1,z\n")
    return path


def test_ids_are_numbered_and_texts_cleaned(tmp_path):
    other = {"uid": 3, "iid": "c", "title": "C", "user_summary": "", "item_summary": "", "explanation": "So."}
    pairs = read_explained_pairs(folder_of(tmp_path, [PAIR, other]))
    assert (pairs.user_count, pairs.item_count) == (3, 3), "the test interactions do not count beside the training ones"
    assert pairs.titles == ("Bell Tower", "C") and pairs.published == ("It is high.", "")
    assert pairs.edges.tolist() == sorted(pairs.edges.tolist()) and len(pairs.edges) == 3, "a repeated edge counts once"
    own = [pairs.users[0], pairs.items[0]]
    assert own in pairs.edges.tolist() and pairs.items.min() >= 1
    assert pairs.users[1] not in pairs.edges[:, 0], "a user without an interaction has a number of its own"


@pytest.mark.parametrize(
    ("change", "said"),
    [({"uid": True}, "uid must be"), ({"iid": None}, "iid must be"), ({"title": 3}, "title must be text"),
     ({"explanation": "x" * 20_001}, "longer than")],
)  # fmt: skip
def test_a_damaged_pair_is_named_with_its_line(tmp_path, change, said):
    with pytest.raises(DataError, match=f"line 2: .*{said}"):
        read_explained_pairs(folder_of(tmp_path, [PAIR, PAIR | change]))


def test_missing_and_damaged_files_are_named(tmp_path):
    with pytest.raises(DataError, match="no file explanations.jsonl"):
        read_explained_pairs(tmp_path)
    folder_of(tmp_path, [PAIR], csv="person,thing\n1,2\n")
    with pytest.raises(DataError, match="interactions_trn.csv: not a table with the columns user and item"):
        read_explained_pairs(tmp_path)
    for path in tmp_path.glob("*.csv"):
        path.unlink()
    with pytest.raises(DataError, match="no interactions"):
        read_explained_pairs(tmp_path)


def test_predictions_are_read_with_their_references(tmp_path):
    (tmp_path / "xrec_predictions.jsonl").write_text('{"prediction": "a", "reference": "b"}\n')
    assert read_predictions(tmp_path) == (["a"], ["b"])
    (tmp_path / "xrec_predictions.jsonl").write_text('{"prediction": "a"}\n')
    with pytest.raises(DataError, match='line 1: reference must be text; expected {"prediction": '):
        read_predictions(tmp_path)


def test_the_folder_is_a_data_set_of_the_kit(tmp_path):
    lines = "".join(f"{user},{item}\n" for user in range(8) for item in range(6))
    folder_of(tmp_path, [PAIR | {"uid": 1, "iid": 2}], csv="user,item\n" + lines)
    assert "explained pairs" in find_source(str(tmp_path)).title
    data = load_dataset(DataSettings(name=str(tmp_path)))
    assert len(data.user_ids) == 8 and "Bell Tower" in data.catalogue.labels and "item 3" in data.catalogue.labels


def test_the_folder_can_be_added_under_a_name_and_filtered(tmp_path, monkeypatch):
    monkeypatch.setenv("RECX_CONFIG_DIR", str(tmp_path / "config"))
    (folder := tmp_path / "pairs").mkdir()
    lines = "".join(f"{user},{item}\n" for user in range(8) for item in range(6 - user % 2))
    folder_of(folder, [PAIR | {"uid": 1, "iid": 2}], csv="user,item\n" + lines)
    for minimum, users in ((5, 8), (6, 4)):
        added = add_dataset("pairs", str(folder), {}, {"data.min_user": str(minimum), "data.min_item": "0"})
        data = load_dataset(DataSettings(name="pairs"))
        assert added.dataset.name == data.name == "pairs" and len(data.user_ids) == users
        assert "Bell Tower" in data.catalogue.labels


def test_no_user_is_in_two_parts():
    users = np.random.default_rng(0).integers(0, 300, 1000)
    parts = split_by_user(users, seed=1)
    owners = {part: set(users[parts == part]) for part in ("train", "validation", "test")}
    assert sum(map(len, owners.values())) == len(set(users.tolist()))
    shares = {part: float((parts == part).mean()) for part in owners}
    assert shares["test"] == pytest.approx(0.2, abs=0.02) and shares["validation"] == pytest.approx(0.05, abs=0.02)


def test_the_public_files_are_read(real_data):
    folder = real_data / "xrec-yelp"
    if not folder.is_dir():
        pytest.skip("no real data set of that name")
    pairs = read_explained_pairs(folder)
    assert len(pairs) == 3000 and sum(map(bool, pairs.published)) == 1438 and len(pairs.edges) == 314_944
    texts, references = read_predictions(folder)
    assert len(texts) == len(references) == 3000
