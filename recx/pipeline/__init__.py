"""Notebooks as stages: what is stale, running them, saving figures, opening finished runs, the ablation."""
