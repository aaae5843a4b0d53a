"""What of a history moved the target: values of its parts, attributions, and the smallest changes that flip it."""
