"""Construction of the teaching backbone recx-tiny."""
