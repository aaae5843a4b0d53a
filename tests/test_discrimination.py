"""Discrimination, score prediction and the metrics of LLMXRec and XRec, on texts whose hidden signals are known."""

import os
import re

import numpy as np
import pytest

from recx.data.catalogue import build_catalogue
from recx.errors import DataError, SettingsError
from recx.evaluation.bert_discriminator import fit_encoder
from recx.evaluation.decision_masking import verdict_of, without_verdict
from recx.evaluation.discrimination import discriminate, discriminate_views, split_users
from recx.evaluation.llmxrec import attribute_accuracy, win_rates
from recx.evaluation.methods import Method
from recx.evaluation.related_work import as_records, related_measures
from recx.evaluation.score_prediction import predict_scores, score_table
from recx.evaluation.test_set import Pairs
from recx.evaluation.xrec import bert_score, unique_ratio
from recx.prompts.controls import Control
from recx.prompts.evidence import Evidence, explain_evidence
from recx.prompts.pieces import as_text
from recx.settings import EvaluateSettings

RNG = np.random.default_rng(0)
USERS = np.repeat(np.arange(150), 2)
NOISE = ["alpha beta gamma delta epsilon zeta".split()[i] for i in RNG.integers(0, 6, 300)]
YES = RNG.random(300) < 0.5
WORDS = ["Yes" if y else "No" for y in YES]
SHARED = [f"{w}. It is {n}." for w, n in zip(WORDS, NOISE, strict=True)]
STYLED = [f"{w}. Truly, it is {n}, my friend." for w, n in zip(WORDS, NOISE, strict=True)]


def test_no_user_is_on_both_sides():
    tested = split_users(USERS)
    assert not set(USERS[tested]) & set(USERS[~tested]) and tested.sum() == 60
    with pytest.raises(DataError, match="at least two"):
        split_users([1, 1, 1])


def test_style_gives_a_source_away_and_sameness_does_not():
    people = [*USERS, *USERS]
    labels = ["a"] * 300 + ["b"] * 300
    told = discriminate([*SHARED, *STYLED], labels, people)
    assert told.accuracy.value == 1 and np.array_equal(told.counts, [[60, 0], [0, 60]])
    assert 0.3 < told.shuffled.value < 0.7
    assert any("truly" in words for words in told.indicative["b"]) and np.allclose(told.shares.sum(1), 1)
    same = discriminate([*SHARED, *SHARED], labels, people)
    assert same.accuracy.low < 0.5 < same.accuracy.high or abs(same.accuracy.value - 0.5) < 0.1


def test_sources_told_apart_by_their_verdicts_only_are_not_once_these_are_masked():
    always = [f"Yes. It is {n}." for n in NOISE]
    never = [f"No. It is {n}." for n in NOISE]
    found = discriminate_views({"a": always, "b": never}, USERS, EvaluateSettings())
    assert found.table.loc["whole text", "accuracy"] == 1
    assert abs(found.table.loc["decision masked", "accuracy"] - 0.5) < 0.1
    assert found.frame.groupby(["view", "true"])["share"].sum().to_numpy() == pytest.approx(1)
    assert {(r["method"], r["control"]) for r in found.records} >= {
        ("whole text", ""),
        ("decision masked", "shuffled labels"),
    }


def with_gaps(texts):
    """The texts, with every fifth one missing."""
    return ["" if n % 5 == 0 else t for n, t in enumerate(texts)]


THERE = sum(split_users(USERS) & (np.arange(300) % 5 > 0))  # of the 60 texts of the test users


def test_missing_texts_tell_nobody_apart():
    found = discriminate_views({"a": SHARED, "b": with_gaps(SHARED)}, USERS, EvaluateSettings())
    assert found.frame.query("view == 'whole text'").groupby("true")["count"].sum().to_dict() == {"a": 60, "b": THERE}
    assert abs(found.table.loc["whole text", "accuracy"] - 0.5) < 0.12  # with them it is 0.6 and more
    nearly = ["", *[""] * 298, SHARED[-1]]
    assert list(
        discriminate_views({"a": SHARED, "b": STYLED, "c": nearly}, USERS, EvaluateSettings()).indicative.index
    ) == ["a", "b", "c"]


def test_missing_texts_predict_nothing(capsys):
    scores = np.array([float(len(n)) for n in NOISE])
    gaps = [99.0 if n % 5 == 0 else s for n, s in enumerate(scores)]
    found = predict_scores(with_gaps(SHARED), gaps, USERS)
    assert found["masked"]["r2"] > 0.9 and found["text"]["mse"].value < 1
    with pytest.raises(DataError, match="0 explanations cannot be split"):
        predict_scores([""] * 300, scores, USERS)
    table = score_table({"a": SHARED, "none": [""] * 300}, scores, USERS)
    assert set(table["method"]) == {"a"} and "none: 0 explanations" in capsys.readouterr().out


