import json
from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from recx.alignment import corpus
from recx.alignment.corpus import REPEATS, encode_mode, general_conversations, rows_per_task
from recx.attribution.effect_labels import histories_to_measure, label_effects
from recx.attribution.removal import value_function
from recx.data.catalogue import build_catalogue
from recx.errors import DataError
from recx.prompts import wordings as prompts
from recx.prompts.conversations import Conversation, read_conversations, read_folder
from recx.prompts.modes import MODE_SPECS
from recx.prompts.pieces import Entity, Title, as_text, quoted_pieces
from recx.prompts.task_data import TaskData
from recx.prompts.tokens import IGNORED, PromptEncoder
from recx.prompts.training_tasks import TASKS, build_examples
from recx.recommenders.labels import label_histories
from recx.recommenders.protocol import mask_seen, pad_histories
from recx.recommenders.sasrec import SASRec
from recx.settings import MODES, AlignSettings, TargetShape, TaskShares


@pytest.fixture
def world(rng):
    torch.manual_seed(0)
    target = SASRec(40, TargetShape(width=16, length=6)).eval()
    histories = [rng.permutation(40)[:n] + 1 for n in rng.integers(1, 7, size=60)]
    return target, histories


@pytest.mark.parametrize("long, said", [(0, ""), (1, ""), (60, "Note: 60 of 100 rows of the hybrid mode")])
def test_many_rows_that_are_too_long_are_told(monkeypatch, capsys, long, said):
    monkeypatch.setattr(corpus, "build_examples", lambda *_: [])
    built = SimpleNamespace(data=SimpleNamespace(explanations=[]))
    encoder = SimpleNamespace(encode=lambda *_, **__: (range(100 - long), long))
    encode_mode(built, encoder, "hybrid", AlignSettings())
    told = capsys.readouterr().out
    assert told.startswith(said) and bool(told) == bool(said)
    encoder = SimpleNamespace(encode=lambda *_, **__: ([], 100))
    with pytest.raises(DataError, match="100 of 100 rows.*align.max_tokens=320"):
        encode_mode(built, encoder, "hybrid", AlignSettings())


def test_labels_are_the_targets_own_ranking(world, rng):
    target, histories = world
    labels = label_histories(target, histories, 6, rng)
    scores = mask_seen(target.score(pad_histories(histories, 6)).detach(), histories).numpy()
    for row, history in enumerate(histories):
        order = [i for i in np.argsort(-scores[row]) if np.isfinite(scores[row, i])]
        assert labels.top[row].tolist() == order[:5]
        assert sorted(labels.ranked[row].tolist(), key=order.index) == labels.ranked[row].tolist()
        assert len(set(labels.ranked[row].tolist())) == 5
        assert all(order.index(i) < 0.2 * len(order) for i in labels.liked[row])
        assert all(order.index(i) >= 0.5 * len(order) - 1 for i in labels.disliked[row])
        assert not set(history) & {*labels.ranked[row], *labels.liked[row], *labels.disliked[row]}


def test_every_task_has_eight_wordings_and_the_slots_it_needs():
    for task, wordings in prompts.ALL_WORDINGS.items():
        assert len(set(wordings)) >= 8, task
    assert all("{candidates}" in w for w in prompts.RANKING)
    assert all("{item}" in w for w in (*prompts.PREFERENCE, *prompts.EXPLANATION, *prompts.NAME, *prompts.RELATED))
    assert all("{item}" in w and "{attribute}" in w for w in prompts.ATTRIBUTE)
    for mode in MODES:
        spec = MODE_SPECS[mode]
        assert len(set(spec.openings)) == 4
        assert all(("{history}" in o) == spec.shows_titles for o in spec.openings)
        assert all(("{user}" in o) == spec.reads_vectors for o in spec.openings)


def test_a_mode_is_described_where_it_is_named():
    assert tuple(MODE_SPECS) == MODES and {f"rows_{mode}" for mode in MODES} <= {f.name for f in fields(AlignSettings)}
    assert len({spec.seed for spec in MODE_SPECS.values()}) == len(MODES)
    for spec in MODE_SPECS.values():
        assert sum(spec.trained_on.values()) == pytest.approx(1) and spec.trained_on.keys() <= MODE_SPECS.keys()


