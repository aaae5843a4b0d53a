"""A real local server (`transformers serve` with the teaching backbone) as a chat model and as a judge."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from recx import paths
from recx.data.demo import demo_catalogue
from recx.evaluation.judges import ExplanationToRate, Rating
from recx.evaluation.llm_judge import LLMJudge
from recx.explaining.chat_explainer import ChatExplainer
from recx.settings import ChatSettings

CATALOGUE = demo_catalogue()
HISTORIES = [np.array([3, 5, 7]), np.array([20, 30, 41])]


@pytest.fixture(scope="module")
def served():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    model = str(paths.shipped_data() / "backbones" / "recx-tiny")
    command = shutil.which("transformers", path=str(Path(sys.executable).parent)) or shutil.which("transformers")
    assert command, "the command `transformers` comes with the package"
    process = subprocess.Popen(
        [command, "serve", model, "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"],
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        for _ in range(240):
            assert process.poll() is None, process.stdout.read().decode()[-2000:]
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1)
                break
            except OSError:
                time.sleep(0.5)
        yield ChatSettings(f"http://127.0.0.1:{port}/v1", model, max_tokens=120, replies=1, retries=1, parallel=2)
    finally:
        process.kill()
        process.wait()


def test_it_explains_and_its_text_is_checked(served):
    told = ChatExplainer(CATALOGUE, served, 10).explain(HISTORIES, [9, 11])
    assert all(e.text and e.decision is not None for e in told), [e.text for e in told]
    assert sum(len(e.statements) for e in told) > 0


def test_a_judge_that_cannot_keep_the_form_gives_no_score(served):
    questions = [ExplanationToRate(tuple(h.tolist()), 9, True, "Yes. It fits.") for h in HISTORIES]
    assert LLMJudge(CATALOGUE, served).rate(questions) == [Rating(None), Rating(None)]