def test_missing_texts_win_and_lose_nothing():
    texts = {"plain": SHARED, "styled": with_gaps(STYLED), "plain again": SHARED}
    rated = {"plain": [1] * 300, "styled": [np.nan if not t else 2 for t in texts["styled"]], "plain again": [1] * 300}
    found = win_rates(texts, rated, USERS)
    assert found.rates.loc["styled", "plain"] == 1 and found.rates.loc["plain", "styled"] == 0
    assert found.rates.loc["plain", "plain again"] == 0.5 and found.accuracy.value == 1
    assert found.means["styled"].value == 1 and found.means["plain"].value == pytest.approx(0.5 - THERE / 60 / 4)
    assert unique_ratio(["a", "", " ", "a"]) == 0.5


def test_masking():
    assert without_verdict("Yes. \u201cA well made game\u201d is new.") == '"A well made game" is new.'
    text = (
        'Yes. "A. B" is a Racing title. From it, "C" is a Racing title as well; it fits. The tastes differ. A new day.'
    )
    assert without_verdict(text) == '"A. B" is a Racing title. From it, "C" is a Racing title; it _. A new day.'
    assert without_verdict("No. Not good.") == ""


def test_a_full_stop_within_a_title_ends_no_sentence_that_is_masked():
    text = 'No. "Dr. Mario 64" ranks low for this person. It does not fit "Halo", which they like.'
    assert without_verdict(text) == 'It does _ _ "Halo", which they _.'


def test_the_verdict_is_read_wherever_it_is_stated():
    assert verdict_of("The recommender would suggest it.") == "yes" and verdict_of("No doubt, a good match.") == "yes"
    assert verdict_of('"Yes, Your Grace" lifts it most.') == "none"


def test_masking_hides_for_and_against_and_the_place(rng, small_catalogue):
    """What the masked texts about liked and disliked items say differs in no word of the templates."""
    masked = {}
    for liked in (True, False):
        evidence = [Evidence(2, liked, (1, 3), (1.0, 0.5), share, 0.5) for share in (0.02, 0.3, 0.6, 0.97)]
        texts = [
            explain_evidence(rng, small_catalogue, e, Control(), numbers) for e in evidence * 60 for numbers in (0, 1)
        ]
        sentences = {as_text(text, small_catalogue) for text in texts}
        masked[liked] = {s for t in sentences for s in re.split(r"(?<=[.])\s+", without_verdict(t)) if "Halo 3" in s}
    assert masked[True] == masked[False] != set()
    assert without_verdict('It ranks above 9 of 100 titles; without "A" it would rank above 8. New.') == "New."
    assert without_verdict('"A" is for Wii. "B" speaks for it.') == '"A" is for Wii. "B" _.'
    assert [verdict_of(t) for t in ("Yes. x", " no, x", "Yesterday", "")] == ["yes", "no", "none", "none"]


def test_scores_that_hang_on_the_verdict_are_leakage():
    found = predict_scores(SHARED, YES * 4.0, USERS)
    assert found["text"]["r2"] > 0.95 and found["verdict"]["r2"] > 0.95
    assert found["masked"]["r2"] < 0.1 and abs(found["mean"]["r2"]) < 0.1
    assert found["text"]["mse"].value < 0.2 < found["mean"]["mse"].value


def test_texts_that_are_nothing_but_a_verdict_predict_the_mean_once_it_is_masked():
    found = predict_scores(["Yes. It fits."] * 300, YES * 4.0, USERS)
    assert found["masked"]["mse"] == found["mean"]["mse"]


def test_scores_that_hang_on_the_reasons_are_not():
    scores = np.array([float(len(n)) for n in NOISE])
    found = predict_scores(SHARED, scores, USERS)
    assert found["masked"]["r2"] > 0.9 and found["verdict"]["r2"] < 0.1
    table = score_table({"a": SHARED}, scores, USERS)
    assert len(table) == 8 and set(table["view"]) == {"text", "masked", "verdict", "mean"}


def test_the_discriminator_prefers_what_the_judge_prefers():
    texts = {"plain": SHARED, "styled": STYLED, "plain again": SHARED}
    found = win_rates(texts, {"plain": [1] * 300, "styled": [2] * 300, "plain again": [1] * 300}, USERS)
    assert found.rates.loc["styled", "plain"] == 1 and found.rates.loc["plain", "styled"] == 0
    assert found.rates.loc["plain", "plain again"] == 0.5 and found.accuracy.value == 1 and found.pairs == 60
    assert found.means["styled"].value == 1 and found.means["plain"].value == 0.25 and found.means["plain"].n == 30
    with pytest.raises(DataError, match="cannot be trained"):
        win_rates(texts, {m: [1] * 300 for m in texts}, USERS)


