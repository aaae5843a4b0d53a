"""Texts as TF-IDF vectors of their words, marks and pairs of these, as discriminators read them."""

from sklearn.feature_extraction.text import TfidfVectorizer

TOKEN = r"(?u)\b\w+\b|[^\w\s]"  # a word, or a punctuation mark


def word_vectors() -> TfidfVectorizer:
    """A vectorizer that counts what at least two texts contain."""
    return TfidfVectorizer(ngram_range=(1, 2), token_pattern=TOKEN, min_df=2, sublinear_tf=True)
