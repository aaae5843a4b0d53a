"""The benchmark on XRec's public data, on files in their form."""

import json

import numpy as np
import pytest

from recx import paths
from recx.data.xrec_files import read_explained_pairs, read_predictions


@pytest.fixture
def public(monkeypatch):
    monkeypatch.syspath_prepend(str(paths.ROOT / "benchmarks"))
    import xrec_public

    return xrec_public


@pytest.fixture
def folder(tmp_path):
    """Three pairs of two users; the third text was published about a pair that is not among them."""
    own = tmp_path / "xrec-yelp"
    own.mkdir()
    said = [(7, 1, "good soup", "warm soup"), (7, 2, "cold beer", "cold beer"), (8, 1, "fresh fish", "")]
    fixed = {"title": "t", "user_summary": "u", "item_summary": "i"}
    pairs = [fixed | {"uid": u, "iid": i, "explanation": e, "xrec": x} for u, i, e, x in said]
    (own / "explanations.jsonl").write_text("\n".join(map(json.dumps, pairs)))
    (own / "interactions_trn.csv").write_text("user,item\n7,1\n7,2\n8,2\n9,1\n")
    texts = [("cold beer", "cold beer"), ("warm soup", "good soup"), ("old bread", "fresh bread")]
    lines = [json.dumps({"prediction": text, "reference": reference}) for text, reference in texts]
    (own / "xrec_predictions.jsonl").write_text("\n".join(lines))
    return own


def test_a_published_text_belongs_to_the_user_of_its_pair(public, folder):
    pairs = read_explained_pairs(folder)
    users = public.users_of(*read_predictions(folder), pairs)
    assert users[0] == users[1] == pairs.users[0] and users[2] == pairs.user_count + 2


def test_all_published_texts_are_scored_and_those_of_known_pairs_grouped(public, folder, monkeypatch):
    monkeypatch.setattr(public, "DATASETS", ("yelp",))
    made = public.published(folder.parent, "")
    overlap = made["published"].set_index("metric").loc["word_overlap"]
    assert overlap["n"] == 2 and overlap["value"] == pytest.approx((1 + 0.5 + 0.5) / 3)
    groups = made["published_groups"]
    assert groups["group"].tolist() == ["tst5"] and groups["n"].tolist() == [1], "one user has both known texts"
    assert np.allclose(groups["value"], 0.75) and set(groups["dataset"]) == {"yelp"}
