from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from recx.alignment.relation_start import NONE, fit_relations, predict_effects, role_places
from recx.attribution.effect_labels import EffectLabels, label_effects
from recx.attribution.removal import value_function
from recx.data.catalogue import build_catalogue
from recx.errors import CheckpointError
from recx.explaining.aligned import AlignedExplainer
from recx.explaining.measured import measure_evidence
from recx.models.relations import FEATURES, ROLE_SCALE, ROLES, RelationEncoder
from recx.models.saved_models import build_aligned, continue_from, load_aligned, save_aligned
from recx.prompts.explanation_tasks import examples_from_effects
from recx.prompts.pieces import Entity, Title
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


def test_roles_are_those_of_the_decision():
    shown = np.array([[0, 7, 9, 7, 5], [0, 7, 9, 7, 5]])
    effects = np.array([[0, 1.0, -2.0, 1.0, 0.2], [0, 1.0, -2.0, 1.0, 0.2]], dtype=np.float32)
    labels = EffectLabels(
        np.zeros(2, int), shown, np.array([3, 3]), np.array([True, False]), effects, np.array([0.9, 0.1]), effects
    )
    liked, disliked = role_places(labels).tolist()
    assert liked == [3, 4, 2, 2] and disliked == [2, 4, 3, 3]
    two = EffectLabels(
        np.zeros(1, int),
        np.array([[7, 9]]),
        np.array([3]),
        np.array([True]),
        effects[:1, 1:3],
        np.ones(1),
        np.ones((1, 2)),
    )
    assert role_places(two).tolist() == [[0, 1, NONE, 1]]


def test_padding_changes_nothing(world):
    _, histories, _, users, items = world
    encoder = RelationEncoder(items, users).eval()
    one, other = histories[0][:3], histories[1][: LENGTH - 1]

    def read(rows):
        shown = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
        for n, row in enumerate(rows):
            shown[n, : len(row)] = torch.from_numpy(row)
        return encoder.features(items[shown], shown > 0, items[torch.tensor([5, 8])[: len(rows)]], users[: len(rows)])

    together, alone = read([one, other]), read([one])
    assert together.shape[-1] == FEATURES and torch.allclose(together[0, :3], alone[0], atol=1e-5)
    roles = alone[0, :, -len(ROLES) - 2 : -2]
    assert torch.allclose(roles.sum(0), torch.full((len(ROLES),), ROLE_SCALE), atol=1e-3)


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
        items[torch.from_numpy(histories[4])][None],
        torch.ones(1, len(histories[4]), dtype=torch.bool),
        items[11][None],
        users[4][None],
    )
    assert torch.allclose(model.entities.relation_projector(feature)[0], batch[1][at], atol=1e-5)


def test_it_is_saved_with_its_encoder_and_goes_on_from_a_mode_without(world, aligned, tmp_path):
    _, _, _, users, items = world
    model, _ = aligned
    hybrid, _ = build_aligned(BackboneSettings(), items, users, 1)
    save_aligned(hybrid, BackboneSettings(), "hybrid", tmp_path / "hybrid")
    before = model.entities.relation_projector.weight.clone()
    continue_from(model, tmp_path / "hybrid")
    assert torch.equal(model.entities.item_projector.inner.weight, hybrid.entities.item_projector.inner.weight)
    assert torch.equal(model.entities.relation_projector.weight, before)
    save_aligned(model, BackboneSettings(), "relation", tmp_path / "relation")
    again, _, mode = load_aligned(tmp_path / "relation")
    assert mode == "relation"
    for name, tensor in model.entities.relations.state_dict().items():
        assert torch.equal(tensor, again.entities.relations.state_dict()[name]), name
    tables = load_file(tmp_path / "relation" / "entities.safetensors")
    save_file(
        {n: t for n, t in tables.items() if n != "relations.role.weight"},
        tmp_path / "relation" / "entities.safetensors",
    )
    with pytest.raises(CheckpointError, match="relations.role.weight"):
        load_aligned(tmp_path / "relation")


def test_what_was_measured_is_told_after_the_question(world, aligned):
    target, histories, *_ = world
    model, tokenizer = aligned
    catalogue = build_catalogue([str(n) for n in range(60)], [f"Game {n}" for n in range(60)], {})
    explainer = AlignedExplainer(model.eval(), tokenizer, "relation", catalogue, target, LENGTH, "float32")
    told = explainer.with_evidence(partial(measure_evidence, value_function(target, histories, LENGTH)))
    (request,) = told.requests("explanation", [histories[5]], [[30 if 30 not in histories[5] else 31]])
    named = [p.item for p in told.evidence(request) if isinstance(p, Title)]
    assert named and set(named) <= set(histories[5].tolist())
    plain, other = (e.prompt_text(histories[5], request.items[0]) for e in (explainer, told))
    assert other.startswith(plain.replace("<relation> ", "") + " Measured "), "instead of relation tokens"
    assert explainer.measure is None
