"""Decoding along title graphs, compared with exhaustive scoring."""

import copy
import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fake_gpu import GPU, FakeGpu
from transformers import AutoModelForCausalLM, LlamaConfig

from recx.data.demo import demo_catalogue
from recx.decoding import constrained as decoding
from recx.decoding import generation as generation
from recx.decoding.candidate_order import CandidateOrder
from recx.decoding.state import DecodingState, in_batches
from recx.decoding.title_trie import build_list_graph, build_title_trie
from recx.errors import DataError, SettingsError
from recx.explaining.aligned import AlignedExplainer
from recx.models.aligned_model import AlignedModel
from recx.prompts.entity_ids import EntityIds
from recx.prompts.requests import person_prompt
from recx.prompts.tokens import Prompt, PromptEncoder


@pytest.fixture(scope="module")
def explainer():
    from recx.models.backbones import load_backbone

    model, tokenizer = load_backbone("recx-tiny")
    return AlignedExplainer(AlignedModel(model).eval(), tokenizer, "behavior", demo_catalogue(), None, 10, "float32")


@pytest.fixture(scope="module")
def prompts(explainer):
    ask = [
        "What comes next?",
        'History: "Halo 3". What comes next?',
        'History: "Okami (Wii)"; "Tetris DS". Suggest one new title.',
    ]
    return [explainer.encoder.prompt([a]) for a in ask]


def test_the_probability_of_a_choice_sums_its_spellings(explainer, prompts):
    yes, no = explainer.encoder.choices("Yes", "No")
    found = generation.choice_probability(explainer.model, prompts, (yes, no), "float32")
    for prompt, probability in zip(prompts, found, strict=True):
        with torch.inference_mode():
            logits = explainer.model.backbone(input_ids=torch.from_numpy(prompt.ids.astype(np.int64))[None]).logits
        chances = logits[0, -1].softmax(-1)
        both = chances[list(yes)].sum() + chances[list(no)].sum()
        assert probability == pytest.approx(float(chances[list(yes)].sum() / both), rel=1e-4)


def test_sure_decisions_are_not_tied_in_bfloat16(explainer, prompts):
    """Logits in bfloat16 are 1/16 apart where a model is sure, and float32 rounds its probability to 1."""
    yes, no = explainer.encoder.choices("Yes", "No")
    model, ids = copy.deepcopy(explainer.model), [*yes, *no]
    head = model.backbone.get_output_embeddings()
    head.weight = torch.nn.Parameter(head.weight.detach().clone())
    with torch.no_grad():
        head.weight[list(yes)] *= 6
        found = generation.choice_probability(model, prompts, (yes, no), "bfloat16")
        with torch.autocast("cpu", dtype=torch.bfloat16):
            last = DecodingState(model, prompts).last
        exact = last.double() @ head.weight[ids].double().T
    odds = exact[:, : len(yes)].logsumexp(1) - exact[:, len(yes) :].logsumexp(1)
    assert odds.abs().max() > 17, "so sure that float32 would say 1"
    assert np.log(found / (1 - found)) == pytest.approx(odds.numpy(), rel=1e-4)


@torch.inference_mode()
def exact_scores(explainer, prompt):
    """Log-probability of every title among the catalogue's titles, by teacher forcing over a plain dictionary."""
    follow = {}
    answers = [[*t.tolist(), *explainer.encoder.end.tolist()] for t in explainer.encoder.titles[1:]]
    for answer in answers:
        for n, token in enumerate(answer):
            follow.setdefault(tuple(answer[:n]), set()).add(token)
    scores = []
    for answer in answers:
        ids = torch.from_numpy(np.concatenate([prompt.ids, answer]).astype(np.int64))[None]
        logits = explainer.model.backbone(input_ids=ids).logits[0, len(prompt.ids) - 1 :]
        total = 0.0
        for n, token in enumerate(answer):
            allowed = sorted(follow[tuple(answer[:n])])
            total += logits[n, allowed].log_softmax(-1)[allowed.index(token)].item()
        scores.append(total)
    return np.array(scores)