def test_an_attribute_that_is_said_is_predicted_and_one_that_is_not_is_not():
    genres = [("Puzzle", "Racing")[int(n)] for n in RNG.integers(0, 2, 60)]
    catalogue = build_catalogue(
        [str(n) for n in range(60)], [f"T{n}" for n in range(60)], {"genre": [[g] for g in genres]}
    )
    items = RNG.integers(1, 61, 400)
    pairs = pairs_about(items, np.arange(400) // 2)
    said = [f'"T{i - 1}" is a {genres[i - 1]} title.' for i in items]
    silent = [f'"T{i - 1}" is a title.' for i in items]
    found, most_common = attribute_accuracy(said, pairs, catalogue, "genre")
    assert found.value == 1 and most_common.value < 0.8
    hidden, most_common = attribute_accuracy(silent, pairs, catalogue, "genre")
    assert abs(hidden.value - most_common.value) < 0.3 and hidden.value < 0.8
    with pytest.raises(DataError, match="at least two"):
        attribute_accuracy(said[:1], pairs_about(items[:1], [0]), catalogue, "genre")


def test_texts_about_one_item_are_right_or_wrong_together():
    """The interval is over items: ten items, each with twenty texts by as many users."""
    labels = [str(n) for n in range(50)]
    catalogue = build_catalogue(labels, labels, {"genre": [[("Puzzle", "Racing")[n % 2]] for n in range(50)]})
    said = [("puzzle", "racing")[n % 2 if n % 10 < 7 else 1 - n % 2] for n in range(50)]  # of seven items in ten
    items = np.repeat(np.arange(1, 51), 20)
    found, _ = attribute_accuracy([said[i - 1] for i in items], pairs_about(items, np.arange(1000)), catalogue, "genre")
    assert found.n == 10 and 0.4 < found.value < 1 and found.high - found.low > 0.3


def pairs_about(items, users):
    items = np.asarray(items)
    return Pairs([np.array([1])] * len(items), items, np.ones(len(items), bool), np.asarray(users))


def measured(copies):
    """All intervals of notebook 08, for 300 users, each with the same text repeated several times."""
    users, rng = np.repeat(np.arange(300), copies), np.random.default_rng(1)
    texts = np.repeat(SHARED, copies)
    chance = {m: np.repeat(rng.integers(0, 3, 300), copies) for m in ("a", "b")}
    scores = np.repeat(rng.normal(size=300), copies)
    values = [("Puzzle", "Racing")[int(n)] for n in rng.integers(0, 2, 300)]
    labels = [str(n) for n in range(300)]
    catalogue = build_catalogue(labels, labels, {"genre": [[v] for v in values]})
    told = discriminate(texts, np.repeat(rng.choice(["a", "b"], 300), copies), users)
    wins = win_rates({"a": texts, "b": np.roll(texts, copies)}, chance, users)
    attribute, most_common = attribute_accuracy(texts, pairs_about(users + 1, users), catalogue, "genre")
    error = predict_scores(texts, scores, users)["text"]["mse"]
    return {"accuracy": told.accuracy, "shuffled": told.shuffled, "mse": error, "wins": wins.accuracy,
            "mean win rate": wins.means["a"], "attribute": attribute, "most common": most_common}  # fmt: skip


def test_repeated_users_shrink_no_interval():
    once, repeated = measured(1), measured(9)
    for name, estimate in once.items():
        assert repeated[name].n == estimate.n <= 60, name
        # Resampling texts would make it a third as wide.
        assert repeated[name].high - repeated[name].low > 0.7 * (estimate.high - estimate.low) > 0, name


def test_related_measures_become_records_with_their_intervals(small_catalogue):
    """Every metric over users states the number of users; the mode of a method has its own column."""
    rng = np.random.default_rng(0)
    pairs = pairs_about(rng.integers(2, 7, 120), np.arange(120) // 2)
    good = [f'Yes. "{small_catalogue.labels[i]}" is good. "Portal" is a Puzzle title.' for i in pairs.items]
    texts = {"unaligned": ["No. It is not."] * 120, "hybrid": good}
    wins, related = related_measures(texts, pairs, small_catalogue, 10, EvaluateSettings())
    assert wins.set_index(["method", "against"])["rate"]["hybrid", "unaligned"] == 1
    table = score_table(texts, rng.normal(size=120), pairs.users)
    methods = {"unaligned": Method(None, "unaligned"), "hybrid": Method(None, "aligned", "hybrid")}
    records = {(r["mode"], r["method"], r["metric"]): r for r in as_records(table, related, methods)}
    won = records["hybrid", "aligned", "mean_win_rate"]
    assert (won["value"], won["n"]) == (1, 12) and won["low"] == 1
    assert records["", "unaligned", "unique_ratio"]["value"] == pytest.approx(1 / 120)
    assert {"score_mse (text)", "score_r2 (mean)", "attribute_accuracy"} <= {metric for _, _, metric in records}


def test_unique_ratio():
    assert unique_ratio(["A  b", "a b", "c"]) == pytest.approx(2 / 3) and np.isnan(unique_ratio([]))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """A tiny encoder with random weights, and a tokenizer for the words used here."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, set_seed

    folder = tmp_path_factory.mktemp("encoder")
    words = sorted({w for t in [*SHARED, *STYLED] for w in t.replace(".", " . ").replace(",", " , ").split()})
    table = {w: n for n, w in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    tokenizer = Tokenizer(models.WordLevel(table, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(folder)
    set_seed(0)
    BertModel(
        BertConfig(
            vocab_size=len(table), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
            max_position_embeddings=64, pad_token_id=0,
        )
    ).save_pretrained(folder)  # fmt: skip
    return str(folder)


def test_bert_score_is_one_for_the_same_text_and_less_for_another(encoder):
    found = bert_score([SHARED[0], SHARED[0], ""], [SHARED[0], STYLED[1], SHARED[0]], encoder)
    assert found[0] == pytest.approx([1, 1, 1], abs=1e-5) and (found[1] < 0.999).all() and np.isnan(found[2]).all()
    part = bert_score([SHARED[0].split()[0]], [SHARED[0]], encoder)[0]
    assert part[0] == pytest.approx(1, abs=0.3) and part[0] > part[1] + 0.02, "all of it is in the longer text"
    with pytest.raises(SettingsError, match="cannot be loaded"):
        bert_score(["a"], ["a"], encoder + "/nothing")


def test_a_fine_tuned_encoder_tells_sources_apart(encoder):
    fit = fit_encoder(encoder, epochs=4, learning_rate=5e-3, length=32)
    told = discriminate([*SHARED, *STYLED], ["a"] * 300 + ["b"] * 300, [*USERS, *USERS], fit)
    assert told.accuracy.value > 0.95 and told.shuffled.value < 0.8
    with pytest.raises(SettingsError, match="cannot be loaded"):
        fit_encoder(encoder + "/nothing")(["a"], np.array(["x"]), ["a"])


@pytest.mark.skipif(not os.environ.get("RECX_ENCODER"), reason="no pretrained encoder at hand (set RECX_ENCODER)")
def test_a_pretrained_encoder_reads_what_it_never_saw():
    encoder = os.environ["RECX_ENCODER"]
    near, far = bert_score(["A good game of cars."] * 2, ["A fine racing game.", "The soup is cold."], encoder)
    assert (near > far).all()
    told = discriminate([*SHARED, *STYLED], ["a"] * 300 + ["b"] * 300, [*USERS, *USERS], fit_encoder(encoder, epochs=1))
    assert told.accuracy.value > 0.95


def test_chance_is_that_of_the_source_with_most_texts():
    story = "Yes. This calm story about dragons suits somebody who likes long quests and music"
    texts = {"a": [story] * 40, "b": [story.replace("calm", "wild")] * 10 + [""] * 30}
    views = discriminate_views(texts, list(range(40)), EvaluateSettings())
    assert views.table["chance"].tolist() == pytest.approx([0.8, 0.8])
    assert views.table.loc["whole text", "accuracy"] == 1
    nothing_left = views.table.loc["decision masked", "accuracy"]
    assert 0.6 < nothing_left < 1 and views.indicative["decision masked"].tolist() == ["", ""]


def test_what_cannot_be_told_apart_is_told():
    settings = EvaluateSettings()
    with pytest.raises(DataError, match="at least two"):
        discriminate_views({"a": ["one text"] * 20, "b": [""] * 20}, list(range(20)), settings)
    with pytest.raises(DataError, match="at least two"):
        discriminate_views({"a": [""] * 20, "b": [""] * 20}, list(range(20)), settings)
    tested = split_users(np.arange(40), seed=0)
    labels = np.where(tested, "a", "b")
    with pytest.raises(DataError, match="nothing to learn"):
        discriminate(["some text"] * 40, labels.tolist(), list(range(40)))
    words = {m: [f"{m}{n}" for n in range(40)] for m in "ab"}  # no word occurs twice
    with pytest.raises(DataError, match="No word"):
        win_rates(words, {"a": [1] * 40, "b": [2] * 40}, list(range(40)))
