"""Properties on random inputs, checked against simple slow versions and independent libraries."""

import string

import ir_measures
import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from recx.data.catalogue import build_catalogue, clean_title
from recx.data.filtering import factorize, k_core, top_items
from recx.data.own_tables import read_own_table
from recx.data.reading_report import ReadingReport
from recx.data.recbole_atomic import interactions_from, read_atomic
from recx.data.split import leave_one_out
from recx.decoding.title_trie import build_list_graph, build_title_trie
from recx.evaluation import alignment_metrics as metrics
from recx.evaluation.bootstrap import bootstrap
from recx.models.entities import EntityEmbedding
from recx.recommenders.ranking import rank
from recx.settings import Columns

many = how(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ids = st.text(string.ascii_letters + string.digits + "-._é", min_size=1, max_size=5)
pairs = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("uvwxyz123")), max_size=60)


def frame_of(rows):
    return pl.DataFrame(rows, orient="row", schema={"user_id": pl.Categorical, "item_id": pl.Categorical})


def slow_core(rows, min_user, min_item):
    while True:
        kept = [r for r in rows if sum(q[1] == r[1] for q in rows) >= min_item]
        kept = [r for r in kept if sum(q[0] == r[0] for q in kept) >= min_user]
        if kept == rows:
            return kept
        rows = kept


@many
@given(pairs, st.integers(1, 5), st.integers(1, 5))
def test_core(rows, min_user, min_item):
    assert k_core(frame_of(rows), min_user, min_item, ReadingReport()).rows() == slow_core(rows, min_user, min_item)


@many
@given(st.lists(ids, max_size=40), st.booleans())
def test_numbers_follow_first_appearance(values, coded):
    order = {v: n for n, v in enumerate(dict.fromkeys(values))}
    codes, unique = factorize(pl.Series("x", values, dtype=pl.String).cast(pl.Categorical if coded else pl.String))
    assert codes.tolist() == [order[v] for v in values] and unique.to_list() == list(order)


@many
@given(pairs, st.integers(1, 9), st.integers(1, 4))
def test_top_items(rows, items, min_user):
    counts = {i: sum(r[1] == i for r in rows) for i in dict.fromkeys(r[1] for r in rows)}
    chosen = sorted(counts, key=lambda i: -counts[i])[:items]
    kept = [r for r in rows if r[1] in chosen]
    kept = [r for r in kept if sum(q[0] == r[0] for q in kept) >= min_user]
    assert top_items(frame_of(rows), items, min_user).rows() == kept


@many
@given(st.lists(st.lists(st.integers(1, 99), min_size=3, max_size=12, unique=True), min_size=1, max_size=20))
def test_split_keeps_every_item_once(sequences):
    split = leave_one_out([np.array(s) for s in sequences])
    for n, sequence in enumerate(sequences):
        assert [*split.train[n], split.validation[n], split.test[n]] == sequence
        assert [*split.test_histories[n], split.test[n]] == sequence


@many
@given(st.lists(st.tuples(ids, ids, st.floats(-1e9, 1e9)), max_size=20))
def test_atomic_rows_come_back(tmp_path, rows):
    path = tmp_path / "x.inter"
    lines = ["user_id:token\titem_id:token\ttimestamp:float", *(f"{u}\t{i}\t{t!r}" for u, i, t in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert interactions_from(read_atomic(path), path, ReadingReport()).rows() == rows


@many
@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), min_size=1, max_size=12))
def test_csv_rows_come_back_whatever_they_hold(tmp_path, rows):
    frame = pl.DataFrame(rows, orient="row", schema={"user_id": pl.String, "item_id": pl.String})
    frame.write_csv(tmp_path / "x.csv", quote_style="always")
    assert read_own_table(tmp_path / "x.csv", Columns(), ReadingReport()).rows() == rows


@many
@given(st.lists(st.text(min_size=1, max_size=6).filter(clean_title), min_size=1, max_size=12))
def test_labels_are_unique_and_titles_stay(titles):
    made = build_catalogue([str(n) for n in range(len(titles))], titles, {})
    assert len(set(made.labels[1:])) == len(titles)
    assert made.duplicates == sum(made.titles.count(t) > 1 for t in made.titles[1:])


tokens = st.lists(st.integers(3, 9), min_size=1, max_size=5).map(tuple)


