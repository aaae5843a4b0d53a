"""Notebooks as stages: what is stale, running, opening finished runs, drawing their figures again, the ablation."""
