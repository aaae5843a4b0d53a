"""Metrics with intervals for alignment and explanations, and the published numbers."""
