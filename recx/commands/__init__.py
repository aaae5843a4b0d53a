"""The commands of `recx`, one file each: what a command accepts and what it does."""
