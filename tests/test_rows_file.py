"""Encoded rows are read back unchanged, and a damaged file gives a clear error."""

import numpy as np
import pytest
from safetensors.torch import load_file, save_file
from small_training import small_rows

from recx.alignment.rows_file import load_rows, save_rows
from recx.errors import CheckpointError


def test_rows_come_back(tmp_path):
    rows = small_rows()
    save_rows(rows, tmp_path / "rows.safetensors")
    again = load_rows(tmp_path / "rows.safetensors")
    for name in ("ids", "offsets", "answer_mask", "tasks"):
        assert np.array_equal(getattr(rows, name), getattr(again, name)), name
    assert [p.name for p in tmp_path.iterdir()] == ["rows.safetensors"]


@pytest.mark.parametrize("damage", ["missing", "cut", "part missing", "other task", "other length"])
def test_damaged_rows_are_a_clear_error(tmp_path, damage):
    path = tmp_path / "rows.safetensors"
    save_rows(small_rows(), path)
    tensors = load_file(path)
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-10])
    elif damage == "part missing":
        save_file({name: t for name, t in tensors.items() if name != "answer_mask"}, path)
    elif damage == "other task":
        save_file(tensors | {"tasks": tensors["tasks"] + 100}, path)
    else:
        save_file(tensors | {"ids": tensors["ids"][:-1].clone()}, path)
    with pytest.raises(CheckpointError, match="Delete"):
        load_rows(path)
