"""Targets and baselines: their protocol, models, training, ranking, and the labels a target gives."""
