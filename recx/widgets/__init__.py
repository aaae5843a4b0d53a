"""Notebook widgets; they show what the Explainer returns and hold no logic of their own."""
