"""Explainers behind one protocol: aligned models, chat models and imported texts."""
