"""How the teaching backbone recx-tiny is made."""
