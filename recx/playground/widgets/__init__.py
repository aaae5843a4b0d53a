"""Forms without logic of their own, which call the process that holds the models."""