def test_wide_beams_find_the_exact_order(explainer, prompts):
    graph = build_title_trie(explainer.encoder.titles, explainer.encoder.end)
    items, scores = decoding.beam_titles(explainer.model, prompts, graph, beams=64, precision="float32")
    for row, prompt in enumerate(prompts):
        exact = exact_scores(explainer, prompt)
        assert np.exp(exact).sum() == pytest.approx(1, abs=1e-4)  # a distribution over the catalogue
        order = np.argsort(-exact)[:5] + 1
        assert items[row, :5].tolist() == order.tolist()
        assert scores[row, :5] == pytest.approx(exact[order - 1], abs=1e-3)


def test_items_left_out_never_come_and_the_others_keep_their_order(explainer, prompts):
    graph = build_title_trie(explainer.encoder.titles, explainer.encoder.end)
    items, scores = decoding.beam_titles(explainer.model, prompts, graph, beams=64, precision="float32")
    exclude = [items[0, :3].tolist(), [], items[2, [0, 5, 6]].tolist()]
    kept, left = decoding.beam_titles(explainer.model, prompts, graph, 64, precision="float32", exclude=exclude)
    for row, gone in enumerate(exclude):
        assert not set(kept[row]) & set(gone)
        expected = [i for i in items[row].tolist() if i not in gone]
        assert kept[row, :5].tolist() == expected[:5]
        assert left[row, 0] == pytest.approx(scores[row, items[row].tolist().index(expected[0])], abs=1e-3)


def test_beams_never_end_in_what_is_left_out(explainer, prompts):
    """A single beam abandons a path as soon as it can only lead to an excluded item, not at its end."""
    graph = build_title_trie(explainer.encoder.titles, explainer.encoder.end)
    labels = explainer.catalogue.labels
    series = [n for n, label in enumerate(labels) if label.startswith(("Halo", "Mario", "Super Mario", "The Legend"))]
    found, scores = decoding.beam_titles(explainer.model, prompts, graph, 1, precision="float32", exclude=[series] * 3)
    assert np.isfinite(scores).all() and (found > 0).all()
    assert not set(found.flatten().tolist()) & set(series)
    all_but_one = [n for n in range(1, 516) if n != 77]
    found, _ = decoding.beam_titles(explainer.model, prompts, graph, 1, precision="float32", exclude=[all_but_one] * 3)
    assert found.tolist() == [[77]] * 3


def test_nothing_but_these_items_lies_below(backbone):
    _, tokenizer = backbone
    encoder = PromptEncoder(tokenizer, ["", "Portal", "Portal 2", "Halo"], 4096)
    graph = build_title_trie(encoder.titles, encoder.end)

    def items_below(node):
        edges = range(int(graph.first[node]), int(graph.first[node + 1]))
        return {int(graph.item[node])} if not edges else set().union(*(items_below(int(graph.nodes[e])) for e in edges))

    for given in ([], [1], [1, 2], [3], [2, 3]):
        wanted = {n for n in range(1, len(graph.item)) if items_below(n) <= set(given)}
        assert set(graph.nodes_leading_only_to(given)) == wanted


def test_recommendations_leave_the_history_out(explainer):
    history = ["Halo 3", "Gears of War 2", "Okami (Wii)"]
    (given,) = explainer.recommend([history])
    (any_,) = explainer.recommend([history], k=12, seen=True)
    taken = set(explainer.history(history).tolist())
    assert not set(given.items) & taken and len(set(given.items)) == 5
    assert set(any_.items) & taken, "unaligned, the backbone names what it reads"
    with pytest.raises(SettingsError, match="513 titles were requested; expected 1 to 512"):
        explainer.recommend([history], k=513)


def test_what_is_certain_needs_no_further_step(backbone):
    _, tokenizer = backbone
    labels = ["", "Portal", "Portal 2", "Halo"]
    encoder = PromptEncoder(tokenizer, labels, 4096)
    graph = build_title_trie(encoder.titles, encoder.end)
    first = {tokenizer.decode([int(graph.tokens[e])]): int(graph.only_item[graph.nodes[e]])
             for e in range(int(graph.first[0]), int(graph.first[1]))}  # fmt: skip
    assert sorted(first.values()) == [0, 3], first
    assert build_list_graph(encoder.titles, encoder.end, encoder.end).only_item.sum() == 0


