"""`python -m syntagma`: the command line."""

from syntagma.cli import main

main()
