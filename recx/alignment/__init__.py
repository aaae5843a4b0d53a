"""What alignment learns from, and the training."""
