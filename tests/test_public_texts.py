"""How well the reader of explanations reads free prose: public texts by five language models, labelled and edited."""

import pytest
from public_texts import PublicTexts


@pytest.fixture(scope="module")
def public(tmp_path_factory, request):
    from conftest import data_folder

    folder = data_folder() and data_folder() / "llmxrec"
    if folder is None or not (folder / "explanations.jsonl.gz").is_file():
        pytest.skip("no real data: the public texts of LLMXRec are not at hand (set RECX_DATA_DIR)")
    return PublicTexts(folder, tmp_path_factory.mktemp("public"))


def test_texts_read_by_hand(public):
    texts = list(public.labelled())
    assert len(texts) == 200 and len({(t.dataset, t.model) for t in texts}) == 14
    for kind, (precision, recall) in public.rates(texts).items():
        assert min(precision, recall) >= 0.9, (kind, precision, recall)


@pytest.mark.parametrize("kind", ["title_edits", "value_edits"])
def test_planted_edits_are_caught(public, kind):
    precision, recall, missed = public.caught(kind, 500)
    assert min(precision, recall) >= 0.95, (precision, recall, missed[:5])
