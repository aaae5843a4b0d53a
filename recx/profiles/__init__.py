"""Settings of a run: profiles, overrides per data set and kind of target, and command-line overrides."""
