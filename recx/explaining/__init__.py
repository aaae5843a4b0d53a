"""Explainers, all with one protocol: an aligned model, a chat model, texts from elsewhere."""