def test_batches_do_not_change_answers(explainer, prompts):
    graph = build_title_trie(explainer.encoder.titles, explainer.encoder.end)
    together, _ = decoding.beam_titles(explainer.model, prompts, graph, 5, precision="float32")
    for row, prompt in enumerate(prompts):
        alone, _ = decoding.beam_titles(explainer.model, [prompt], graph, 5, precision="float32")
        assert alone[0].tolist() == together[row].tolist()


def test_graph_spells_every_title_and_nothing_else(backbone):
    _, tokenizer = backbone
    labels = ["", "Portal", "Portal 2", "Portal 2: Peer Review", "Halo"]
    encoder = PromptEncoder(tokenizer, labels, 4096)
    graph = build_title_trie(encoder.titles, encoder.end)
    spelt, stack = {}, [(0, [])]
    while stack:
        node, path = stack.pop()
        edges = range(int(graph.first[node]), int(graph.first[node + 1]))
        if not edges:
            spelt[int(graph.item[node])] = tokenizer.decode([*graph.prefix, *path[:-1]])
        stack += [(int(graph.nodes[e]), [*path, int(graph.tokens[e])]) for e in edges]
    assert spelt == {n: f'"{label}"' for n, label in enumerate(labels) if n}


def test_lists_hold_catalogue_items_and_read_a_history_back(explainer, rng):
    graph = build_list_graph(explainer.encoder.titles, explainer.separator, explainer.encoder.end)
    histories = [rng.permutation(515)[: rng.integers(2, 6)] + 1 for _ in range(32)]
    ask = [person_prompt("behavior", 0, h, 0, "Read the history back.") for h in histories]
    prompts = [explainer.encoder.prompt(a) for a in ask]
    lists = decoding.greedy_lists(explainer.model, prompts, graph, 20, precision="float32")
    cut = decoding.greedy_lists(explainer.model, prompts, graph, 2, precision="float32")
    assert cut == [items[:2] for items in lists]
    assert all(1 <= item <= 515 for items in lists for item in items)
    right = [np.mean([i in items for i in h]) for h, items in zip(histories, lists, strict=True)]
    assert np.mean(right) > 0.85, "the backbone was taught to copy titles"
    # The graph takes nothing away: where free text is a list of titles, it is the same list.
    ends = explainer.encoder.ends
    free = generation.greedy_text(explainer.model, prompts, ends, 200, precision="float32")
    labels, same = explainer.catalogue.labels, 0
    for items, tokens in zip(lists, free, strict=True):
        parts = explainer.encoder.tokenizer.decode(tokens).split("; ")
        if all(p.strip('"') in explainer.catalogue.index_of_label for p in parts):
            assert parts == [f'"{labels[i]}"' for i in items]
            same += 1
    assert same > 16


def test_orders_are_permutations(explainer, prompts, rng):
    candidates = np.array([rng.permutation(515)[:5] + 1 for _ in prompts])
    order = decoding.greedy_order(
        explainer.model, prompts, candidates, explainer.encoder.titles, explainer.separator, precision="float32"
    )
    assert np.sort(order, 1).tolist() == np.sort(candidates, 1).tolist()
    swapped = decoding.greedy_order(
        explainer.model,
        prompts,
        candidates[:, ::-1].copy(),
        explainer.encoder.titles,
        explainer.separator,
        precision="float32",
    )
    assert order.tolist() == swapped.tolist(), "the order of asking must not matter when the prompt does not show it"


@torch.inference_mode()
def plain_order(explainer, prompt, titles):
    """Order of the titles by a plain search that starts from the first token at every step."""
    left, open_, at, places = list(range(len(titles))), list(range(len(titles))), 0, []
    written = prompt.ids
    while len(left) > 1:
        ids = torch.from_numpy(written.astype(np.int64))[None]
        logits = explainer.model.logits(explainer.model.decoder_outputs(input_ids=ids).last_hidden_state[:, -1])[0]
        token = max({int(titles[c][at]) for c in open_}, key=lambda t: float(logits[t]))
        written, open_, at = np.append(written, token), [c for c in open_ if titles[c][at] == token], at + 1
        if len(titles[open_[0]]) == at:
            places.append(open_[0])
            left.remove(open_[0])
            open_, at = list(left), 0
    return places + left


