"""`python -m filmbadge` is the command."""

from filmbadge.cli import main

if __name__ == "__main__":
    main()
