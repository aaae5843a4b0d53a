import json
import re
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from recx.alignment import relation_start
from recx.alignment.relation_start import fit_relations, predict_effects
from recx.attribution.effect_labels import EffectLabels, label_effects
from recx.attribution.removal import players_of, value_function
from recx.attribution.shapley import shapley_values
from recx.data.catalogue import build_catalogue
from recx.errors import CheckpointError
from recx.explaining.aligned import AlignedExplainer
from recx.explaining.measured import measure_evidence
from recx.models.relations import FEATURES, SCALE, RelationEncoder, roles_of, share_below
from recx.models.saved_models import build_aligned, continue_from, load_aligned, save_aligned
from recx.prompts.entity_ids import ROLES, TOLD
from recx.prompts.evidence import PLACES, evidence_of, strength
from recx.prompts.explanation_tasks import examples_from_effects
from recx.prompts.pieces import Entity, Title, as_text, related_titles
from recx.prompts.task_data import TaskData, shuffled_cycle
from recx.prompts.tokens import PromptEncoder
from recx.recommenders.labels import label_histories
from recx.recommenders.protocol import pad_histories
from recx.recommenders.sasrec import SASRec
from recx.settings import BackboneSettings, TargetShape

LENGTH, WIDTH = 6, 16


@pytest.fixture(scope="module")
def world():
    """A target with its histories, labels, vectors and measured effects."""
    torch.manual_seed(0)
    target = SASRec(60, TargetShape(width=WIDTH, blocks=1, length=LENGTH, dropout=0.0)).eval().requires_grad_(False)
    torch.nn.init.normal_(target.item_embedding.weight[1:], std=0.6)
    rng = np.random.default_rng(0)
    histories = [rng.permutation(60)[: rng.integers(3, LENGTH + 1)] + 1 for _ in range(240)]
    labels = label_histories(target, histories, LENGTH, rng)
    value = value_function(target, histories, LENGTH)
    measured = label_effects(value, histories, labels, list(range(240)))
    users = target.encode_users(pad_histories(histories, LENGTH))
    return target, histories, measured, users, target.item_vectors()


def test_the_encoder_learns_what_was_measured(world):
    _, _, measured, users, items = world
    torch.manual_seed(0)
    encoder = RelationEncoder(items, users)
    explained, found = fit_relations(encoder, measured, users, items, epochs=14, show_progress=False)
    assert explained > 0.5 and found > 0.5, "chance is 0 and about .22"
    assert not any(p.requires_grad for p in encoder.parameters()) and not encoder.training
    shuffled = EffectLabels(**{**vars(measured), "items": np.random.default_rng(1).permutation(measured.items)})
    torch.manual_seed(0)
    blind = RelationEncoder(items, users)
    assert fit_relations(blind, shuffled, users, items, epochs=14, show_progress=False)[0] < explained - 0.2


def test_held_out_are_people_whose_other_histories_are_not_learnt_from(world, monkeypatch):
    _, _, measured, users, items = world
    people, tested = np.arange(240) // 12, []
    keep = relation_start._explained
    monkeypatch.setattr(relation_start, "_explained", lambda m, p: tested.append(m) or keep(m, p))
    fit_relations(RelationEncoder(items, users), measured, users, items, people, epochs=1, show_progress=False)
    held = np.unique(tested[0].rows)
    assert len(held) == 12 and len(np.unique(people[held])) == 1, "all histories of one of twenty people"


def test_predictions_are_of_the_same_pairs(world):
    _, _, measured, users, items = world
    predicted = predict_effects(RelationEncoder(items, users).eval(), measured, users, items)
    assert predicted.effects.shape == measured.effects.shape and not predicted.effects[measured.shown == 0].any()
    assert predicted.items is measured.items and predicted.liked is measured.liked
    assert np.isnan(predicted.shares_without).all()


