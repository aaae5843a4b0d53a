"""The commands of `recx`: what each accepts and what it does, one file a command."""
