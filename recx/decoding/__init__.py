"""From a model to titles, lists, decisions and texts."""
