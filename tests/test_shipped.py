"""The model that ships with the kit: exported from a finished run, opened without one, displayed and queried."""

import pytest
import torch
from safetensors.torch import load_file

from recx.alignment.relation_source import relation_source
from recx.attribution.removal import value_function
from recx.data.registry import load_dataset
from recx.errors import CheckpointError
from recx.explaining.aligned import AlignedExplainer
from recx.explaining.measured import measure_evidence
from recx.models.pretrained import is_here
from recx.models.saved_models import build_aligned, continue_from, save_aligned
from recx.pipeline import examples, shipped, stages
from recx.pipeline.explained_pairs import PairExplainer
from recx.playground import shipped_run
from recx.profiles.resolve import resolve_settings
from recx.recommenders.protocol import pad_histories
from recx.recommenders.sasrec import SASRec
from recx.recommenders.target_kinds import save_target
from recx.settings import TargetShape

# The teaching backbone stands for the one that has to be fetched.
SETTINGS = resolve_settings("small", "demo", "", {"align.backbone.name": "recx-tiny", "align.backbone.lora_rank": "4"})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Folders, by stage, of a run with untrained models."""
    folder = tmp_path_factory.mktemp("run")
    data = load_dataset(SETTINGS.data)
    torch.manual_seed(0)
    target = SASRec(len(data.catalogue), SETTINGS.target.model).eval().requires_grad_(False)
    save_target(target, len(data.catalogue), SETTINGS.target, folder / "target")
    users = target.encode_users(pad_histories(data.sequences[:40], target.length))
    model, _ = build_aligned(SETTINGS.align.backbone, target.item_vectors(), users, relations=True)
    save_aligned(model.eval(), SETTINGS.align.backbone, "relation", folder / "relation")
    (folder / "relation" / "loss_curve.csv").write_text("what a run leaves beside it")
    return {"target": folder / "target", stages.ALIGN["relation"]: folder / "relation"}


@pytest.fixture
def here(run, tmp_path, monkeypatch):
    """The folder of the shipped model, exported from the run."""
    monkeypatch.setattr(stages, "folder", lambda stage, _: run[stage])
    monkeypatch.setattr(shipped, "shipped_settings", lambda: SETTINGS)
    monkeypatch.setattr(shipped, "shipped_folder", lambda: tmp_path / "shipped")
    shipped.ship(SETTINGS, tmp_path / "shipped")
    return tmp_path / "shipped"


def test_it_holds_what_is_needed_and_no_user(here, run):
    assert sorted(p.name for p in here.rglob("*") if p.is_file()) == [
        "aligned.json",
        "entities.safetensors",
        "target.json",
        "target.safetensors",
        "weights.safetensors",
    ]
    assert len(load_file(here / "relation" / "entities.safetensors")["users"]) == 0
    weights = load_file(here / "relation" / "weights.safetensors")
    assert {w.dtype for w in weights.values()} == {torch.bfloat16}
    exact = load_file(run[stages.ALIGN["relation"]] / "weights.safetensors")
    assert all(torch.allclose(weights[n].float(), exact[n], rtol=1e-2, atol=1e-6) for n in exact)


def test_it_is_opened_and_explains(here):
    opened = shipped.open_shipped()
    assert list(opened.explainers) == ["unaligned", "relation"]
    texts = examples.examples(PairExplainer(opened, "relation"), opened, 2)
    assert len(texts) == 2
    assert all(text.startswith("History: ") and "(the recommender " in text for text in texts)


def test_the_playground_offers_it_where_its_backbone_is_here(here, monkeypatch, tmp_path):
    monkeypatch.setenv("RECX_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setattr(shipped_run, "shipped_settings", lambda: SETTINGS)
    runs = shipped_run.open_runs()
    assert [(row["name"], row["why"]) for row in runs.runs()] == [("shipped/demo", "")]
    run = runs.get("shipped/demo")
    assert run.service("histories").about()["models"] == ["unaligned", "relation"]
    answers = list(run.service("models").explain("relation", [3, 50, 120], 9))
    assert answers[-1]["text"] and answers[-1]["effects"]
    monkeypatch.setattr(shipped, "is_here", lambda _: False)
    assert shipped_run.open_runs().runs() == []


def test_the_tour_opens_it_or_trains_a_small_target(here, monkeypatch):
    settings = resolve_settings("tiny", "demo", "", {"data.demo.users": 260})
    opened, why = shipped.open_or_train(settings)
    assert why == "" and list(opened.explainers) == ["unaligned", "relation"]
    monkeypatch.setattr(shipped, "is_here", lambda _: False)
    opened, why = shipped.open_or_train(settings)
    assert "recx backbone get" in why and list(opened.explainers) == ["unaligned"] and len(opened.data.user_ids) <= 260


def test_without_its_backbone_the_teaching_one_speaks(here, monkeypatch, capsys):
    opened = shipped.open_shipped()
    monkeypatch.setattr(shipped, "is_here", lambda _: False)
    with pytest.raises(CheckpointError, match="recx backbone get recx-tiny"):
        shipped.open_shipped()

    def out_of_reach(name):
        raise CheckpointError("There is no network.")

    monkeypatch.setattr(examples, "fetch_backbone", out_of_reach)
    monkeypatch.setattr(examples, "shipped_settings", lambda: SETTINGS)
    monkeypatch.setattr(examples, "open_finished", lambda _: opened)
    monkeypatch.setattr(examples, "shipped_folder", lambda: here)
    examples.print_examples(2)
    said = capsys.readouterr().out
    assert said.startswith("There is no network.\nThe explanations below are those of the teaching backbone instead.")
    assert said.count("History: ") == 2
    monkeypatch.setattr(examples, "shipped_folder", lambda: here / "nothing")
    examples.print_examples(1)
    assert capsys.readouterr().out.startswith("Explanations by recx-tiny"), (
        "where nothing is shipped, nothing is missed"
    )


def test_it_explains_another_recommender_without_training():
    """Roles on titles mean the same for every recommender, whatever the projectors of its vectors say."""
    settings = resolve_settings("transfer")
    if not is_here(settings.align.backbone.name):
        pytest.skip(f"no {settings.align.backbone.name} here (recx backbone get {settings.align.backbone.name})")
    data = load_dataset(settings.data)
    torch.manual_seed(1)
    target = SASRec(len(data.catalogue), TargetShape(width=24)).eval().requires_grad_(False)
    users = target.encode_users(pad_histories(data.sequences[:40], target.length))
    model, tokenizer = build_aligned(settings.align.backbone, target.item_vectors(), users, relations=True)
    continue_from(model, relation_source(settings.align), same_target=False)
    explainer = AlignedExplainer(model.eval(), tokenizer, "relation", data.catalogue, target, target.length)
    value = value_function(target, data.sequences[:200], target.length)
    histories, items = [s[:6] for s in data.sequences[:4]], [9, 20, 31, 40]
    evidence = [measure_evidence(value, h, i) for h, i in zip(histories, items, strict=True)]
    told = explainer.with_evidence(lambda history, item: measure_evidence(value, history, item))
    for text, known in zip(told.explain(histories, items), evidence, strict=True):
        assert text.decision == known.liked, text.text
        assert text.citations[0].item == known.causes[0], text.text