@pytest.fixture
def small_world(rng):
    catalogue = build_catalogue([str(n) for n in range(30)], [f"Game {n}" for n in range(30)],
                                {"genre": [["Puzzle"] if n % 2 else ["Shooter"] for n in range(30)]})  # fmt: skip
    target = SASRec(30, TargetShape(width=16, length=4)).eval()
    histories = [rng.permutation(30)[:n] + 1 for n in rng.integers(1, 5, size=20)]
    labels = label_histories(target, histories, 4, rng)
    own = [(0, 3, "Use one sentence.", 'Yes, as "Game 2" fits "Game 4".')]
    data = TaskData(catalogue, histories, labels, np.tile([1, 2, 3], (31, 1)), general_conversations(""), own, 4)
    rows = histories_to_measure(histories, 4, 6, rng)
    measured = label_effects(value_function(target, histories, 4), histories, labels.of(rows), rows)
    return replace(data, effects=measured)


@pytest.mark.parametrize("mode", MODES)
def test_examples_have_the_form_of_their_mode(small_world, mode, rng):
    examples = list(build_examples(small_world, mode, dict.fromkeys(TASKS, 60), rng))
    tasks = set(TASKS) - (set() if mode == "relation" else {"attribution"})
    assert {e.task for e in examples} == tasks and len(examples) == 60 * len(tasks)
    kinds = {p.kind for e in examples for p in e.prompt if isinstance(p, Entity)}
    wanted = {"behavior": set(), "relation": {"user", "item", "relation", "told"}}
    assert kinds == wanted.get(mode, {"user", "item"})
    for e in examples:
        assert not any(isinstance(p, Entity) for p in e.response)
        if e.task == "preference":
            assert e.response in (["Yes"], ["No"])
        if e.task == "explanation":
            opening = ("Yes", "No") if mode == "relation" else "Yes, as"
            assert as_text(e.response, small_world.catalogue).startswith(opening)
            told = "Measured " in as_text(e.prompt, small_world.catalogue)
            kinds = {p.kind for p in e.prompt if isinstance(p, Entity)}
            assert mode != "relation" or told == ("told" in kinds) != ("relation" in kinds), "told, or found out"
        related = [p.row for p in e.prompt if isinstance(p, Entity) and p.kind == "relation"]
        if related:  # made from the one item and the one user of its row
            kinds = [p.kind for p in e.prompt if isinstance(p, Entity)]
            assert kinds.count("item") == kinds.count("user") == 1 and not e.further
            assert related == [p.item for p in e.prompt if isinstance(p, Title)][: len(related)]
    if mode == "intention":
        about = [e for e in examples if e.task in ("retrieval", "preference")]
        assert not any(isinstance(p, Title) for e in about for p in e.prompt)


def test_made_up_histories_are_read_as_vectors_only(small_world, rng):
    small_world = replace(small_world, with_titles=5, explanations=())
    examples = [
        e
        for e in build_examples(small_world, "hybrid", {"retrieval": 300, "preference": 300}, rng)
        if any(isinstance(p, Entity) and p.kind == "user" for p in e.prompt)
    ]
    with_titles, rows = (
        [e for e in examples if any(isinstance(p, Title) for p in e.prompt) == shown] for shown in (True, False)
    )
    drawn = [
        {p.row for e in part for p in e.prompt if isinstance(p, Entity) and p.kind == "user"}
        for part in (with_titles, rows)
    ]
    assert drawn[0] == set(range(5)) and drawn[1] == set(range(20))


def test_encoding_round_trips_and_learns_answers_only(backbone, small_world, rng):
    _, tokenizer = backbone
    encoder = PromptEncoder(tokenizer, small_world.catalogue.labels, 4096)
    examples = list(
        build_examples(
            small_world, "hybrid", {"retrieval": 8, "preference": 8, "explanation": 3, "conversation": 30}, rng
        )
    )
    rows, dropped = encoder.encode(examples, 10_000)
    assert dropped == 0 and len(rows) == len(examples)
    for n, example in enumerate(examples):
        row = rows[n]
        learnt = tokenizer.decode(row["labels"][row["labels"] != IGNORED])
        answers = [example.response, *(answer for _, answer in example.further)]
        said = [as_text(answer, small_world.catalogue) + "<|end|>" * example.ends for answer in answers]
        assert learnt == "".join(said)
        entities = row["input_ids"][row["input_ids"] >= 4096]
        assert len(entities) == sum(
            isinstance(p, Entity) for q in (example.prompt, *(q for q, _ in example.further)) for p in q
        )
    multi = [n for n, e in enumerate(examples) if e.earlier]
    assert multi and examples[multi[0]].earlier[0] in tokenizer.decode(rows[multi[0]]["input_ids"])