def test_texts_say_what_their_tokens_show_unless_they_are_told(world):
    target, histories, measured, _, _ = world
    turned = measured.effects.copy()  # predictions that name another cause than the measurements
    for shown, effects in zip(measured.shown, turned, strict=True):
        effects[shown > 0] = np.roll(effects[shown > 0], 1)
    predicted = replace(measured, effects=turned)
    catalogue = build_catalogue([str(n) for n in range(60)], [f"Game {n}" for n in range(60)], {})
    labels = label_histories(target, histories, LENGTH, np.random.default_rng(0))
    data = TaskData(catalogue, histories, labels, effects=measured, predicted=predicted, max_history=LENGTH)

    def strongest(effects, pair):
        signed = effects.effects[pair] * (1 if effects.liked[pair] else -1)
        return int(effects.shown[pair][np.where(effects.shown[pair] > 0, signed, -np.inf).argmax()])

    for task, told_share, basis in (
        ("explanation", 0.0, predicted),
        ("explanation", 1.0, measured),
        ("attribution", 0.0, predicted),
    ):
        texts = examples_from_effects(
            replace(data, told_share=told_share), "relation", task, [0] * 90, [0] * 90, np.random.default_rng(4)
        )
        pairs = shuffled_cycle(len(measured), 90, np.random.default_rng(4))
        named = [next(p.item for p in text.response if isinstance(p, Title)) for text in texts]
        assert named == [strongest(basis, pair) for pair in pairs]


def test_a_place_that_is_not_told_is_not_stated(world):
    target, histories, measured, _, _ = world
    catalogue = build_catalogue([str(n) for n in range(60)], [f"Game {n}" for n in range(60)], {})
    labels = label_histories(target, histories, LENGTH, np.random.default_rng(0))
    data = TaskData(catalogue, histories, labels, effects=measured, max_history=LENGTH, told_share=1.0)
    rows = examples_from_effects(data, "relation", "explanation", [0] * 300, [0] * 300, np.random.default_rng(4))
    known = {True: 0, False: 0}
    for row in rows:
        asked, text = as_text(row.prompt, catalogue), as_text(row.response, catalogue)
        told = "without the first above" in asked
        known[told] += 1
        assert "<told>" in asked and "<relation>" not in asked and "It ranks above" in asked
        assert told or not re.search("without|taken out", text), text
    assert 0.15 < known[False] / 300 < 0.4


def test_effects_are_linear_in_the_item_as_the_measured_ones_are(world):
    target, histories, measured, users, items = world
    encoder = RelationEncoder(items, users).eval()
    with torch.inference_mode():
        slopes = encoder(torch.from_numpy(measured.shown[:1]), items, users[:1])
        asked = torch.stack([items[5], items[9], (items[5] + items[9]) / 2])
        one, other, between = encoder.effects(slopes, asked[None])[0]
    assert torch.allclose(between, (one + other) / 2, atol=1e-5) and not torch.allclose(one, other, atol=1e-3)
    # Over all items, measured effects vary in as many directions as item vectors have, and one for the denominator.
    found = shapley_values(value_function(target, histories, LENGTH), histories[7], range(1, 61)).values
    prior = value_function(target, histories, LENGTH).prior
    inputs = np.column_stack([items[1:].double().numpy(), np.ones(60), prior])
    residual = found.T - inputs @ np.linalg.lstsq(inputs, found.T, rcond=None)[0]
    assert np.abs(residual).max() < 1e-4 < np.abs(found).max()


def test_roles_are_those_of_the_text():
    """The titles that `Evidence` names, and as what, for any effects: also where titles repeat or none matters."""
    rng = np.random.default_rng(0)
    for n in range(1, 9):
        history = torch.from_numpy(rng.integers(0, 7, (200, n)))
        history[:, -1] = history[:, -1].clamp_min(1)
        by_item = torch.from_numpy(rng.normal(size=(200, 7)) * rng.choice([0.0, 1.0, 1.0], (200, 7))).float()
        effects, liked = by_item.gather(1, history), torch.from_numpy(rng.random(200) < 0.5)
        roles = roles_of(effects, history, liked)
        assert not roles[history == 0].any()
        for row, own, sizes, yes in zip(history.numpy(), roles.numpy(), by_item.numpy(), liked.tolist(), strict=True):
            players = players_of(row[row > 0])
            evidence = evidence_of(players, sizes[players], 9, yes, 0.5)
            named = [set(row[own[:, role] > 0].tolist()) for role in range(len(ROLES))]
            expected = [{c} for c in evidence.notable[:3]] + [set()] * (3 - len(evidence.notable[:3]))
            assert named == [*expected, {evidence.against} - {None}]
            assert all((own[row == item] == own[row == item][0]).all() for item in players), "at each of its positions"


