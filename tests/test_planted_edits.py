"""True texts in ordinary English pass, and false edits in them are caught."""

import polars as pl
import pytest
from free_prose import Planter, rates

from recx.data.catalogue import build_catalogue
from recx.data.demo import demo_catalogue
from recx.data.json_lines import read_json_lines
from recx.data.registry import load_dataset
from recx.settings import DataSettings


def check(catalogue, noun, count=300):
    planter = Planter(catalogue, noun)
    for planted in (planter.free_prose(count), planter.templated(count)):
        found, wrong = rates(catalogue, planted)
        assert len(found) >= 2 and min(found.values()) >= 0.95, (found, wrong[:5])


def test_of_the_demo():
    check(demo_catalogue(), "game")


@pytest.mark.parametrize("name, noun", [("ml-latest-small", "film"), ("games", "game"), ("steam", "game")])
def test_of_real_catalogues(real_data, name, noun):
    check(load_dataset(DataSettings(name=name, data_dir=str(real_data))).catalogue, noun)


def test_of_books(real_data):
    texts = read_json_lines(real_data / "xrec-amazon" / "explanations.jsonl.gz", {"title": pl.String})
    titles = texts["title"].drop_nulls().unique(maintain_order=True).to_list()
    check(build_catalogue([str(n) for n in range(len(titles))], titles, {}), "book")
