"""Model-independent writing of prompts: wordings, requests, evidence, training tasks, tokens."""
