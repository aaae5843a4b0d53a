import pytest

from recx.storage.atomic_files import replace_file, replacing_folder


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "a.json"
    replace_file(path, "é")
    assert path.read_bytes() == "é".encode()
    replace_file(path, b"\x00")
    assert path.read_bytes() == b"\x00" and list(tmp_path.iterdir()) == [path]


def test_the_old_file_stays_where_the_new_one_cannot_be_written(tmp_path):
    path = tmp_path / "a.json"
    replace_file(path, "old")
    with pytest.raises(UnicodeEncodeError):
        replace_file(path, "\ud800")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        replace_file(tmp_path / "folder", "new")
    assert path.read_text() == "old" and sorted(p.name for p in tmp_path.iterdir()) == ["a.json", "folder"]


def test_a_folder_is_replaced_as_a_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "made"
    with replacing_folder(folder) as beside:
        (beside / "a").write_text("old")
    with pytest.raises(ZeroDivisionError), replacing_folder(folder) as beside:
        (beside / "a").write_text("new")
        raise ZeroDivisionError
    assert (folder / "a").read_text() == "old" and list(tmp_path.iterdir()) == [folder]
    with replacing_folder(folder) as beside:
        (beside / "b").write_text("new")
    assert [p.name for p in folder.iterdir()] == ["b"] and list(tmp_path.iterdir()) == [folder]
