"""Words without a model: wordings, requests, training tasks, tokens, and reading an answer back."""