def test_order_equals_writing_token_by_token(explainer, prompts, rng):
    candidates = np.array([rng.permutation(515)[:5] + 1 for _ in prompts * 4])
    encoder = explainer.encoder
    order = decoding.greedy_order(
        explainer.model, prompts * 4, candidates, encoder.titles, explainer.separator, precision="float32"
    )
    for prompt, own, found in zip(prompts * 4, candidates, order, strict=True):
        titles = [np.concatenate([encoder.titles[i], explainer.separator]) for i in own]
        assert found.tolist() == own[plain_order(explainer, prompt, titles)].tolist()


def test_an_order_writes_at_once_what_leaves_no_choice():
    order = CandidateOrder([np.array(t) for t in ([1, 2, 3, 9], [1, 2, 4, 9], [5, 9])])
    assert order.choices() == [1, 5]
    assert order.take(1) == [1, 2]
    assert order.choices() == [3, 4]
    assert order.take(4) == [4, 9]
    assert (order.choices(), order.complete) == ([1, 5], False)
    assert order.take(5) == [5, 9]
    assert (order.choices(), order.complete, order.places) == ([], True, [1, 2, 0])
    assert CandidateOrder([np.array([1, 9])]).places == [0]


def test_long_prompts_go_fewer_at_once(explainer):
    seen = []

    def decode(rows):
        seen.append(rows)
        return [10 * r for r in rows]

    lengths = [5_000, 3, 4_000, 3_000, 5_000, 4_000]
    prompts = [Prompt(np.zeros(n, dtype=int)) for n in lengths]
    assert in_batches(explainer.model, prompts, 2, "", False, decode) == [0, 10, 20, 30, 40, 50]
    assert seen == [[1, 3], [2, 5], [0], [4]]


@pytest.fixture
def card(monkeypatch):
    """A card of 8 GB."""
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=8e9))


def test_on_a_gpu_as_many_prompts_are_read_at_once_as_their_beams_leave_room_for(card):
    seen = []

    def decode(rows):
        seen.append(rows)
        return rows

    config = LlamaConfig(
        hidden_size=500, num_hidden_layers=20, num_attention_heads=10
    )  # 40 kB a token: 80,000 tokens in two fifths of 8 GB
    model = SimpleNamespace(device=GPU, backbone=SimpleNamespace(config=config))
    prompts = [Prompt(np.zeros(n, dtype=int)) for n in (40_000, 40_000, 5_000, 5_000)]
    for beams in (1, 8):
        assert in_batches(model, prompts, 128, "", False, decode, beams) == [0, 1, 2, 3]
    assert seen == [[2, 3], [0, 1], [2, 3], [0], [1]]


def test_a_gpu_gives_the_same_answers(card):
    """All that decodes, on a simulated GPU: no tensor is used together with one in main memory."""
    config = LlamaConfig(
        vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48,
        bos_token_id=None, eos_token_id=1,
    )  # fmt: skip
    torch.manual_seed(0)
    model = AlignedModel(AutoModelForCausalLM.from_config(config), torch.randn(6, 5), torch.randn(4, 5)).eval()
    end, separator = np.array([1]), np.array([20, 21])
    titles = [np.array(t) for t in ([9], [9, 10, 11], [9, 10, 12], [9, 13], [14, 2, 3], [14, 2, 5])]
    ids = [5, 6, 65, 7], [5, 6, 66, 7, 9, EntityIds(64, 6).first("user")], [3, 4]  # two items and a user
    prompts = [Prompt(np.array(own), torch.randn(5)) for own in ids]
    trie, lists = build_title_trie(titles, end), build_list_graph(titles, separator, end)
    candidates = np.array([[1, 2, 3], [3, 4, 5], [2, 1, 5]])

    def answers(model):
        items, log_probs = decoding.beam_titles(model, prompts, trie, 2, "float32", exclude=[[1], [2], [3]])
        yield from (items.tolist(), log_probs.round(4).tolist())
        yield decoding.greedy_lists(model, prompts, lists, 3, "float32")
        yield decoding.greedy_order(model, prompts, candidates, titles, separator, "float32").tolist()
        yield [text.tolist() for text in generation.greedy_text(model, prompts, [1], 6, "float32", min_tokens=2)]
        yield generation.choice_probability(model, prompts, ([3], [4]), "float32").round(5).tolist()

    expected = list(answers(model))
    with FakeGpu() as gpu:
        moved = copy.deepcopy(model).to(GPU)
        assert gpu.holds(next(moved.parameters()))
        assert list(answers(moved)) == expected


