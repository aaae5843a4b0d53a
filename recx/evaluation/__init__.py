"""Metrics of alignment and explanations with confidence intervals, and the published numbers."""
