"""What is known of the people of MovieLens 100K, in both forms of its files."""

import gzip

import pytest

from recx.data.people import load_people
from recx.errors import DataError
from recx.settings import DataSettings

KNOWN = {
    "1": (("age", ("24",)), ("gender", ("male",)), ("occupation", ("technician",))),
    "2": (("age", ("53",)), ("gender", ("female",)), ("occupation", ("other",))),
}


def folder_with(tmp_path, user, content):
    for name in ("ml-100k.inter", "ml-100k.item") if user.startswith("ml") else ("u.data", "u.item"):
        (tmp_path / name).write_text("")
    path = tmp_path / user
    path.write_bytes(gzip.compress(content.encode()) if user.endswith(".gz") else content.encode())
    return DataSettings("ml-100k", str(tmp_path))


ATOMIC = "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n"


@pytest.mark.parametrize("name", ["ml-100k.user", "ml-100k.user.gz"])
def test_the_atomic_file_is_read(tmp_path, name):
    rows = "1\t24\tM\ttechnician\t85711\n2\t53\tF\tother\t94043\n"
    assert load_people(folder_with(tmp_path, name, ATOMIC + rows)) == KNOWN


def test_the_official_file_is_read(tmp_path):
    assert load_people(folder_with(tmp_path, "u.user", "1|24|M|technician|85711\n2|53|F|other|94043\n")) == KNOWN


def test_unknown_values_are_left_out(tmp_path):
    told = folder_with(tmp_path, "ml-100k.user", ATOMIC + "7\t\tF\t\t\n")
    assert load_people(told) == {"7": (("gender", ("female",)),)}


def test_damage_is_named(tmp_path):
    told = folder_with(tmp_path, "u.user", "1|24|M|technician|85711\n2|53\n")
    with pytest.raises(DataError, match=r"u\.user, line 2: 2 fields, expected 5"):
        load_people(told)


def test_a_data_set_without_such_a_file_has_none():
    assert load_people(DataSettings("demo")) == {}


def test_the_real_people(real_data):
    people = load_people(DataSettings("ml-100k", str(real_data)))
    genders = [dict(facts)["gender"][0] for facts in people.values()]
    assert len(people) == 943 and sorted({*genders}) == ["female", "male"] and genders.count("female") == 273