def test_an_item_has_one_effect_wherever_it_stands(world):
    _, _, _, users, items = world
    encoder = RelationEncoder(items, users).eval()
    with torch.inference_mode():
        slopes = encoder(torch.tensor([[0, 7, 9, 7, 5]]), items, users[:1])
    assert torch.equal(slopes[0, 1], slopes[0, 3]) and not torch.allclose(slopes[0, 1], slopes[0, 2])


def test_tokens_know_the_place_of_the_item(world):
    target, histories, _, users, items = world
    value = value_function(target, histories, LENGTH, score="share_below")
    for row in range(5):
        asked = torch.tensor([3, 30, 57])
        below = share_below(items, asked, users[row].expand(3, -1))
        assert np.allclose(below, value.full(histories[row], asked.numpy()))
        shown = torch.from_numpy(histories[row])[None].expand(3, -1)
        features = RelationEncoder(items, users).eval().features(shown, items, asked, users[row].expand(3, -1))
        told = features[..., -len(PLACES) - 1 :]
        assert (told.sum(-1) == SCALE).all()
        for words, share in zip(told[:, 0].argmax(-1).tolist(), below.tolist(), strict=True):
            assert words == sum(share >= least for least in PLACES)


def test_words_of_strength_follow_the_place_that_tokens_show():
    said, rng = {}, np.random.default_rng(0)
    for share in np.linspace(0, 1, 1001):
        evidence = evidence_of(np.array([1]), np.ones(1), 2, share >= 0.5, share)
        said.setdefault(sum(share >= least for least in PLACES), set()).add(strength(rng, evidence))
    assert len(said) == len(PLACES) + 1 and all(len(words) > 1 for words in said.values())
    assert sum(map(len, said.values())) == len(set().union(*said.values())), "no wording at two places"


def test_padding_changes_nothing(world):
    _, histories, _, users, items = world
    encoder = RelationEncoder(items, users).eval()
    one, other = histories[0][:3], histories[1][: LENGTH - 1]

    def read(rows):
        shown = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
        for n, row in enumerate(rows):
            shown[n, : len(row)] = torch.from_numpy(row)
        return encoder.features(shown, items, torch.tensor([5, 8])[: len(rows)], users[: len(rows)])

    together, alone = read([one, other]), read([one])
    assert together.shape[-1] == FEATURES and torch.allclose(together[0, :3], alone[0], atol=1e-5)
    padded = torch.from_numpy(np.concatenate([[0, 0], one]))[None]
    left = encoder.features(padded, items, torch.tensor([5]), users[:1])
    assert torch.allclose(left[0, 2:], alone[0], atol=1e-5)


@pytest.fixture(scope="module")
def aligned(world):
    _, _, _, users, items = world
    return build_aligned(BackboneSettings(), items, users, 0, relations=True)


