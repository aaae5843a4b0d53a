"""Quotes of a text are held to titles while it is written."""

import numpy as np

from recx.decoding.quote_constraint import QuoteConstraint

QUOTE, STOP = 9, 8
A, AB, SUBJECT = np.array([QUOTE, 1, QUOTE]), np.array([QUOTE, 1, 2, QUOTE]), np.array([QUOTE, 5, QUOTE])


def write(quotes, tokens):
    for token in tokens:
        allowed = quotes.allowed()
        assert allowed is None or token in allowed
        quotes.advance(token)


def test_a_quote_leads_along_a_title_and_cites_it_once():
    quotes = QuoteConstraint([A, AB], SUBJECT, STOP)
    write(quotes, [4, 1, QUOTE])
    assert quotes.allowed() == [1, 5]
    write(quotes, [1])
    assert quotes.allowed() == [2, QUOTE]
    write(quotes, [QUOTE])
    assert quotes.allowed() is None
    write(quotes, [3, QUOTE, 1])
    assert quotes.allowed() == [2]


def test_the_subject_comes_before_those_cited_in_a_sentence():
    quotes = QuoteConstraint([A, AB, np.array([QUOTE, 6, QUOTE])], SUBJECT, STOP)
    write(quotes, [*SUBJECT, 3, *SUBJECT, 3, *A, 3, QUOTE])
    assert quotes.allowed() == [1, 6]
    write(quotes, [1, 2, QUOTE, STOP, QUOTE])
    assert quotes.allowed() == [5, 6]


def test_what_a_sentence_takes_from_the_history_is_not_the_subject():
    source = 7
    quotes = QuoteConstraint([A, AB], SUBJECT, STOP, source)
    write(quotes, [*SUBJECT, STOP, source, 3, QUOTE])
    assert quotes.allowed() == [1]
    write(quotes, [1, QUOTE, STOP, QUOTE])
    assert quotes.allowed() == [1, 5]  # a new sentence


def test_what_is_all_cited_may_be_cited_again():
    quotes = QuoteConstraint([A, AB], SUBJECT, STOP)
    write(quotes, [*A, 3, *AB, 3, QUOTE])
    assert quotes.allowed() == [1]
    write(quotes, [1])
    assert quotes.allowed() == [2, QUOTE]


def test_without_anything_to_cite_there_is_the_subject():
    quotes = QuoteConstraint([], SUBJECT, STOP)
    write(quotes, [*SUBJECT, 3, QUOTE])
    assert quotes.allowed() == [5]
    assert quotes.fingerprint() != QuoteConstraint([A], SUBJECT, STOP).fingerprint()
