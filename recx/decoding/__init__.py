"""Decoding: titles, lists, decisions and texts from a model."""
