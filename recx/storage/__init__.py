"""What lies on disk: run folders with their manifest, kept texts, locks, weights."""
