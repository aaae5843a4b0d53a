"""Training data of the alignment, and the training itself."""
