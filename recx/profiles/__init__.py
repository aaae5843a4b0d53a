"""Settings of a run: a profile, what a data set and a kind of target need, and what the command line says."""
