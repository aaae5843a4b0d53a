"""The Explainer: questions about a person and an item, answered by an aligned model."""
