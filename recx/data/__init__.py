"""Interactions and catalogues: sources, readers, filtering, splits, statistics, the demo world."""