@pytest.mark.parametrize("written", [0, 3, 100_000])
def test_rows_follow_the_shares_and_few_explanations_are_not_learnt_by_heart(written):
    shares = TaskShares(0.4, 0.1, 0.2, 0.05, 0.05, 0.05, 0.15)
    counts = rows_per_task(AlignSettings(rows_hybrid=10_000, shares=shares), "hybrid", written)
    assert abs(sum(counts.values()) - 10_000) <= len(TASKS)
    assert counts["explanation"] == min(1500, REPEATS * written)
    assert counts["preference"] / counts["ranking"] == pytest.approx(2, rel=0.02)


def test_special_tokens_in_outside_text_are_text(backbone, small_world):
    _, tokenizer = backbone
    encoder = PromptEncoder(tokenizer, ["", "Pong <|end|>"], 4096)
    prompt = encoder.prompt(["<|end|><|assistant|>Yes ", Title(1)]).ids
    assert encoder.end[0] not in prompt and tokenizer.decode(prompt).count("Pong <|end|>") == 1


def test_titles_have_the_same_tokens_everywhere(backbone, small_world):
    _, tokenizer = backbone
    encoder = PromptEncoder(tokenizer, small_world.catalogue.labels, 4096)
    pieces = ["like ", Title(3), "; ", Title(4), "."]
    whole = tokenizer.encode('like "Game 2"; "Game 3".', add_special_tokens=False)
    assert np.concatenate(encoder.pieces(pieces)).tolist() == whole


def test_quoted_pieces_keep_the_text(small_catalogue):
    for text in ('Yes, "Portal" and "Nope" fit "Halo 3".', 'odd " quote', '"Portal"', ""):
        assert as_text(quoted_pieces(text, small_catalogue.index_of_label), small_catalogue) == text


def test_quoted_pieces_find_titles_beside_stray_marks(small_catalogue):
    pieces = quoted_pieces('Yes, on a 27" screen "Portal" and "Nope" fit "Halo 3".', small_catalogue.index_of_label)
    assert pieces == ['Yes, on a 27" screen ', Title(1), ' and "Nope" fit ', Title(3), "."]


def test_conversations_of_both_forms(real_data, capsys):
    kept = read_folder(real_data / "instruction-mix")
    assert 0 < 12_618 - len(kept) < 100 and "are left out, because a turn is empty" in capsys.readouterr().out
    assert any(len(c.turns) == 4 for c in kept)
    shipped = general_conversations("")
    assert {len(c.turns) for c in shipped} >= {2, 4}


def test_conversations_that_cannot_be_used_are_counted(tmp_path, capsys):
    path, turns = tmp_path / "x.json", [{"from": "gpt", "value": "Hello."}, {"from": "human", "value": "Hello."}]
    path.write_text(json.dumps([{"conversations": turns}, {"conversations": turns[::-1]}]))
    assert read_conversations(path) == [Conversation(("Hello.", "Hello."))]
    assert f"Note: {path}: 1 of 2 conversations are left out" in capsys.readouterr().out
    path.write_text(json.dumps([{"conversations": turns}]))
    with pytest.raises(DataError, match="none of the 1 conversations can be used"):
        read_conversations(path)


@pytest.mark.parametrize(
    "text, word",
    [
        ("{}", "JSON list"),
        ("[{}]", "row 1"),
        ("[", "cannot be read as JSON"),
        ('[{"conversations":[1]}]', "from"),
        ('[{"instruction":"a","output":"b","input":3}]', "input"),
        ('[{"instruction":"a","output":"b","history":[["a"]]}]', "history"),
    ],
)
def test_broken_conversations_name_the_place(tmp_path, text, word):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(DataError, match=word):
        read_conversations(path)
