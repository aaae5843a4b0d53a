"""Prompts, titles, decisions and entities with the real tokenizers of model families and tiny random models."""

import re

import numpy as np
import pytest
import torch
from real_tokenizers import FAMILIES, build_backbone, load_tokenizer
from transformers import AutoTokenizer

from recx.data.catalogue import build_catalogue
from recx.data.demo import demo_catalogue
from recx.decoding.constrained import beam_titles
from recx.decoding.generation import choice_probability, free_answers, greedy_text
from recx.decoding.title_trie import build_title_trie
from recx.explaining.aligned import AlignedExplainer
from recx.models.aligned_model import AlignedModel
from recx.models.backbones import autocast
from recx.models.saved_models import build_aligned, load_aligned, save_aligned
from recx.prompts.pieces import Entity, Title
from recx.prompts.tokens import IGNORED, PromptEncoder
from recx.settings import BackboneSettings
from recx.storage.tensors import trainable

ODD = ['A "quoted" title', "Rock & Roll™ 2", "ファイナルファンタジー VII", "🎮 Game 🎲", "two  spaces  ", " leading",
       "trailing ", "...", "1942: 1000 Miles", "Ünïcödé – dash…", "C++/C#", "\ttab", "a\nb", '"', "Nope", "x" * 90,
       "<|im_end|></s><end_of_turn><|eot_id|><|end|><image_soft_token>"]  # fmt: skip


@pytest.fixture(scope="module", params=FAMILIES)
def name(request):
    load_tokenizer(request.param)
    return request.param


@pytest.fixture(scope="module")
def tokenizer(name):
    return load_tokenizer(name)


@pytest.fixture(scope="module")
def encoder(name, tokenizer):
    return PromptEncoder(tokenizer, [*demo_catalogue().labels, *ODD], FAMILIES[name].vocabulary)


@pytest.fixture(scope="module")
def model(name):
    return AlignedModel(build_backbone(name)).eval()


@pytest.fixture(scope="module")
def explainer(model, tokenizer):
    titles = [*demo_catalogue().labels[1:20], *ODD]
    catalogue = build_catalogue([str(n) for n in range(len(titles))], titles, {})
    return AlignedExplainer(model, tokenizer, "behavior", catalogue, None, 10, "float32")


def test_titles_survive_and_end_no_turn(encoder, tokenizer):
    labels = [*demo_catalogue().labels, *ODD]
    assert [encoder.tokenizer.decode(ids) for ids in encoder.titles] == [f'"{label}"' for label in labels]
    together = encoder.pieces(["like ", *(Title(n) for n in range(1, len(labels))), "; ", " and ", "so."])
    said = "like " + "".join(f'"{label}"' for label in labels[1:]) + ";  and so."
    assert encoder.tokenizer.decode(np.concatenate(together)) == said
    assert not encoder.ends & set(np.concatenate(together).tolist())
    assert max(map(max, encoder.titles)) < encoder.vocabulary


def test_prompts_read_as_the_template_writes_them(encoder, tokenizer, name):
    asked, shots = ["What comes next?"], [(["Who?"], ["Me."])]
    turns = [{"role": "user", "content": asked[0]}]
    earlier = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Me."}]
    if not tokenizer.chat_template:
        known = encoder.tokenizer.decode(encoder.prompt(asked, shots).ids)
        assert known.endswith("questions. USER: Who? ASSISTANT:Me.</s> USER: What comes next? ASSISTANT:")
        return
    given = dict(add_generation_prompt=True, enable_thinking=False, tokenize=False, date_string="26 Jul 2024")
    silent = [{"role": "system", "content": ""}] if name == "qwen-2.5" else []
    whole = tokenizer.apply_chat_template(silent + turns, **given)
    if FAMILIES[name].plain_borders:
        assert encoder.prompt(asked).ids.tolist() == tokenizer.encode(whole, add_special_tokens=False)
    for messages, prompt in (
        (silent + turns, encoder.prompt(asked)),
        (silent + earlier + turns, encoder.prompt(asked, shots)),
    ):
        told, wanted = encoder.tokenizer.decode(prompt.ids), tokenizer.apply_chat_template(messages, **given)
        assert re.sub(r"\s", "", told) == re.sub(r"\s", "", wanted)
        assert "You are Qwen" not in told
    end = encoder.tokenizer.decode(encoder.end)
    assert end in FAMILIES[name].ends and (re.sub(r"\s", "", told)).count("Me." + end) == 1