@many
@given(st.lists(tokens, min_size=1, max_size=12, unique=True))
def test_a_graph_spells_its_titles_and_nothing_else(titles):
    arrays = [np.zeros(0, np.int32), *(np.array(t, np.int32) for t in titles)]
    graph = build_title_trie(arrays, np.array([1], np.int32))
    spelled = {}

    def walk(node, path, item):
        if graph.is_end(node):
            spelled[path] = item
            return
        offered, targets, real = graph.children(torch.tensor([node]))
        for token, target, ok in zip(offered[0].tolist(), targets[0].tolist(), real[0].tolist(), strict=True):
            if ok:
                walk(target, (*path, token), int(graph.item[target]) or item)

    walk(0, tuple(graph.prefix.tolist()), 0)
    # An item is known on entering the node of its last token, which is the end token.
    assert spelled == {(*t, 1): n for n, t in enumerate(titles, 1)}


@many
@given(st.lists(tokens, min_size=1, max_size=6, unique=True), st.data())
def test_a_list_graph_reads_any_list_back(titles, data):
    closed = [(*t, 2) for t in titles]  # as titles end with their closing quote
    arrays = [np.zeros(0, np.int32), *(np.array(t, np.int32) for t in closed)]
    graph = build_list_graph(arrays, np.array([0], np.int32), np.array([1], np.int32))
    wanted = data.draw(st.lists(st.integers(1, len(titles)), min_size=1, max_size=4))
    written = [token for n in wanted for token in (*closed[n - 1], 0)][:-1] + [1]
    node, read = 0, []
    for token in written:
        offered, targets, real = graph.children(torch.tensor([node]))
        node = dict(zip(offered[real].tolist(), targets[real].tolist(), strict=True))[token]
        if graph.item[node]:
            read.append(int(graph.item[node]))
    assert read == wanted and graph.is_end(node)


@many
@given(st.lists(st.integers(0, 14) | st.integers(25, 28), min_size=1, max_size=20), st.integers(0, 3))
def test_entity_tokens_are_projected_vectors(sequence, seed):
    torch.manual_seed(seed)
    base = torch.nn.Embedding(10, 8)
    items, users = torch.randn(5, 4), torch.randn(4, 4)
    layer = EntityEmbedding(base, items, users)
    found = layer(torch.tensor([sequence]))[0]
    for token, vector in zip(sequence, found, strict=True):
        if token < 10:
            wanted = base.weight[token]
        elif token < 15:
            wanted = layer.item_projector(layer.item_whitening(items[token - 10]))
        else:
            wanted = layer.user_projector(
                layer.user_whitening(users[token - 25])
            )  # after five relations and five roles
        assert torch.allclose(vector, wanted, atol=1e-6)


class Fixed:
    def __init__(self, scores):
        self.scores, self.length = torch.tensor(scores), 3

    def score(self, histories):
        return self.scores[: len(histories)].clone()


@how(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12))
def test_ranks_agree_with_trec(seed, k):
    rng = np.random.default_rng(seed)
    users, items = 8, 25
    scores = np.concatenate([np.zeros((users, 1)), rng.permuted(np.tile(np.arange(items), (users, 1)), axis=1)], 1)
    histories = [rng.permutation(items)[:4] + 1 for _ in range(users)]
    targets = np.array([next(i for i in rng.permutation(items) + 1 if i not in h) for h in histories])
    ranked = rank(Fixed(scores), histories, targets, 3)
    qrels = [ir_measures.Qrel(str(u), str(t), 1) for u, t in enumerate(targets)]
    run = [
        ir_measures.ScoredDoc(str(u), str(i), float(scores[u, i]))
        for u in range(users)
        for i in range(1, items + 1)
        if i not in histories[u]
    ]
    asked = {"hits": ir_measures.Success @ k, "ndcg": ir_measures.nDCG @ k}
    for metric in ir_measures.iter_calc(list(asked.values()), qrels, run):
        ours = ranked.hits(k) if metric.measure == asked["hits"] else ranked.ndcg(k)
        assert ours[int(metric.query_id)] == pytest.approx(metric.value)


@many
@given(st.integers(0, 10_000))
def test_ranking_ndcg_agrees_with_sklearn(seed):
    rng = np.random.default_rng(seed)
    ideal = np.array([rng.permutation(9)[:5]])
    order = rng.permuted(ideal, axis=1)
    for gains in (metrics.STANDARD_GAINS, metrics.REFERENCE_GAINS):
        worth = [[gains[ideal[0].tolist().index(i)] for i in order[0]]]
        assert metrics.ranking_ndcg(order, ideal, gains)[0] == pytest.approx(ndcg_score(worth, [[5, 4, 3, 2, 1]]))


def test_bootstrap_intervals_are_quantiles_of_resampled_means(rng):
    values = rng.exponential(size=300)
    ours = bootstrap(values, resamples=20_000)
    means = values[rng.integers(300, size=(20_000, 300))].mean(1)
    assert (ours.low, ours.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])), abs=0.01)
