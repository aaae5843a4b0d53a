"""Tables state in words if there was nothing to measure."""

import numpy as np

from recx.evaluation.effect_summary import summary
from recx.evaluation.metric_records import metric_record
from recx.evaluation.summary_tables import plain_table, side_by_side
from recx.evaluation.test_set import Pairs
from recx.explaining.records import Explanation

NONE = metric_record("unaligned", "stated_attributes_true", np.array([np.nan, np.nan]))
SOME = metric_record("unaligned", "cited_in_history", np.array([1.0, 0.0]))


def test_a_catalogue_without_attributes_is_said_to_have_none():
    for table in (plain_table([NONE, SOME]), side_by_side([NONE, SOME]).to_string()):
        assert "no attributes" in table and "0.500" in table and "nan" not in table


def test_the_summary_counts_no_statements_where_there_are_none():
    explained = [Explanation(2, "Portal", True, "Yes. It fits.", (), (), "")]
    pairs = Pairs([np.array([1])], np.array([2]), np.array([True]), np.array([0]))
    text = summary([SOME], [NONE], explained, pairs)
    assert "no attributes of the catalogue are stated" in text and "0 of 0 stated" not in text and "nan" not in text


def test_verdicts_have_rows_of_their_own():
    records = [metric_record("template", "gain", np.ones(n)) | {"verdict": v} for v, n in (("liked", 2), ("both", 5))]
    table = side_by_side([*records, metric_record("template", "phi", np.ones(5)) | {"verdict": "both"}])
    assert table["n"].to_dict() == {"template (liked)": "2", "template (both)": "5", "template": "5"}
    assert table.loc["template", "gain"] == "" and table.loc["template (both)", "gain"].startswith("1.000")


def test_many_numbers_of_users_are_a_range():
    records = [metric_record("unaligned", f"metric {n}", np.ones(n)) for n in (7, 3, 9, 5)]
    assert side_by_side(records).loc["unaligned", "n"] == "3 to 9"
    assert side_by_side(records[:3]).loc["unaligned", "n"] == "7 / 3 / 9"
