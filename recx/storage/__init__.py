"""Storage on disk: run folders with their manifests, cached texts, locks, weights."""
