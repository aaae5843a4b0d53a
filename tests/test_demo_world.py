import ast

import polars as pl
import pytest

from recx import paths
from recx.data.demo import demo_catalogue, demo_frame, generate
from recx.data.registry import load_dataset
from recx.settings import DataSettings, DemoSettings


def test_catalogue_is_real_sized_and_consistent():
    frame = demo_frame()
    assert frame.height >= 400 and frame["item_id"].n_unique() == frame.height
    assert frame["platform"].n_unique() == 10 and set(frame["kind"]) == {"game", "console", "accessory"}
    assert frame.filter(pl.col("franchise") != "")["entry"].str.contains(r"^\d+$").all()
    assert demo_catalogue().duplicates >= 20


def test_world_is_seeded_and_of_the_stated_size():
    one, reasons, people = generate(DemoSettings())
    assert one.equals(generate(DemoSettings())[0]) and not one.equals(generate(DemoSettings(seed=1))[0])
    assert people.height == 3000 and 27_000 < one.height < 33_000
    assert one.select("user_id", "item_id").is_unique().all()
    assert reasons.select("user_id", "item_id").equals(one.select("user_id", "item_id"))


def test_planted_rules_hold():
    interactions, reasons, people = generate(DemoSettings(users=400))
    frame = demo_frame().select("item_id", "platform", "franchise", "entry", "genres", "kind")
    explained = reasons.join(frame, on="item_id").join(people, on="user_id")
    genre = explained.filter(pl.col("reason") == "genre")
    assert all(b in g.split("|") for b, g in genre.select("because", "genres").rows())
    assert all(b in liked for b, liked in genre.select("because", "genres_right").rows())
    assert all(p in owned for p, owned in genre.select("platform", "platforms").rows())
    series = explained.filter(pl.col("reason") == "series").join(
        frame, left_on="because", right_on="item_id", suffix="_before"
    )
    assert series.height > 200 and (series["franchise"] == series["franchise_before"]).all()
    assert (series["entry"].cast(int) > series["entry_before"].cast(int)).all()
    assert (explained.filter(pl.col("reason") == "accessory")["kind"] == "accessory").all()
    assert 0.02 < (reasons["reason"] == "noise").mean() < 0.12


@pytest.mark.parametrize("min_item", [1, 10])
def test_a_data_set_has_the_reasons_of_what_is_left(min_item):
    demo = DemoSettings(users=800)
    data = load_dataset(DataSettings(min_item=min_item, demo=demo))
    ids = data.catalogue.item_ids
    kept = {(u, ids[i]) for u, sequence in zip(data.user_ids, data.sequences, strict=True) for i in sequence}
    drawn = generate(demo)[1]
    assert data.reasons.columns == ["user_id", "item_id", "reason", "because"]
    assert data.reasons.rows() == [row for row in drawn.rows() if row[:2] in kept]
    assert len(data.reasons) == data.interactions == len(kept) <= len(drawn)
    assert (len(kept) < len(drawn)) == (min_item == 10)


def reads_reasons(code):
    """Whether code has access to the reasons for which people of the demo chose their items.

    It has through anything named `reasons`, or by importing the module that draws them (except for the catalogue).
    """
    named, imported = set(), set()
    for node in ast.walk(ast.parse(code)):
        named |= {getattr(node, field, None) for field in ("id", "attr", "arg", "name", "asname", "value")
                  if isinstance(getattr(node, field, None), str)}  # fmt: skip
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            imported |= {f"{node.module}.{alias.name}" for alias in node.names}
    private = ("recx.data.demo", "recx.data.known_sources", "recx.data.*")
    imported.discard("recx.data.demo.demo_catalogue")
    return "reasons" in named or any(name.startswith(private) for name in named | imported)


def test_no_training_code_reads_the_planted_reasons():
    for subpackage in ("prompts", "alignment", "teaching"):
        files = sorted((paths.ROOT / "recx" / subpackage).rglob("*.py"))
        assert files
        for path in files:
            assert not reads_reasons(path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize(
    "planted",
    [
        "def write(data):\n    return data.reasons['because']",
        "def write(reasons):\n    pass",
        "write(data, reasons=frame)",
        "reasons = data",
        "getattr(data, 'reasons')",
        "from recx.data.demo import generate",
        "from recx.data.demo import generate as draw",
        "from recx.data.demo import *",
        "from recx.data import demo",
        "from recx.data import demo as world",
        "import recx.data.demo",
        "import recx.data.demo as world",
        "from recx.data.demo import _World",
        "from recx.data import known_sources",
        "importlib.import_module('recx.data.demo')",
    ],
)
def test_any_way_to_the_reasons_is_seen(planted):
    assert reads_reasons(planted)
    assert not reads_reasons("from recx.data.demo import demo_catalogue\nfrom recx.data.registry import load_dataset")
