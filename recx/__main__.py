"""`python -m recx`: the command line without the installed script."""

from recx.cli import main

main()