def test_decisions_count_what_the_tokenizer_has_for_yes_and_no(encoder, model):
    yes, no = encoder.choices("Yes", "No")
    said = [{encoder.tokenizer.decode([token]) for token in tokens} for tokens in (yes, no)]
    assert said[0] >= {"Yes", " Yes", "yes", " yes"} and said[1] >= {"No", " No", "no", " no"}
    assert {text.strip().lower() for text in said[0]} == {"yes"} and {text.strip().lower() for text in said[1]} == {
        "no"
    }
    prompt = encoder.prompt(["Would it?"])
    with torch.inference_mode():
        chances = (
            model.backbone(input_ids=torch.from_numpy(prompt.ids.astype(np.int64))[None]).logits[0, -1].softmax(-1)
        )
    wanted = chances[yes].sum() / chances[yes + no].sum()
    assert choice_probability(model, [prompt], (yes, no), "float32") == pytest.approx(float(wanted), rel=1e-4)


def test_texts_end_with_any_token_that_ends_one(model, encoder, tokenizer, name):
    assert model.ends == {tokenizer.convert_tokens_to_ids(end) for end in FAMILIES[name].ends}
    prompts = [encoder.prompt(["What comes next?", " " * n, "Say."]) for n in range(3)]
    free = greedy_text(model, prompts, (), 12, "float32")
    wanted = {int(free[0][4]), int(free[1][7])}
    cut = [[*text, *wanted][: min([*text, *wanted].index(w) for w in wanted)] for text in (f.tolist() for f in free)]
    assert [t.tolist() for t in greedy_text(model, prompts, wanted, 12, "float32")] == cut
    assert [t[0].tolist() for t in free_answers(model, prompts, wanted, max_tokens=12, precision="float32")] == cut
    named, model.backbone.generation_config.eos_token_id = model.backbone.generation_config.eos_token_id, [*wanted]
    assert [t.tolist() for t in greedy_text(model, prompts, (), 12, "float32")] == cut
    model.backbone.generation_config.eos_token_id = named


def test_every_title_and_nothing_else_can_be_recommended(explainer):
    count = len(explainer.catalogue)
    (found,) = explainer.recommend([["3", "7", "24"]], k=count, seen=True)
    assert sorted(found.items) == list(range(1, count + 1))
    assert np.exp(found.scores).sum() == pytest.approx(1, abs=1e-3)
    candidates = np.arange(1, count + 1)[None, ::3]
    assert sorted(explainer.rank([["3", "7"]], candidates)[0].tolist()) == candidates[0].tolist()
    (answer,) = explainer.explain([["3", "7"]], ["5"], max_tokens=12)
    assert isinstance(answer.text, str)
    padding = explainer.encoder.tokenizer.decode([explainer.encoder.vocabulary - 1])
    assert isinstance(padding, str), "a model may name a row that only pads the vocabulary"


def test_an_aligned_model_with_adapters_trains_and_loads_back(name, tokenizer, encoder, tmp_path, monkeypatch):
    build_backbone(name).save_pretrained(tmp_path / "backbone")
    if len(tokenizer) > 100_000:  # a large one takes seconds to be read again
        monkeypatch.setattr(AutoTokenizer, "from_pretrained", lambda *_, **__: tokenizer)
    else:
        tokenizer.save_pretrained(tmp_path / "backbone")
    settings = BackboneSettings(name=str(tmp_path / "backbone"), lora_rank=4)
    items, users = torch.randn(len(encoder.titles), 8), torch.randn(5, 8)
    model, _ = build_aligned(settings, items, users, seed=1)
    assert model.entities.vocabulary == encoder.vocabulary
    tied = model.backbone.get_output_embeddings().weight is model.entities.base.weight
    assert tied == model.backbone.config.tie_word_embeddings
    assert model.ends == {tokenizer.convert_tokens_to_ids(end) for end in FAMILIES[name].ends}

    prompt = encoder.prompt([Entity("user", 2), " likes ", Title(3), " ", Entity("item", 3), "; what next?"])
    answer = np.concatenate([encoder.titles[7], encoder.end])
    ids = torch.from_numpy(prompt.followed_by(answer).ids.astype(np.int64))[None]
    labels = ids.masked_fill(torch.arange(ids.shape[1]) < len(prompt.ids), IGNORED)
    optimizer = torch.optim.AdamW(trainable(model).values(), lr=3e-3)
    losses = []
    for _ in range(8):
        losses.append(model(ids, labels)["loss"])
        losses[-1].backward()
        optimizer.step()
        optimizer.zero_grad()
    assert losses[-1] < 0.95 * losses[0]

    save_aligned(model.eval(), settings, "hybrid", tmp_path / "aligned", with_users=True)
    again, _, mode = load_aligned(tmp_path / "aligned")
    with torch.inference_mode(), autocast("auto", "cpu"):
        assert mode == "hybrid" and torch.equal(model(ids, labels)["loss"], again(ids, labels)["loss"])
    graph = build_title_trie(encoder.titles, encoder.end)
    one, two = (beam_titles(m, [prompt], graph, 4) for m in (model, again))
    assert one[0].tolist() == two[0].tolist() and np.isfinite(one[1]).all()
