import numpy as np
import polars as pl

from recx.data.filtering import explain_empty, sample_users
from recx.data.split import leave_one_out, prefixes, splice_histories


def test_sampling_is_seeded_and_keeps_file_order():
    frame = pl.DataFrame({"user_id": [f"u{n}" for n in range(50) for _ in range(2)], "item_id": ["a", "b"] * 50})
    first, again = sample_users(frame, 10, 3), sample_users(frame, 10, 3)
    assert first.equals(again) and first["user_id"].n_unique() == 10
    assert first["user_id"].to_list() == sorted(first["user_id"].to_list(), key=lambda u: int(u[1:]))
    assert sample_users(frame, 0, 3).height == 100


def test_split_never_leaks(rng):
    sequences = [rng.permutation(30)[:n] + 1 for n in (3, 5, 9)]
    split = leave_one_out(sequences)
    for sequence, train, before in zip(sequences, split.train, split.test_histories, strict=True):
        assert sequence[-1] not in before and sequence[-2] not in train and sequence[-1] not in train
    histories = prefixes(split.train)
    assert len(histories) == sum(map(len, sequences)) - 2 * len(sequences)


def test_spliced_histories_begin_with_one_and_end_with_another(rng):
    sequences = [np.arange(1, 9), np.array([21, 22, 23]), np.array([31]), np.array([8, 7, 21])]
    seen = set()
    for _ in range(500):
        history = splice_histories(sequences, rng)
        assert len(history) and len(set(history.tolist())) == len(history)
        cuts = range(len(history))
        starts = [any(np.array_equal(history[:n], s[:n]) for s in sequences) for n in cuts]
        ends = [any(set(history[n:].tolist()) <= set(s.tolist()) for s in sequences) for n in cuts]
        assert any(start and end for start, end in zip(starts, ends, strict=True))
        seen.add(tuple(history.tolist()))
    assert len(seen) > 60, "they are many more than the sequences"
    assert splice_histories([np.array([7])], rng).tolist() == [7]


def test_a_bound_far_above_what_there_is_is_explained_at_once():
    rows = pl.DataFrame({"user_id": [f"u{n % 20}" for n in range(180)], "item_id": [f"i{n % 30}" for n in range(180)]})
    rows = rows.unique()
    told = explain_empty(rows, 10**23, 1, 3)
    most = rows.group_by("user_id").len()["len"].max()
    assert f"data.min_user={most} would keep" in told
    assert "no smaller data.min_user would keep any" in explain_empty(rows, 2, 10**9, 1) or "min_item" in told
