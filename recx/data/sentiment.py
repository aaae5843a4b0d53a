"""Sentiment of English texts by VADER's word list and rules."""

import functools
from collections.abc import Callable


def sentiment(text: str) -> float:
    """Sentiment from -1 (negative) to 1 (positive): VADER's compound score.

    Source: Hutto & Gilbert, VADER, ICWSM 2014 (package vaderSentiment).
    """
    return _scores()(text)["compound"]


@functools.cache
def _scores() -> Callable[[str], dict[str, float]]:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer().polarity_scores
