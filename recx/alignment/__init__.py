"""Aligning a language model to a target: prompts, tasks, entity tokens, training, decoding."""
