"""Language models: backbones, entity tokens, the aligned model, saving and loading."""
