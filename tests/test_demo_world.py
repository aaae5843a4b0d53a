import ast

import polars as pl

from recx import paths
from recx.data.demo import demo_catalogue, demo_frame, generate
from recx.settings import DemoSettings


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
    told = reasons.join(frame, on="item_id").join(people, on="user_id")
    genre = told.filter(pl.col("reason") == "genre")
    assert all(b in g.split("|") for b, g in genre.select("because", "genres").rows())
    assert all(b in liked for b, liked in genre.select("because", "genres_right").rows())
    assert all(p in owned for p, owned in genre.select("platform", "platforms").rows())
    series = told.filter(pl.col("reason") == "series").join(
        frame, left_on="because", right_on="item_id", suffix="_before"
    )
    assert series.height > 200 and (series["franchise"] == series["franchise_before"]).all()
    assert (series["entry"].cast(int) > series["entry_before"].cast(int)).all()
    assert (told.filter(pl.col("reason") == "accessory")["kind"] == "accessory").all()
    assert 0.02 < (reasons["reason"] == "noise").mean() < 0.12


def test_no_training_code_reads_the_planted_reasons():
    for room in ("prompts", "alignment", "teaching"):
        for path in sorted((paths.ROOT / "recx" / room).glob("*.py")):
            named = {n.attr for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Attribute)}
            named |= {
                a.name for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ImportFrom) for a in n.names
            }
            assert not named & {"reasons", "generate", "REASONS"}, path
