from recx.alignment.reading import Reader
from recx.data.catalogue import build_catalogue
from recx.explaining.answers import Explanation
from recx.widgets.playground import render


def test_titles_and_text_are_escaped_and_citations_marked():
    catalogue = build_catalogue(["a", "b", "c"], ["<script>x</script>", "Portal", "Halo"], {"genre": [["Puzzle"]] * 3})
    text = 'Yes. "Portal" and "Halo" fit <b>well</b>; "<script>x</script>" is a Puzzle title.'
    reading = Reader(catalogue).read(text, [2], 1)
    shown = render(Explanation(1, catalogue.labels[1], True, text, reading.citations, reading.statements))
    assert "<script>" not in shown and "<b>well</b>" not in shown
    assert "Portal&quot;" not in shown
    assert shown.count("&#10003;") == 1 and shown.count("&#10007;") == 1