def test_a_token_relates_to_the_item_and_user_of_its_row(world, aligned):
    _, histories, _, users, items = world
    model, tokenizer = aligned
    labels = [""] + [f"Game {n}" for n in range(60)]
    encoder = PromptEncoder(tokenizer, labels, model.backbone.get_input_embeddings().base.num_embeddings)

    def row(history, item, user):
        pieces = [p for h in history for p in (Entity("relation", int(h)), Title(int(h)))]
        return torch.from_numpy(
            np.concatenate(encoder.pieces([*pieces, Entity("user", user), Title(item), Entity("item", item)]))
        )

    rows = [row(histories[3], 9, 3), row(histories[4], 11, 4)]
    ids = torch.zeros(2, max(map(len, rows)), dtype=torch.long)
    for n, own in enumerate(rows):
        ids[n, : len(own)] = own
    with torch.inference_mode():
        batch, alone = model.embed(ids), model.embed(rows[1][None].long())
        assert torch.allclose(batch[1, : len(rows[1])], alone[0], atol=1e-5)
        given = model.embed(
            ids.masked_fill(ids >= encoder.entity(Entity("user", 0)), encoder.entity(Entity("user", 0))), users[3:5]
        )
        assert torch.allclose(given, batch, atol=1e-5), "a user vector may be given instead of its row"
        first = encoder.entity(Entity("relation", 0))
        at = (ids[1] >= first) & (ids[1] < first + 61)
        swapped = ids.clone()
        swapped[1][ids[1] == encoder.entity(Entity("item", 11))] = encoder.entity(Entity("item", 12))
        assert not torch.allclose(model.embed(swapped)[1][at], batch[1][at], atol=1e-3), "another item, other relations"
    feature = model.entities.relations.features(
        torch.from_numpy(histories[4])[None], items, torch.tensor([11]), users[4][None]
    )
    assert torch.allclose(model.entities.relation_projector(feature)[0], batch[1][at], atol=1e-5)


def test_every_token_of_a_title_carries_its_roles(world, aligned):
    _, histories, _, users, items = world
    model, tokenizer = aligned
    entities, labels = model.entities, [""] + [f"Game {n} of many words" for n in range(60)]
    encoder = PromptEncoder(tokenizer, labels, entities.vocabulary)
    history = histories[5].tolist()
    item = next(n for n in range(1, 61) if n not in history)
    before, after = [Title(history[0]), " and "], [Entity("user", 5), Title(item), Entity("item", item), ". Why?"]
    pieces = [*before, *related_titles(history), ". User ", *after]
    ids = [torch.from_numpy(piece).long() for piece in encoder.pieces(pieces)]
    with torch.inference_mode():
        added = model.embed(torch.cat(ids)[None])[0] - entities.base(torch.cat(ids).clamp_max(entities.vocabulary - 1))
        shown, asked = torch.tensor(history)[None], torch.tensor([item])
        features = entities.relations.features(shown, items, asked, users[5][None])[0]
        roles = entities.title_projector(features[:, : len(ROLES)])
    named = dict(zip(history, roles, strict=True))
    assert len(torch.unique(roles.round(decimals=4), dim=0)) > 1
    for piece, own in zip(pieces, added.split([len(i) for i in ids]), strict=True):
        if piece is before[0] or piece == " and " or piece in (after[1], after[-1]):
            assert torch.allclose(own, torch.zeros_like(own), atol=1e-6), "outside the history there are no roles"
        elif isinstance(piece, Title):
            assert len(own) > 3 and torch.allclose(own, named[piece.item].expand_as(own), atol=1e-5)


def test_a_told_token_is_a_relation_token_with_the_measured_role(world, aligned):
    _, histories, _, users, items = world
    model, tokenizer = aligned
    entities, labels = model.entities, [""] + [f"Game {n} of many words" for n in range(60)]
    encoder = PromptEncoder(tokenizer, labels, entities.vocabulary)
    first, other = histories[5].tolist()[:3], histories[6].tolist()

    def row(titles, user, item):
        pieces = [*titles, Entity("user", user), Title(item), Entity("item", item)]
        return torch.from_numpy(np.concatenate(encoder.pieces(pieces))).long()

    rows = [row(related_titles(first, [2, TOLD - 1, 0]), 5, 9), row(related_titles(other), 6, 11)]
    ids = torch.zeros(2, max(map(len, rows)), dtype=torch.long)
    for n, own in enumerate(rows):
        ids[n, : len(own)] = own
    with torch.inference_mode():
        batch, alone = model.embed(ids), [model.embed(own[None])[0] for own in rows]
        told = entities.relations.told_features(
            torch.tensor([2, TOLD - 1, 0]), items, torch.tensor([9] * 3), users[5].expand(3, -1)
        )
        related = entities.relations.features(torch.tensor(first)[None], items, torch.tensor([9]), users[5][None])[0]
        projected = entities.relation_projector(told)
    for n, own in enumerate(rows):
        assert torch.allclose(batch[n, : len(own)], alone[n], atol=1e-5), "rows of both kinds may be in one batch"
    at = (rows[0] >= entities.ids.first("told")) & (rows[0] < entities.ids.first("user"))
    assert torch.allclose(alone[0][at], projected, atol=1e-5)
    assert torch.equal(told[:, : len(ROLES)] / SCALE, torch.eye(4)[[2, 3, 0]] * torch.tensor([[1.0], [0.0], [1.0]]))
    assert torch.equal(told[:, len(ROLES) + 2 :], related[:, len(ROLES) + 2 :]), "the place is that of relation tokens"


