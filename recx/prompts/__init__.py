"""Words without a model: wordings, training tasks, tokens, and reading an answer back."""
