"""Targets and baselines: their protocol, models, training, ranking, and the labels given by a target."""
