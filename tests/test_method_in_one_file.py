"""The method in one file stands alone, and its parts do what it says; at full size it is run by hand."""

import ast
import random

import pytest
import torch

from recx import paths

FILE = paths.ROOT / "docs" / "method_in_one_file.py"


@pytest.fixture(scope="module")
def method():
    space = {"__name__": "method", "__file__": str(FILE)}
    exec(compile(FILE.read_text(encoding="utf-8"), str(FILE), "exec"), space)
    return space


@pytest.fixture(scope="module")
def world(method):
    """A target, a model, and questions about people that the target was trained on and others."""
    random.seed(1), torch.manual_seed(1)
    games = method["read_catalogue"]()
    people = [method["draw_person"](games) for _ in range(400)]
    target = method["train_target"]([p[:-1] for p in people[50:]], len(games), epochs=15)
    labels = [game["label"] for game in games]
    test = method["Questions"](target, labels, [p[:-1] for p in people[:50]])
    train = method["Questions"](target, labels, [p[:-1] for p in people[50:]])
    return method["Aligned"](), train, test, people


def test_it_is_short_and_stands_alone():
    source = FILE.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 200
    imported = [n for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import) for n in node.names]
    modules = {n.name.split(".")[0] for n in imported}
    modules |= {n.module.split(".")[0] for n in ast.walk(ast.parse(source)) if isinstance(n, ast.ImportFrom)}
    assert modules == {"csv", "random", "time", "pathlib", "torch", "transformers"}


def test_the_target_finds_held_out_choices_far_better_than_chance(world):
    _, _, test, people = world
    places = [test.ranking[n].tolist().index(people[n][-1]) for n in range(50)]
    assert sorted(places)[25] < len(test.labels) / 4, "the median place; chance is one half"
    first = [history[0] in ranking[:-13] for history, ranking in zip(test.histories, test.ranking, strict=True)]
    assert not any(first), "what a person has comes last"


def test_vectors_stand_where_their_tokens_do(world):
    model, train, _, _ = world
    rows = [train.preference(0, "hybrid"), train.next_item(1, "intention")]
    with torch.no_grad():
        embedded = model.prompts(rows)["inputs_embeds"]
        user, item = model.user(rows[0][1]), model.item(rows[0][2])
        assert (embedded[0] - user).abs().amax(-1).min() < 1e-5 and (embedded[0] - item).abs().amax(-1).min() < 1e-5
        assert (embedded[1] - model.user(rows[1][1])).abs().amax(-1).min() < 1e-5
        begun = model.prompts(rows[:1], begun=True)["inputs_embeds"]
        assert begun.shape[1] == model.prompts(rows[:1])["inputs_embeds"].shape[1] + 1


def test_explanations_begin_with_the_targets_decision_and_alignment_lowers_the_loss(method, world):
    model, train, test, _ = world
    written = method["own_words"](model, train, 100)
    assert all(row[3].startswith(("Yes", "No")) and len(row[3]) > 20 for row in written)
    assert {row[3].split(".")[0].split(",")[0] for row in written} >= {"Yes", "No"}
    rows = [train.next_item(n, "hybrid") for n in range(300)] + written
    asked = [test.next_item(n, "hybrid") for n in range(50)]
    with torch.no_grad():
        before = model.loss(asked).item()
    method["align"](model, rows, size=32)
    with torch.no_grad():
        assert model.loss(asked).item() < 0.8 * before
    assert method["agreement"](model, test).startswith("its title is among")
