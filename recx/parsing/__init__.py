"""Reading of texts: decisions, cited titles, stated attribute values, numbers and rules."""