def test_it_is_saved_with_its_encoder_and_goes_on_from_a_mode_without(world, aligned, tmp_path):
    _, _, _, users, items = world
    model, _ = aligned
    hybrid, _ = build_aligned(BackboneSettings(), items, users, 1)
    save_aligned(hybrid, BackboneSettings(), "hybrid", tmp_path / "hybrid")
    before, own = model.entities.relation_projector.weight.clone(), model.entities.title_projector.weight.clone()
    continue_from(model, tmp_path / "hybrid")
    assert torch.equal(model.entities.item_projector.inner.weight, hybrid.entities.item_projector.inner.weight)
    assert torch.equal(model.entities.relation_projector.weight, before)
    assert torch.equal(model.entities.title_projector.weight, own), "which the hybrid mode has none of either"
    save_aligned(model, BackboneSettings(), "relation", tmp_path / "relation")
    again, _, mode = load_aligned(tmp_path / "relation")
    assert mode == "relation" and again.reads_told
    record = json.loads((tmp_path / "relation" / "aligned.json").read_text())
    del record["reads_told"]
    (tmp_path / "relation" / "aligned.json").write_text(json.dumps(record))
    assert not load_aligned(tmp_path / "relation")[0].reads_told, "an earlier version wrote it"
    for name, tensor in model.entities.relations.state_dict().items():
        assert torch.equal(tensor, again.entities.relations.state_dict()[name]), name
    tables = load_file(tmp_path / "relation" / "entities.safetensors")
    save_file(
        {n: t for n, t in tables.items() if n != "relations.effect.weight"},
        tmp_path / "relation" / "entities.safetensors",
    )
    with pytest.raises(CheckpointError, match="relations.effect.weight"):
        load_aligned(tmp_path / "relation")


def test_what_was_measured_is_told_after_the_question(world, aligned):
    target, histories, *_ = world
    model, tokenizer = aligned
    catalogue = build_catalogue([str(n) for n in range(60)], [f"Game {n}" for n in range(60)], {})
    explainer = AlignedExplainer(model.eval(), tokenizer, "relation", catalogue, target, LENGTH, "float32")
    told = explainer.with_evidence(partial(measure_evidence, value_function(target, histories, LENGTH)))
    item = 30 if 30 not in histories[5] else 31
    (request,) = told.explanation_requests([histories[5]], [item])
    named = [p.item for p in request.evidence if isinstance(p, Title)]
    assert named and set(named) <= set(histories[5].tolist())
    roles = dict(zip(request.history.tolist(), request.roles, strict=True))
    evidence = told.measure(histories[5], item)
    expected = dict(zip(evidence.notable, range(3), strict=False)) | {evidence.against: 3}
    assert {title: role for title, role in roles.items() if role < len(ROLES)} == {
        title: role for title, role in expected.items() if title is not None
    }
    plain, other = (e.prompt_text(histories[5], item) for e in (explainer, told))
    assert other.startswith(plain.replace("<relation>", "<told>") + " Measured "), "instead of relation tokens"
    assert explainer.measure is None
    try:
        model.reads_told = False  # as a model that an earlier version aligned
        assert told.prompt_text(histories[5], item) == other.replace("<told> ", "")
    finally:
        model.reads_told = True
