"""`python -m reprise …`: the command line where it is not installed, as in the project's environment."""

from reprise.cli.commands import main

if __name__ == "__main__":
    main()
