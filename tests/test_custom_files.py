"""Which files of a folder are read, and RecBole files with other column names."""

import numpy as np
import pytest

from recx.data.registry import find_source, load_dataset
from recx.data.split import leave_one_out
from recx.errors import DataError
from recx.prompts.controls import Control
from recx.prompts.pieces import as_text
from recx.prompts.templates import templated_explanation
from recx.settings import Columns
from recx.settings import DataSettings as D

ARTISTS = [f"Velvet Fox {n}" for n in range(9)]


def atomic(folder, inter_head="user_id:token\tartist_id:token\tweight:float", items=True, row="{u}\ta{i}\t{n}"):
    rows = [row.format(u=u, i=(u + n) % 9, n=n) for u in range(9) for n in range(6)]
    (folder / "lastfm.inter").write_text("\n".join([inter_head, *rows]) + "\n")
    if items:
        lines = [f"a{i}\t{name}\thttp://x/{i}\tWarp" for i, name in enumerate(ARTISTS)]
        head = "artist_id:token\tname:token_seq\turl:token\tlabel:token_seq"
        (folder / "lastfm.item").write_text("\n".join([head, *lines]) + "\n")
    return D(name=str(folder))


def test_artists_of_recbole(tmp_path):
    data = load_dataset(atomic(tmp_path))
    assert set(data.catalogue.titles[1:]) == set(ARTISTS) and len(data.user_ids) == 9
    assert "lastfm.inter: item is 'artist_id'" in str(data.report)
    assert "lastfm.item: item is 'artist_id', title is 'name'" in str(data.report)
    assert any("no time column" in w for w in data.report.warnings)


def test_a_record_label_is_no_label_of_the_kit(tmp_path):
    data = load_dataset(atomic(tmp_path))
    frame = data.catalogue.frame()
    assert frame["label"].to_list() == frame["title"].to_list()
    assert frame["given label"].to_list() == [["Warp"]] * 9
    assert "column 'label' is renamed to 'given label'" in str(data.report)


def test_settings_name_columns_of_atomic_files(tmp_path):
    settings = atomic(tmp_path, "visitor:token\tthing:token\tartist_id:token", row="{u}\tx{n}\ta{i}")
    told = D(name=settings.name, columns=Columns(user="visitor", item="artist_id", title="url"))
    assert load_dataset(told).catalogue.titles[1].startswith("http://x/")
    with pytest.raises(DataError, match="no column 'artist', set as data.columns.item; found visitor, thing"):
        load_dataset(D(name=settings.name, columns=Columns(item="artist")))


def test_interactions_of_recbole_alone_have_their_ids_for_titles(tmp_path):
    data = load_dataset(atomic(tmp_path, items=False))
    assert sorted(data.catalogue.titles[1:]) == [f"a{i}" for i in range(9)]


def test_dates_and_lists_in_atomic_files(tmp_path):
    head, row = "user_id:token\titem_id:token\twhen:token", "{u}\ti{i}\t2009-03-1{n}"
    data = load_dataset(atomic(tmp_path, head, items=False, row=row))
    assert "e.g. '2009-03-10', are read as %Y-%m-%d" in str(data.report)
    assert not any("no time column" in w for w in data.report.warnings)
    (tmp_path / "lastfm.inter").write_text(
        "who:token\tbook_id_list:token_seq\tbook_id:token\n" + "".join(f"{u}\tb1 b2 b3 b4\tb5\n" for u in range(6))
    )
    data = load_dataset(D(name=str(tmp_path)))
    assert [data.catalogue.item_ids[i] for i in data.sequences[0]] == ["b1", "b2", "b3", "b4", "b5"]
    assert not any("no time column" in w for w in data.report.warnings)


def test_the_newest_first_is_put_in_order(tmp_path):
    """A time column with an unusual name, in a file whose rows are not in order of time."""
    rows = [f"u{u};{a};{1_700_000_000 - 100 * n}" for u in range(9) for n, a in enumerate(ARTISTS)]
    (tmp_path / "interactions.csv").write_text("user;artist;listened\n" + "\n".join(rows) + "\n")
    data = load_dataset(D(name=str(tmp_path)))
    last = leave_one_out(data.sequences).test
    assert {data.catalogue.titles[i] for i in last} == {ARTISTS[0]}


@pytest.mark.parametrize(
    "names, files",
    [
        (["plays.tsv"], ["plays.tsv"]),
        (["plays.csv", "README.txt", "LICENSE.txt", ".hidden.csv", "cover.png"], ["plays.csv"]),
        (["interactions.csv.gz"], ["interactions.csv.gz"]),
        (["interactions.csv", "items.tsv", "more.csv"], ["interactions.csv", "items.tsv"]),
        (["plays.zip"], ["plays.zip"]),
        (["x.inter", "x.item.gz", "notes.csv"], ["x.inter", "x.item.gz"]),
        (["a.csv", "b.csv"], "holds a.csv, b.csv. Name the log"),
        (["x.train.inter", "x.test.inter"], "holds x.test.inter, x.train.inter. Name the log"),
        (["x.item"], "expected an interaction log.*found x.item"),
        (["log.xlsx"], "expected an interaction log.*found log.xlsx"),
    ],
)
def test_which_files_of_a_folder_are_read(tmp_path, names, files):
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    if isinstance(files, str):
        with pytest.raises(DataError, match=files):
            find_source(str(tmp_path))
    else:
        assert list(find_source(str(tmp_path)).layouts[0].files) == files


def test_an_archive_holds_one_file(tmp_path):
    (tmp_path / "log.zip").write_bytes(b"no archive")
    with pytest.raises(DataError, match="log.zip: cannot be read"):
        load_dataset(D(name=str(tmp_path)))


def test_braces_in_a_value_are_text(tmp_path):
    """Values come from outside and are never interpreted as slots of a wording."""
    rows = [f"u{u},{i},{n}" for u in range(6) for n, i in enumerate(range(9))]
    (tmp_path / "interactions.csv").write_text("user_id,item_id,timestamp\n" + "\n".join(rows) + "\n")
    (tmp_path / "items.csv").write_text(
        "item_id,title,{genre}\n" + "\n".join(f"{i},T {i},{{t}} {{0}}" for i in range(9))
    )
    catalogue = load_dataset(D(name=str(tmp_path))).catalogue
    said = templated_explanation(np.random.default_rng(0), catalogue, [1, 2, 3], 5, True, Control())
    assert "{t} {0}" in as_text(said, catalogue)


def test_items_without_a_header_keep_ids_that_count_up(tmp_path):
    (tmp_path / "interactions.csv").write_text(
        "".join(f"{u},{1 + (u + n) % 9},{n}\n" for u in range(9) for n in range(6))
    )
    (tmp_path / "items.csv").write_text("".join(f"{i}|{name}|Warp\n" for i, name in enumerate(ARTISTS, 1)))
    columns = Columns(user="1", item="2", timestamp="3", title="2")
    data = load_dataset(D(name=str(tmp_path), columns=columns, min_user=3, min_item=1))
    assert dict(zip(data.catalogue.item_ids[1:], data.catalogue.titles[1:], strict=True)) == {
        str(i): name for i, name in enumerate(ARTISTS, 1)
    }
