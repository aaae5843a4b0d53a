"""Notebooks as stages: finding stale ones, running them, saving figures, opening finished runs, the ablation."""
