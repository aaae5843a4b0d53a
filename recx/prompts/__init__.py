"""Model-independent text: wordings, requests, training tasks, tokens, and parsing of answers."""
