"""Which parts of a history moved the target: values of its parts, attributions, and counterfactuals."""