def test_ranking_by_preference_goes_by_the_probability_of_yes(explainer, rng):
    histories = [rng.permutation(515)[:4] + 1 for _ in range(3)]
    candidates = np.array([rng.permutation(515)[:5] + 1 for _ in histories])
    order = explainer.rank_by_preference(histories, candidates)
    assert np.sort(order, 1).tolist() == np.sort(candidates, 1).tolist()
    for history, row in zip(histories, order, strict=True):
        said = [explainer.predict([history], [int(item)])[0].probability for item in row]
        assert all(first >= second - 1e-5 for first, second in itertools.pairwise(said))


def test_own_greedy_equals_generate(explainer, prompts):
    ends = explainer.encoder.ends
    own = generation.greedy_text(explainer.model, prompts, ends, 20, precision="float32")
    free = generation.free_answers(explainer.model, prompts, ends, max_tokens=20, precision="float32")
    for one, two in zip(own, itertools.chain.from_iterable(free), strict=True):
        assert one.tolist() == two.tolist()


def test_unaligned_backbone_behaves_like_a_small_chat_model(explainer):
    history = ["Halo 3", "Gears of War 2", "Mass Effect 2 (Xbox 360)"]
    (answer,) = explainer.explain([history], ["Halo: Reach"])
    assert answer.decision is not None and answer.citations
    one, two = (
        explainer.explain([history], ["Halo: Reach"], w)[0].text
        for w in ("Explain it by platform.", "Explain it by genre.")
    )
    assert "Xbox 360" in one and "Shooter" in two


def test_titles_are_found_in_any_form_and_errors_suggest(explainer):
    assert explainer.find("halo-3-x360") == explainer.find("Halo 3") == explainer.find(explainer.find("Halo 3"))
    with pytest.raises(DataError, match="Did you mean .*Halo 3"):
        explainer.find("Hallo 3")
    with pytest.raises(DataError, match="Several items are called 'Okami'"):
        explainer.find("Okami")
    with pytest.raises(DataError, match="between 1 and"):
        explainer.find(0)
    with pytest.raises(DataError, match="empty"):
        explainer.recommend([[]])


def test_modes_with_vectors_need_a_target(explainer):
    tokenizer, catalogue = explainer.encoder.tokenizer, explainer.catalogue
    with pytest.raises(SettingsError, match="built without them"):
        AlignedExplainer(explainer.model, tokenizer, "hybrid", catalogue, None, 10)
    with_vectors = AlignedModel(copy.deepcopy(explainer.model.backbone), torch.randn(len(catalogue) + 1, 8))
    with pytest.raises(SettingsError, match="needs a target"):
        AlignedExplainer(with_vectors, tokenizer, "hybrid", catalogue, None, 10)
    with pytest.raises(SettingsError, match="nothing to reconstruct"):
        explainer.reconstruct([["Halo 3"]])


def test_a_single_candidate_can_be_ranked(explainer):
    assert explainer.rank([[3, 5], [7, 9]], [[30], [31]]).tolist() == [[30], [31]]


def test_free_answers_do_not_follow_the_checkpoints_own_decoding_options(explainer, prompts):
    ends = explainer.encoder.ends
    plain = generation.free_answers(explainer.model, prompts, ends, 3, 3, 20, precision="float32")
    own = explainer.model.backbone.generation_config
    explainer.model.backbone.generation_config = copy.deepcopy(own)
    explainer.model.backbone.generation_config.update(
        repetition_penalty=5.0, no_repeat_ngram_size=1, length_penalty=9.0, min_new_tokens=9
    )
    try:
        again = generation.free_answers(explainer.model, prompts, ends, 3, 3, 20, precision="float32")
    finally:
        explainer.model.backbone.generation_config = own
    assert [[a.tolist() for a in row] for row in again] == [[a.tolist() for a in row] for row in plain]
