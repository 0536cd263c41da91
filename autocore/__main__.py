"""`python -m autocore` is the command `autocore`."""

from autocore.cli import main

main()
