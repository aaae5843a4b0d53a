"""Tricks that make a CPU faster; each names the benchmark that justifies it."""
